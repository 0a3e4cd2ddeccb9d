"""The single file: built the same each time, small, and alone with the standard library."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = [ROOT / "reconciler/runs/guard.py", *sorted((ROOT / "reconciler/runs/once").glob("*.py"))]
KILOBYTES = 200


def build(target):
    """Build as `make once` does: in a process of its own."""
    subprocess.run(
        [sys.executable, str(ROOT / ".ci/once"), str(target)], check=True, capture_output=True
    )
    return target


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return the file as `make once` builds it."""
    return build(tmp_path_factory.mktemp("dist") / "reconciler-once")


def run(file, *arguments, **environment):
    """Run it where nothing of ours can be imported: no site packages, no variables."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(file), *arguments],
        env={"PATH": os.defpath, **environment}, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_runs_alone(file):
    """Help, wrong usage, a missing command, and the guard: each with its code, none with a traceback."""
    given = {"AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
    for arguments, code, said in (
        (["-h"], 0, "Run a command once per key"),
        (["--key", "k"], 2, "no command"),
        (["--key", "k", "no-such"], 127, "command not found"),
        (["--key", "k", "true"], 125, "there are no AWS credentials"),
        (["claim"], 64, "RECONCILER_CLAIM_KEY"),
    ):
        done = run(file, *arguments, **given)
        assert done.returncode == code, done
        assert said in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_it_is_an_executable_and_small(file):
    """It is copied into images as it is."""
    assert os.access(file, os.X_OK)
    assert file.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert file.stat().st_size < KILOBYTES * 1024


def test_same_sources_give_the_same_bytes(file, tmp_path):
    """An image's layer changes only when the program does."""
    assert build(tmp_path / "again").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_sources_are_python_3_9_and_import_the_standard_library(source):
    """Nothing that an older Python would not understand, and nothing that would have to be installed."""
    tree = ast.parse(source.read_text("utf-8"), feature_version=(3, 9))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module))
    foreign = {
        name
        for name in imported
        if not name.startswith(("reconciler.runs.once", "reconciler.runs.guard"))
        and name.split(".")[0] not in sys.stdlib_module_names
    }
    assert foreign <= {"botocore.session"}
