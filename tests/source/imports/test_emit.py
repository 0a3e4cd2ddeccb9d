"""What is written is read back to the character, and looks as if a person had written it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.source.imports.emit import as_yaml
from reconciler.source.imports.tree import Keys, Reference
from reconciler.source.nodes import Mapping, plain
from reconciler.source.parse import parse
from reconciler.source.references import Resolver
from reconciler.source.report import Report
from tests.app.live_values import TRICKY

TEXTS = st.one_of(
    st.sampled_from(TRICKY),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    st.text("ab \n\t:#-'\"$%{}[],&*!|>?@`\\", max_size=20),
)
TREES = st.recursive(
    TEXTS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.builds(lambda d, apart: Keys(d, apart=apart), st.dictionaries(TEXTS, inner, max_size=4), st.booleans()),
    ),
    max_leaves=12,
)  # fmt: skip


def read(text: str) -> object:
    """Read YAML as `source` does, references resolved."""
    report = Report()
    root = parse("app.yaml", text.encode(), report)
    assert report.errors == ()
    assert root is not None
    resolved = Resolver(Mapping(root.place), report).resolve(root)
    assert report.errors == ()
    return plain(resolved)


def as_texts(value: object) -> object:
    """Return a tree as plain maps, lists and texts."""
    if isinstance(value, dict):
        return {k: as_texts(v) for k, v in value.items()}
    return [as_texts(v) for v in value] if isinstance(value, list) else value


@given(st.dictionaries(TEXTS, TREES, min_size=1, max_size=4), st.booleans())
def test_every_text_comes_back(tree, apart):
    """Keys and values of any characters, nested in any way, in quotes, blocks or flow."""
    keys = Keys(tree, apart=apart)
    for key in tree:
        keys.say(key, "a comment: with 'signs' # and\nbreaks")
    assert read(as_yaml(keys)) == as_texts(tree)


def test_it_reads_well():
    """Short lists and maps are on one line, texts only in quotes where they look like something else."""
    environment = Keys(
        [("RAILS_ENV", "production"), ("PORT", "3000"), ("MOTD", "a\nb\n"), ("TOKEN", Reference("${live}"))]
    )  # fmt: skip
    environment.say("TOKEN", "looks like a secret")
    web = Keys(
        [
            ("image", Reference("${images.app}")),
            ("command", ["sh", "-c", "a && b"]),
            ("portMappings", [80]),
            ("environment", environment),
            ("loadBalancers", [{"targetGroupArn": "arn:x", "containerName": "web", "containerPort": 80}]),
            ("deploymentCircuitBreaker", {"enable": True, "rollback": True}),
        ]
    )  # fmt: skip
    services = Keys([("web", web), ("worker", Keys([("from", "app"), ("cpu", 256)]))], apart=True)
    assert (
        as_yaml(Keys([("services", services)]))
        == """\
services:
  web:
    image: ${images.app}
    command: [sh, -c, a && b]
    portMappings: [80]
    environment:
      RAILS_ENV: production
      PORT: "3000"
      MOTD: |
        a
        b
      # looks like a secret
      TOKEN: ${live}
    loadBalancers:
      - targetGroupArn: arn:x
        containerName: web
        containerPort: 80
    deploymentCircuitBreaker: {enable: true, rollback: true}

  worker:
    from: app
    cpu: 256
"""
    )


def test_a_reference_in_a_list_is_quoted():
    """`[${x}]` is no YAML."""
    assert as_yaml(Keys([("a", [Reference("${vars.x}")])])) == "a: ['${vars.x}']\n"
