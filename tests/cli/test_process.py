"""Real processes: streams, exit codes, signals, and what is imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

CALL = "from reconciler.cli import main; main()"
HEAVY = ("boto3", "botocore", "pydantic", "rich", "yaml", "watchfiles", "tenacity", "moto")


def run(*arguments: str, code: str = CALL, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code with arguments, in an environment without settings of ours."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RECONCILER_", "AWS_"))}
    clean.pop("CI", None)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


IMPORTS = f"""
import sys
from reconciler.cli import main
try:
    main()
except SystemExit as ended:
    heavy = [m for m in {HEAVY!r} if m in sys.modules]
    print(heavy, file=sys.stderr)
    raise
"""


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("version",), ("diff", "--help"), ("migration", "-h")],
)
def test_help_imports_nothing_heavy(arguments):
    """Neither AWS nor the model libraries are loaded to say what there is."""
    done = run(*arguments, code=IMPORTS)

    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


def test_completion_imports_nothing_heavy(tmp_path):
    """Completing addresses reads the files without the YAML library."""
    (tmp_path / "app.yaml").write_text("app: a\nenvironment: e\nservices:\n  web:\n    cpu: 1\n")

    done = run(
        code=IMPORTS,
        _RECONCILER_COMPLETE="bash_complete",
        COMP_WORDS=f"reconciler -C {tmp_path} diff serv",
        COMP_CWORD="4",
    )

    assert done.stdout.strip() == "plain,service/web"
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    """The scripts of the three shells are printed and name our variable."""
    done = run("completion", shell)

    assert (done.returncode, done.stderr) == (0, "")
    assert "_RECONCILER_COMPLETE" in done.stdout


def test_completion_script_of_bash_completes(tmp_path):
    """bash, with the script loaded, completes a verb."""
    script = run("completion", "bash").stdout
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    command = bin_folder / "reconciler"
    command.write_text(f"#!{sys.executable}\n{CALL}\n")
    command.chmod(0o755)
    program = (
        f"{script}\nCOMP_WORDS=(reconciler stat)\nCOMP_CWORD=1\n"
        '_reconciler_completion reconciler\necho "${COMPREPLY[@]}"'
    )

    done = subprocess.run(
        ["bash", "-c", program],
        env=os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert done.stdout.split() == ["status"]


def test_version_is_json_on_stdout():
    """`version -o json` is one document on stdout and nothing on stderr."""
    done = run("version", "-o", "json")

    assert (done.returncode, done.stderr) == (0, "")
    assert {"reconciler", "python", "boto3"} <= set(json.loads(done.stdout))


def test_usage_error_as_json():
    """With -o json even a parsing error is a document, on stderr."""
    done = run("-o", "json", "diff", "--nonsense")

    assert (done.returncode, done.stdout) == (2, "")
    assert json.loads(done.stderr)["error"]["exitCode"] == 2


def test_detailed_exitcode_makes_usage_errors_one():
    """2 means differences to a pipeline written for Terraform: no error may look like it."""
    assert run("diff", "--detailed-exitcode", "--nonsense").returncode == 1
    assert run("diff", "--nonsense").returncode == 2


VERB = """
import importlib, sys
verb = importlib.import_module("reconciler.cli.verbs.version").command
def body(*_, **__):
    {body}
verb.callback = body
from reconciler.cli import main
main()
"""


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 143, "terminated"),
    ],
)
def test_signals_end_with_their_code_and_one_line(number, code, word):
    """Ctrl-C is 130, SIGTERM or a closed terminal 143; what is under way is cleaned up, nobody sees a traceback."""
    body = f"""
    import os, signal, time
    try:
        os.kill(os.getpid(), {int(number)})
        time.sleep(60)
    finally:
        print("released", flush=True)
    """
    done = run("version", code=VERB.format(body=body))

    assert done.returncode == code
    assert done.stdout == "released\n"
    assert done.stderr.split() == ["error:", word]


def test_a_closed_pipe_is_quiet():
    """`… | head -1` ends the writer quietly, with 141."""
    code = VERB.format(body="[print('line', i, flush=True) for i in range(100000)]")
    writer = subprocess.Popen(
        [sys.executable, "-c", code, "version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    writer.stdout.readline()
    writer.stdout.close()
    said = writer.stderr.read()
    writer.stderr.close()

    assert writer.wait(120) == 141
    assert said == b""


def test_a_terminal_without_our_signs_gets_escapes():
    """An ASCII stdout prints escapes instead of failing."""
    done = run(
        "version",
        code=VERB.format(body="print('\\u2714')"),
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )

    assert (done.returncode, done.stdout) == (0, "\\u2714\n")
