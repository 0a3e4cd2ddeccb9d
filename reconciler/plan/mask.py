"""Keep secrets out of everything that is shown, journaled or logged.

Called by whoever shows a value: the planner for changes, `controller` for journal entries, `runs`
for log tails. References (`secrets[].valueFrom`) are names, not secrets, and are shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.names import Path
from reconciler.plan.secret_names import is_sensitive_name
from reconciler.plan.secret_values import KNOWN_TOKENS, PEM, URL_PASSWORD, is_random_secret

SENSITIVE = "(sensitive)"

_REFERENCES = frozenset({"secrets", "secretOptions"})
# Below these keys names are the user's own and may be camelCase; elsewhere they are AWS's.
_USERS_NAMES = frozenset({"environment", "options", "dockerLabels", "tags", "properties"})
_ASSIGNMENT = re.compile(
    r"""(?P<name>(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]++)(?P<sep>["']?=["']?|["']\s*:\s*["']?)"""
    r"""(?P<value>[^\s"',;&}]+)"""
)
# Prose has colons too ("registry auth: execution failed"): only these words are believed there.
_PROSE = re.compile(r"(?i)(?P<name>\b\w*(?:password|passwd|passphrase))(?P<sep>:\s+)(?P<value>\S+)")
_FLAG = re.compile(
    r"(?P<flag>(?<![A-Za-z0-9_-])--?[A-Za-z][A-Za-z0-9_-]*+)(?P<sep>\s++)(?P<value>[^\s-]\S*)"
)
# What a system says of a file, `"/etc/passwd": permission denied`, is its own sentence and no value: the
# texts of errno(3) that name files, and how Go and runc put them. Whole sentences only.
_OF_A_FILE = re.compile(
    r"(?i)(?:permission denied|no such file or directory|operation not permitted|not a directory"
    r"|is a directory|file exists|text file busy|read-only file system|exec format error"
    r"|input/output error|too many open files|too many levels of symbolic links|file name too long"
    r"|(?:executable )?file not found in \$PATH|command not found|not found)(?![\w@#$%^&*+=-])"
    r"|(?:stat|lstat|open|chdir|mkdir|readlink|unlink|fork/exec) /"
)

_SAYS_NOTHING = frozenset(
    {"true", "false", "yes", "no", "on", "off", "none", "null", "enabled", "disabled"}
)
_SHORT_NUMBER = 6
_ELSEWHERE = ("/", "arn:")
"""How the name of a parameter or of a secret begins."""


def mask_value(path: Path | str, value: Any) -> Any:
    """Return the value as it may be shown at `path`: secrets are "(sensitive)", the rest is as it was.

    Walks maps and lists; understands `{name, value}` pairs and `--password X` in commands.
    """
    where = tuple(path.split(".")) if isinstance(path, str) else tuple(path)
    if _REFERENCES & set(where):
        return value
    match value:
        case Mapping():
            return _mask_mapping(where, value)
        case list() | tuple():
            return _mask_list(where, value)
        case _:
            return _mask_scalar(where, value)


def mask_text(text: str) -> str:
    """Return free text (a log line, an error of AWS) without access keys, PEM, passwords in URLs.

    `NAME=value` and `--name value` are masked where the name promises a secret.
    """
    text = PEM.sub(SENSITIVE, text)
    text = URL_PASSWORD.sub(lambda m: m["before"] + SENSITIVE, text)
    text = KNOWN_TOKENS.sub(SENSITIVE, text)
    text = _ASSIGNMENT.sub(_mask_assignment, text)
    text = _PROSE.sub(_mask_assignment, text)
    return _FLAG.sub(_mask_flag, text)


def is_sensitive(path: Path | str, value: Any) -> bool:
    """Say whether showing this value at this path would have to hide something."""
    return bool(mask_value(path, value) != value)


def looks_secret(name: str, value: str) -> bool:
    """Say whether a variable looks like a secret in plain text: by its form, its name, or by being random.

    A truth value, a short number and the name of a parameter are none, whatever the variable is called.
    """
    if not value or value.lower() in _SAYS_NOTHING:
        return False
    if value.isdigit() and len(value) <= _SHORT_NUMBER:
        return False
    if mask_text(value) != value:
        return True
    if is_sensitive_name(name):
        return not value.startswith(_ELSEWHERE)
    return is_random_secret(name, value)


def _is_named_by_users(where: Path) -> bool:
    return len(where) > 1 and where[-2] in _USERS_NAMES


def _mask_scalar(where: Path, value: Any) -> Any:
    if value is None or isinstance(value, bool) or value == "":
        return value
    users = _is_named_by_users(where)
    if where and is_sensitive_name(where[-1], users=users):
        return SENSITIVE
    if not isinstance(value, str):
        return value
    if users and is_random_secret(where[-1], value):
        return SENSITIVE
    masked = mask_text(value)
    one_word = not any(c.isspace() for c in value)
    return SENSITIVE if masked != value and one_word else masked


def _mask_mapping(where: Path, value: Mapping[str, Any]) -> dict[str, Any]:
    if set(value) == {"name", "value"}:
        name = str(value["name"])
        return {"name": name, "value": mask_value((*where, "environment", name), value["value"])}
    return {k: mask_value((*where, str(k)), v) for k, v in value.items()}


def _mask_list(where: Path, value: Sequence[Any]) -> list[Any]:
    result: list[Any] = []
    hide_next = False
    for item in value:
        result.append(SENSITIVE if hide_next else mask_value((*where, "*"), item))
        hide_next = _is_secret_flag(item)
    return result


def _is_secret_flag(item: Any) -> bool:
    return (
        isinstance(item, str)
        and item.startswith("-")
        and "=" not in item
        and (is_sensitive_name(item.lstrip("-")) and " " not in item)
    )


def _mask_assignment(found: re.Match[str]) -> str:
    if not is_sensitive_name(found["name"]) or found["value"].startswith("("):
        return found[0]
    if ":" in found["sep"] and _OF_A_FILE.match(found.string, found.start("value")):
        return found[0]
    return found["name"] + found["sep"] + SENSITIVE


def _mask_flag(found: re.Match[str]) -> str:
    if not is_sensitive_name(found["flag"].lstrip("-")) or found["value"].startswith("("):
        return found[0]
    return found["flag"] + found["sep"] + SENSITIVE
