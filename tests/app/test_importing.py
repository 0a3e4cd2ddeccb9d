"""`init` writes what `diff` then has nothing to say about: held for generated and for typical services."""

from __future__ import annotations

from hypothesis import given, note, settings
from hypothesis import strategies as st

from reconciler.app.importing import prove
from reconciler.source.imports.live import Target
from tests.app.live_values import DIGEST, IMAGES, REPOSITORY, SECRET, Maker

TARGET = Target("shop", "production", "123456789012", "ap-northeast-1", "production")
REGISTRY = {i: f"{REPOSITORY}@{DIGEST}" for i in IMAGES if i.startswith(REPOSITORY)} | {
    i: i for i in IMAGES if not i.startswith(REPOSITORY)
}


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_what_is_imported_is_no_difference(seed):
    """Any service that ECS would have taken is written so that the plan against it is empty."""
    found = Maker(seed).cluster()
    proof = prove(TARGET, found, REGISTRY)
    text = "\n".join(proof.written.files.values()) if proof.written else ""
    note(text)

    assert SECRET not in text
    problems = [p for s in proof.services for p in s.problems]
    assert [p for p in problems if "looks like a secret" not in p] == []
    assert list(proof.differences) == []
