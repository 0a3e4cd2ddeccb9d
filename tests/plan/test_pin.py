"""What of the digests is remembered."""

from __future__ import annotations

from reconciler.plan.pin import kept_pins


def test_pins_in_use_always_stay() -> None:
    """However many are remembered, the references of the desired state keep their digest."""
    remembered = {f"shop:{n:04d}": "old" for n in range(900)}
    resolved = {"shop:0000": "a", "nginx:1": "b"}

    kept = kept_pins(remembered, resolved, most=100)

    assert len(kept) == 100
    assert resolved.items() <= kept.items()
    assert "shop:0899" in kept
    assert "shop:0001" not in kept


def test_few_pins_all_stay() -> None:
    """Nothing is forgotten while there is room."""
    assert kept_pins({"a:1": "x"}, {"a:2": "y"}) == {"a:1": "x", "a:2": "y"}


def test_more_in_use_than_the_limit_are_kept() -> None:
    """The limit is about what is no longer used."""
    resolved = {f"a:{n}": "x" for n in range(5)}

    assert kept_pins({"b:1": "y"}, resolved, most=3) == resolved
