"""Sequences in parts."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.batches import batches


@given(st.lists(st.integers()), st.integers(1, 20))
def test_batches_together_are_the_items(items, size):
    """Every item is in one part, in order; all parts but the last are full, none is empty."""
    parts = list(batches(items, size))
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1])
    assert all(0 < len(part) <= size for part in parts)
