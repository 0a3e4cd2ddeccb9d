"""The check at start names what a new moto moved."""

from __future__ import annotations

import pytest

from reconciler.local.selfcheck import PATCH_POINTS, check_moto
from reconciler.model.errors import ReconcilerError


def test_the_installed_moto_is_the_known_one():
    """Every patch point is there."""
    check_moto()


@pytest.mark.parametrize("point", PATCH_POINTS, ids=lambda p: p[1])
def test_each_missing_point_is_named(point):
    """A point that no longer holds, or whose module or name is gone, is in the message."""
    module, name, _ = point
    broken = [
        (module, name, lambda _: False),
        (module, f"{name}_gone", callable),
        (f"{module}_gone", name, callable),
    ]
    with pytest.raises(ReconcilerError) as raised:
        check_moto(broken)
    for wrong_module, wrong_name, _ in broken:
        assert f"{wrong_module}.{wrong_name}" in str(raised.value)
    assert "pip install 'moto[server]==" in str(raised.value)


def test_moto_may_be_absent(monkeypatch):
    """The message says what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "moto", None)
    with pytest.raises(ReconcilerError, match=r"ecs-reconciler\[local\]"):
        check_moto()
