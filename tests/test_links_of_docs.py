"""Where the pages point to: files and headings that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
NAMED = re.compile(r"\bdocs/[\w/.-]+\.md")


def anchors(page: Path) -> set[str]:
    """Return the headings of a page as a forge makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in headings}


def test_each_link_leads_somewhere():
    """A link to a page or a heading that went is found here, not by a reader."""
    wrong, seen = [], 0
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        for target in LINK.findall(text):
            if target.startswith("http"):
                continue
            path, _, anchor = target.partition("#")
            leads_to = page.parent / path if path else page
            missing = not leads_to.exists()
            if missing or (anchor and anchor not in anchors(leads_to)):
                wrong.append(f"{page.relative_to(ROOT)}: {target}")
            seen += 1
    assert wrong == []
    assert seen > 100


def test_each_page_that_a_message_names_is_there():
    """What the program says to read can be read."""
    sources = (ROOT / "reconciler").rglob("*.py")
    named = {name for path in sources for name in NAMED.findall(path.read_text("utf-8"))}
    assert len(named) > 5
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
