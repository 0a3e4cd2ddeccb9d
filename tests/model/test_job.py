"""Names of occurrences."""

from __future__ import annotations

import pytest

from reconciler.model.job import occurrence_named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("2026-11-22T18:00:00Z", "2026-11-22T18:00:00Z"),
        ("manual-k1", "manual-k1"),
        ("k1", "manual-k1"),
        ("2026-11", "manual-2026-11"),
    ],
)
def test_an_occurrence_is_named_by_its_name_or_by_its_key(text, named):
    """Who triggered a run under a key may name it so; what the ledger calls it is taken as it is."""
    assert occurrence_named(text) == named
