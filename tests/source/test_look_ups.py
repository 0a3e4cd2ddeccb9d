"""`${ssm:…}` and its kin in the files: kept as they are written, in the fields that may wait for them."""

import copy

import pytest

from reconciler.model.desired import OnChange
from reconciler.model.lookups import Deferred, Lookup
from tests.source.conftest import DEFAULTS, HEADER

WEB = """\
services:
  web:
    image: h/a:1
"""


def web(world, *texts):
    """Return the service of an app."""
    app = world.app(HEADER, DEFAULTS, *texts)
    return app, app.services[0]


def container(service):
    """Return its one container."""
    return service.task_definition["containerDefinitions"][0]


def test_a_look_up_waits_in_the_document_and_is_named(world):
    """The document shows the text as written, marked; the app names what has to be asked."""
    app, service = web(
        world,
        "vars: {net: {subnets: '${ssm:/net/subnets}'}, unused: '${ssm:/unused}'}\n",
        WEB,
        "    networkConfiguration: ${vars.net}\n"
        "    desiredCount: ${ssm:/${environment}/count:-2}\n"
        "    environment: {URL: 'http://${cfn:Web.Host}:${vars.port:-80}'}\n",
    )
    assert app.lookups == {"ssm:/net/subnets", "ssm:/production/count", "cfn:Web.Host"}
    subnets = service.service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]
    assert isinstance(subnets, Deferred)
    assert subnets.sole == Lookup("ssm:/net/subnets")
    count = service.service["desiredCount"]
    assert (count, count.sole.default) == ("${ssm:/production/count:-2}", ("2",))
    [pair] = container(service)["environment"]
    assert pair["value"].parts == ("http://", Lookup("cfn:Web.Host"), ":80")
    assert service.origins["service", "desiredCount"].line == 16


def test_a_literal_text_is_no_look_up(world):
    """`$${ssm:/x}` is text, and the app means something else than one with the look-up."""
    literal, service = web(world, WEB, "    environment: {A: '$${ssm:/x}'}\n")
    assert container(service)["environment"] == [{"name": "A", "value": "${ssm:/x}"}]
    assert not literal.lookups
    asked, _ = web(world, WEB, "    environment: {A: '${ssm:/x}', B: '$${ssm:/x}'}\n")
    other, _ = web(world, WEB, "    environment: {A: '$${ssm:/x}', B: '${ssm:/x}'}\n")
    assert len({literal.content_hash, asked.content_hash, other.content_hash}) == 3


def test_words_of_a_command_keep_their_look_ups(world):
    """A command is split around look-ups, even where their names have spaces; one alone stays whole."""
    _, service = web(
        world,
        "tfstate: s3://bucket/state\n",
        WEB,
        "    command: run --to '${cfn:Web.Host}:80' ${tfstate:aws_x.y[\"a b\"].id}\n"
        "    entryPoint: ${ssm:/entry}\n",
    )
    found = container(service)
    assert [str(word) for word in found["command"]] == [
        "run",
        "--to",
        "${cfn:Web.Host}:80",
        '${tfstate:aws_x.y["a b"].id}',
    ]
    assert [isinstance(word, Deferred) for word in found["command"]] == [False, False, True, True]
    assert found["entryPoint"].sole == Lookup("ssm:/entry")


def test_an_image_may_be_looked_up(world):
    """Whatever deploys writes the tag to a parameter: `images:` and containers take it from there."""
    app, service = web(
        world,
        "images: {app: 'h/a:${ssm:/tag}'}\n",
        WEB.replace("h/a:1", "${images.app}"),
    )
    assert isinstance(container(service)["image"], Deferred)
    assert isinstance(app.images["app"], Deferred)
    assert app.lookups == {"ssm:/tag"}


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (HEADER.replace("cluster: production", "cluster: ${ssm:/c}"), WEB, "cluster"),
        (HEADER + "guard: {image: '${ssm:/g}'}\n", WEB, "guard.image"),
        (HEADER, "services: {web: {image: h/a:1, serviceName: '${ssm:/n}'}}", "serviceName"),
        (HEADER, "services: {web: {image: h/a:1, after: ['${ssm:/n}']}}", "after"),
        (HEADER, "services: {web: {image: h/a:1, launchType: '${ssm:/n}'}}", "launchType"),
        (HEADER, "migrations: {db: {image: h/a:1, revision: '${ssm:/n}'}}", "revision"),
        (HEADER, "migrations: {db: {image: h/a:1, revision: 1, attempt: '${ssm:/n}'}}", "attempt"),
        (
            HEADER + "vars: {n: '${ssm:/n}'}\n",
            WEB.replace("h/a:1", "h/a:1\n    name: '${vars.n}'"),
            "name",
        ),
    ],
)
def test_no_name_and_nothing_that_decides_comes_from_a_look_up(world, before, after, path):
    """Who an app is, what its parts are called and whether a migration ran is known offline."""
    [error] = [e for e in world.errors(before, DEFAULTS, after) if e.rule == "look-up"]
    assert "takes no look-up" in error.message
    assert path in error.message


