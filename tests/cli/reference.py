"""The generated parts of docs/cli.md. Run `python -m tests.cli.reference` to write them anew."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from reconciler.cli.exit_codes import EXIT_CODES
from reconciler.cli.options import GLOBALS
from reconciler.cli.root import SECTIONS, reconciler
from reconciler.cli.verbs.job import SECTIONS as JOB
from reconciler.cli.verbs.migration import SECTIONS as MIGRATION
from reconciler.cli.verbs.task import SECTIONS as TASK

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
PART = re.compile(r"<!-- generated: (?P<name>[^>]+?) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)
WIDTH = 100


def parts() -> dict[str, str]:
    """Return every generated part by its name, as it must stand in the document."""
    found = {"verbs": _verbs(), "global flags": _globals(), "exit codes": _codes()}
    for verb in [name for commands in SECTIONS.values() for name in commands]:
        found[f"reconciler {verb}"] = _help(verb)
    for verb in MIGRATION["Verbs"]:
        found[f"reconciler migration {verb}"] = _help("migration", verb)
    for verb in TASK["Verbs"]:
        found[f"reconciler task {verb}"] = _help("task", verb)
    for verb in JOB["Verbs"]:
        found[f"reconciler job {verb}"] = _help("job", verb)
    return found


def rewritten(document: str) -> str:
    """Return the document with every part as it must stand; raises KeyError for an unknown name."""
    found = parts()
    return PART.sub(
        lambda m: f"<!-- generated: {m['name']} -->\n{found[m['name']]}<!-- end -->", document
    )


def _verbs() -> str:
    lines = ["| verb | what it does |", "|---|---|"]
    for title, commands in SECTIONS.items():
        lines.append(f"| **{title}** | |")
        lines += [f"| [`{name}`](#{name}) | {text} |" for name, text in commands.items()]
    return "\n".join(lines) + "\n"


def _globals() -> str:
    lines = ["| flag | variable | default | meaning |", "|---|---|---|---|"]
    for names, attributes in GLOBALS:
        flags = ", ".join(f"`{n}`" for n in names if n.startswith("-"))
        variable = "RECONCILER_" + ("DIR" if names[-1] == "directory" else names[-1].upper())
        default = f"`{attributes['default']}`" if "default" in attributes else ""
        lines.append(f"| {flags} | `{variable}` | {default} | {attributes['help']} |")
    return "\n".join(lines) + "\n"


def _codes() -> str:
    lines = ["| code | meaning |", "|---|---|"]
    return (
        "\n".join([*lines, *(f"| {code} | {text} |" for code, text in EXIT_CODES.items())]) + "\n"
    )


def _help(*verb: str) -> str:
    """Return a verb's help up to the global flags, which have a table of their own."""
    result = CliRunner().invoke(
        reconciler,
        [*verb, "--help"],
        prog_name="reconciler",
        terminal_width=WIDTH,
        env={"COLUMNS": "100"},
    )
    assert result.exit_code == 0, result.output
    text = result.output.partition("\nGlobal flags:")[0].rstrip()
    return f"```text\n{text}\n```\n"


if __name__ == "__main__":
    DOCUMENT.write_text(rewritten(DOCUMENT.read_text("utf-8")), "utf-8")
