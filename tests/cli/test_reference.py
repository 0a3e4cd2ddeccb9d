"""docs/cli.md says what the program says."""

from __future__ import annotations

from reconciler.cli.exit_codes import EXIT_CODES
from tests.cli.reference import DOCUMENT, PART, parts, rewritten


def test_generated_parts_are_fresh():
    """Every generated part is today's; `python -m tests.cli.reference` writes them anew."""
    document = DOCUMENT.read_text("utf-8")

    assert rewritten(document) == document


def test_nothing_is_left_out():
    """Every verb, the global flags and the exit codes are in the document, once."""
    names = [match["name"] for match in PART.finditer(DOCUMENT.read_text("utf-8"))]

    assert sorted(names) == sorted(parts())


def test_a_stale_part_is_noticed():
    """The check has teeth: a changed word in a generated part is put right."""
    document = DOCUMENT.read_text("utf-8")
    stale = document.replace(EXIT_CODES[7], "Took too long.")

    assert stale != document
    assert rewritten(stale) == document