def test_a_variable_may_be_called_name(world):
    """Keys of the user's own maps are no names of ours."""
    _, service = web(world, WEB, "    environment: {name: '${ssm:/x}', type: '${ssm:/y}'}\n")
    assert all(isinstance(p["value"], Deferred) for p in container(service)["environment"])


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("    networkConfiguration: ${ssm:/x}\n", "must be a map"),
        ("    loadBalancers: ${ssm:/x}\n", "must be a list"),
        ("    networkConfiguration: {subnets: 'a-${ssm:/x}'}\n", "must be a list"),
    ],
)
def test_a_look_up_yields_scalars_and_lists_of_them(world, line, part):
    """No parameter holds a map, and a text around a look-up is no list."""
    messages = [e.message for e in world.errors(HEADER, DEFAULTS, WEB, line)]
    assert any(part in message for message in messages)


@pytest.mark.parametrize(
    ("section", "name", "part"),
    [
        ("tfstate: s3://bucket/k", "tfstate:aws_x", "is not an address"),
        ("tfstate: s3://bucket/k", "tfstate.net:aws_x.y.id", "there is one state"),
        ("tfstate: {net: s3://bucket/k}", "tfstate:aws_x.y.id", "name one of the states"),
        ("tfstate: {net: s3://bucket/k}", "tfstate.nte:aws_x.y.id", "did you mean 'net'"),
        ("tfstate: https://b/k", "app", "neither s3://bucket/key nor a path"),
        ("tfstate: {Net: s3://bucket/k}", "app", "is not a name"),
    ],
)
def test_states_are_named_and_addresses_are_read(world, section, name, part):
    """A wrong address or an unknown state is said offline, at its place."""
    text = f"{section}\n{WEB}    environment: {{A: '${{{name}}}'}}\n"
    assert any(part in e.message for e in world.errors(HEADER, DEFAULTS, text))


def test_states_by_name(world):
    """Several states are told apart by name; one alone has none."""
    one, _ = web(world, "tfstate: ../terraform.tfstate\n", WEB)
    assert one.states == {"": "../terraform.tfstate"}
    two, _ = web(
        world,
        "tfstate: {net: s3://bucket/k, app: app.tfstate}\n",
        WEB,
        "    environment: {A: '${tfstate.net:output.a}'}\n",
    )
    assert two.states == {"net": "s3://bucket/k", "app": "app.tfstate"}
    assert two.lookups == {"tfstate.net:output.a"}


def test_allowed_variables_are_desired_state(world):
    """`sync.allowEnv` is read, and changes what the app means."""
    without, _ = web(world, WEB)
    app, _ = web(world, "sync: {allowEnv: [HOST]}\n", WEB)
    assert app.sync.allow_env == {"HOST"}
    assert app.content_hash != without.content_hash
    [error] = world.errors(HEADER, DEFAULTS, "sync: {allowEnv: [A-B]}\n", WEB)
    assert "environment variable" in error.message


def test_a_mark_survives_copies():
    """What copies documents does not turn a look-up into text."""
    value = Deferred(("a", Lookup("ssm:/x", ("b",))))
    for copied in (copy.copy(value), copy.deepcopy(value)):
        assert copied == "a${ssm:/x:-b}"
        assert copied.parts == value.parts


@pytest.mark.parametrize("word", ["onMovedTag", "onChangedSecret"])
def test_what_follows_a_moved_tag_or_a_changed_secret(world, word):
    """Each service says it for itself; that one says nothing is known, since it asks for less."""
    hashes = set()
    for value in OnChange:
        app, service = web(world, WEB, f"    {word}: {value}\n")
        found = {"onMovedTag": service.on_moved_tag, "onChangedSecret": service.on_changed_secret}
        assert found.pop(word) is value
        assert list(found.values()) == [None]
        hashes.add(app.content_hash)
    assert len(hashes) == len(OnChange)
    plain, _ = web(world, WEB)
    assert plain.content_hash not in hashes
    [error] = world.errors(HEADER, DEFAULTS, WEB, f"    {word}: restart\n")
    words = "must be 'report', 'redeploy' or 'ignore', not 'restart'"
    assert f"services.web.{word}: {words}" in error.message
