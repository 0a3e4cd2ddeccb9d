"""The rules of diagnostics: what can be said, and the page where a reader looks it up."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAYS = frozenset({"error", "_error", "warning", "_warning"})
RULE = re.compile(r"[a-z]+(-[a-z]+[0-9]*)*")
NOUNS = ("migration", "job")
"""What stands in a rule that is made of a noun: `spot-job`."""


def rules_said() -> set[str]:
    """Return the rules with which `source` reports something."""
    found = set()
    for path in (ROOT / "reconciler" / "source").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in SAYS:
                for argument in node.args[2:]:
                    match argument:
                        case ast.Constant(value=str() as text) if RULE.fullmatch(text):
                            found.add(text)
                        case ast.JoinedStr(values=[ast.Constant(value=str() as start), _]) if (
                            start.endswith("-")
                        ):
                            found |= {f"{start}{noun}" for noun in NOUNS}
    return found


def rules_told() -> set[str]:
    """Return the rules that docs/desired-state.md explains."""
    page = (ROOT / "docs" / "desired-state.md").read_text("utf-8")
    section = page.partition("## Errors by rule")[2].partition("\n## ")[0]
    return {text for text in re.findall(r"`([^`]+)`", section) if RULE.fullmatch(text)}


def test_each_rule_is_on_the_page():
    """Whoever reads a rule in brackets finds it in the reference."""
    assert len(rules_said()) > 30
    assert rules_said() - rules_told() == set()


def test_the_page_has_no_rule_that_is_never_said():
    """A rule that went leaves the page with it."""
    text = "".join(p.read_text("utf-8") for p in (ROOT / "reconciler" / "source").rglob("*.py"))
    assert [r for r in rules_told() - rules_said() if f'"{r}"' not in text] == []
