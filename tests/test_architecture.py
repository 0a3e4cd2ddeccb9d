"""What the repository promises about its own shape, checked where no linter does."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "reconciler"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
LONGEST_FILE, LONGEST_FUNCTION = 350, 50

LONG_FILES: dict[str, str] = {}
"""Path → why it may be longer than 350 lines."""
LONG_FUNCTIONS: dict[str, str] = {}
"""`path:function` → why it may be longer than 50 lines."""

STATUS = re.compile(r"^Status: (proposed|accepted|superseded by \d{4})", re.MULTILINE)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def sources(folder: Path) -> list[Path]:
    """Return the Python files below a folder."""
    return sorted(folder.rglob("*.py"))


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function takes, decorators left out."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def table_rows(text: str) -> set[str]:
    """Return the package names in the first column of the table of layers."""
    section = text.partition("## Layers")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def exists(name: str) -> bool:
    """Whether a name such as `plan.planner.make_plan` is a module, or something in one."""
    found = importlib.import_module("reconciler")
    for number, part in enumerate(name.split("."), 1):
        if not hasattr(found, part):
            try:
                module = "reconciler." + ".".join(name.split(".")[:number])
                found = importlib.import_module(module)
            except ImportError:
                return part in getattr(found, "__annotations__", {})
        else:
            found = getattr(found, part)
    return True


def test_the_names_of_modules_are_true():
    """What a module says of its callers, and the architecture of the parts, exists under that name."""
    packages = "|".join(p.parent.name for p in PACKAGE.glob("*/__init__.py"))
    named = re.compile(rf"`((?:{packages})(?:\.\w+)+)")
    documents = {"architecture.md": (ROOT / "docs" / "architecture.md").read_text("utf-8")}
    for path in sources(PACKAGE):
        said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        documents[str(path.relative_to(ROOT))] = said or ""
    known = {"app.yaml", "aws.call", "aws.fenced"}  # a file, and methods of the door
    wrong = {
        f"{place}: {name}"
        for place, text in documents.items()
        for name in named.findall(text)
        if name not in known and not exists(name)
    }
    assert wrong == set()


def imported(path: Path) -> set[str]:
    """Return the modules of ours that a module imports, without our package's name; what is named of them, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reconciler."):
            module = str(node.module).removeprefix("reconciler.")
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
    return found


def test_who_is_said_to_call_a_module_imports_it():
    """The callers that a module's docstring names by package and module are callers, as kinds are through the registry."""
    modules = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sources(PACKAGE)
    }
    uses = {name: imported(path) for name, path in modules.items()}
    kinds = uses["resources.kinds"]
    clause = re.compile(r"Called by (.+?)(?:[.;:]\s|, which| on documents|$)", re.DOTALL)
    checked, wrong = 0, []
    for name, path in modules.items():
        said = clause.search(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")
        callers = re.findall(r"`((?:\w+\.)+\w+)`", said[1]) if said else []
        for caller in (c for c in callers if c in modules):
            seen = uses[caller] | (kinds if "resources.kinds" in uses[caller] else set())
            checked += 1
            below = name.removesuffix("__init__")  # of a package any part counts
            if name not in seen and not (below != name and any(s.startswith(below) for s in seen)):
                wrong.append(f"{name}: {caller}")
    assert wrong == []
    assert checked > 50


def test_the_table_of_layers_names_every_package():
    """docs/architecture.md has a row for each package, and none for what is not there."""
    packages = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert table_rows((ROOT / "docs" / "architecture.md").read_text("utf-8")) == packages


def test_the_layers_are_those_of_import_linter():
    """The chain in the document is the contract that is enforced."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    chain = re.search(r"^`(cli → .*)`$", text, re.MULTILINE)
    assert chain
    contract = (ROOT / "pyproject.toml").read_text("utf-8")
    enforced = re.search(r"^layers = \[(.*?)\]", contract, re.MULTILINE | re.DOTALL)
    assert enforced
    assert chain[1].split(" → ") == re.findall(r'"(.*?)"', enforced[1])


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_every_decision_has_a_status(decision):
    """A reader sees at once whether it still holds, and the index says the same."""
    status = STATUS.search(decision.read_text("utf-8"))
    assert status
    index = (decision.parent / "README.md").read_text("utf-8")
    row = next((line for line in index.splitlines() if f"({decision.name})" in line), "")
    assert row.rstrip(" |").endswith(status[1])


def test_there_are_decisions():
    """The check above looks at something, and no number is used twice."""
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(numbers) >= 10
    assert len(set(numbers)) == len(numbers)


def test_every_test_says_what_it_shows():
    """Each test function has a docstring: the fact that it would prove wrong."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources(ROOT / "tests")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, FUNCTION)
        and node.name.startswith("test_")
        and path.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def begun(tree: ast.AST) -> list[ast.Call]:
    """Return where an embedded AWS is started: in a `with`, or by `.start()`."""
    started = [
        *(
            item.context_expr
            for node in ast.walk(tree)
            if isinstance(node, ast.With)
            for item in node.items
        ),
        *(n.value for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "start"),
    ]
    return [
        call
        for call in started
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "EmbeddedAws"
    ]


def test_no_embedded_aws_of_a_test_begins_at_just_any_hour():
    """Each is given its clock, as `tests.local.hours.midweek`: a window opens at some hours of the week."""
    by_chance = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sources(ROOT / "tests")
        for call in begun(ast.parse(path.read_text("utf-8")))
        if not {"clock", None} & {keyword.arg for keyword in call.keywords}
    ]
    assert by_chance == []


def test_no_file_is_long():
    """A file is read in one go: 350 lines, or a reason; a reason that is no longer needed goes."""
    long = {
        str(path.relative_to(ROOT))
        for path in sources(PACKAGE)
        if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE
    }
    assert long == set(LONG_FILES)


def test_no_function_is_long():
    """A function is seen as a whole: 50 lines, or a reason."""
    long = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in sources(PACKAGE)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, FUNCTION) and lines(node) > LONGEST_FUNCTION
    }
    assert long == set(LONG_FUNCTIONS)


def test_module_docstrings_are_short():
    """Who calls it and what it leaves to others fits into ten lines."""
    long = [
        str(path.relative_to(ROOT))
        for path in sources(PACKAGE)
        if len((ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()) > 10
    ]
    assert long == []
