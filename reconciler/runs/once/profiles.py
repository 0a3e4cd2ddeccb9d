"""The shared files of the AWS command line, as far as keys and the region are in them.

Called by `credentials` where such files are; a task has none, so none of this is imported there.
"""

from __future__ import annotations

import configparser
import json
import os
import shlex
import subprocess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PROCESS_SECONDS = 30


class ProcessFailed(Exception):
    """`credential_process` gave no keys; what it printed may be secret and is not shown."""


def settings(environment: Mapping[str, str], profile: str) -> dict[str, str]:
    """Return what the two files say about a profile; the credentials file wins, as in botocore."""
    home = os.path.expanduser("~/.aws")
    name = profile or "default"
    config = environment.get("AWS_CONFIG_FILE") or f"{home}/config"
    shared = environment.get("AWS_SHARED_CREDENTIALS_FILE") or f"{home}/credentials"
    section = name if name == "default" else f"profile {name}"
    return {**_section(config, section), **_section(shared, name)}


def _section(path: str, name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(os.path.expanduser(path), encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}  # botocore would not find keys there either
    return dict(parser.items(name)) if parser.has_section(name) else {}


def of_process(command: str) -> dict[str, Any]:
    """Run a `credential_process` and return its document; raises ProcessFailed."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own setting, as the AWS CLI runs it
            shlex.split(command),
            stdout=subprocess.PIPE,
            stderr=None,
            stdin=subprocess.DEVNULL,
            timeout=_PROCESS_SECONDS,
            check=False,
        )
        document = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ProcessFailed(f"credential_process: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise ProcessFailed(f"credential_process ended with {done.returncode} and no keys")
    return document
