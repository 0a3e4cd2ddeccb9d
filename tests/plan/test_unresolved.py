"""Why look-ups gave no value, in words: each reason once, and nothing that it is about is left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.lookups import Unresolved
from reconciler.plan.unresolved import said, told

DENIED = "AWS refused ssm:GetParameters: not authorized; add the permission ssm:GetParameters"


def denied(name: str, place: str) -> Unresolved:
    """Return a parameter that IAM does not let us read, used at a place."""
    return Unresolved(name, f"${{{name}}}: {DENIED} on {name}", cause=DENIED, place=place)


@pytest.mark.parametrize(
    ("unresolved", "expected"),
    [
        (
            (denied("ssm:/a", "app.yaml:3:5"), denied("ssm:/b", "app.yaml:9:5")),
            f"${{ssm:/a}} (app.yaml:3:5), ${{ssm:/b}} (app.yaml:9:5): {DENIED}",
        ),
        (
            (denied("ssm:/a", "app.yaml:3:5"), denied("ssm:/a", "app.yaml:9:5")),
            f"${{ssm:/a}}: {DENIED} on ssm:/a (app.yaml:3:5, app.yaml:9:5)",
        ),
        ((denied("ssm:/a", ""),), f"${{ssm:/a}}: {DENIED} on ssm:/a"),
    ],
    ids=["two parameters", "one in two places", "no place"],
)
def test_one_permission_is_one_reason(unresolved: tuple[Unresolved, ...], expected: str) -> None:
    """It names every look-up with each place; of one alone the resource is named, too."""
    assert said(unresolved) == f"look-up failed: {expected}"


def test_what_waits_for_another_resource_has_not_failed() -> None:
    """It is blocked, and no reason of its own."""
    assert said((Unresolved("redis.main.url", "not yet", blocked_by="redis/main"),)) == ""


@given(
    st.lists(
        st.builds(
            Unresolved,
            st.sampled_from(["ssm:/a", "ssm:/b", "cfn:s.O"]),
            st.sampled_from(["gone", "denied"]),
            cause=st.sampled_from(["", "the cause"]),
            place=st.sampled_from(["a.yaml:1:1", "a.yaml:2:2", "b.yaml:1:1"]),
        )
    )
)
def test_nothing_is_left_out_and_nothing_is_said_twice(unresolved: list[Unresolved]) -> None:
    """Every one is behind exactly one reason, which has its place in it."""
    reasons = told(unresolved)
    assert sum(len(ones) for ones in reasons.values()) == len(unresolved)
    for text, ones in reasons.items():
        assert all(one.place in text for one in ones)
        assert text.count("the cause") <= 1
