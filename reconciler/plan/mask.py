"""Keep secrets out of everything that is shown, journaled or logged.

Called by whoever shows a value: the planner for changes, `controller` for journal entries, `runs`
for log tails. References (`secrets[].valueFrom`) are names, not secrets, and are shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.model.names import Path

SENSITIVE = "(sensitive)"

_REFERENCES = frozenset({"secrets", "secretOptions"})
# Below these keys names are the user's own and may be camelCase; elsewhere they are AWS's.
_USERS_NAMES = frozenset({"environment", "options", "dockerLabels", "tags", "properties"})
_ALONE = re.compile(r"password|passwd|passphrase|token|secret|apikey|credentials?")
_IN_COMPANY = re.compile(r"pass|pwd|auth|authorization|salt|pepper|key|private")
"""Words that say something only next to others: PWD is a folder, DB_PWD is not."""
_GLUED = re.compile(r".*(password|passwd|secret|token|apikey|accesskey|privatekey|secretkey)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SPLIT = re.compile(r"[^A-Za-z0-9]+")

_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
# Each name below is tried only where it begins, and never given back: a value of a megabyte takes
# time in its length, not in the square of it.
_URL_PASSWORD = re.compile(
    r"(?P<before>(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]++://[^\s/@:'\"]*:)[^\s/'\"]+(?=@)"
)
_KNOWN_TOKENS = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_[A-Za-z0-9_]{20,}\b"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)
_ASSIGNMENT = re.compile(
    r"""(?P<name>(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]++)(?P<sep>["']?=["']?|["']\s*:\s*["']?)"""
    r"""(?P<value>[^\s"',;&}]+)"""
)
# Prose has colons too ("registry auth: execution failed"): only these words are believed there.
_PROSE = re.compile(r"(?i)(?P<name>\b\w*(?:password|passwd|passphrase))(?P<sep>:\s+)(?P<value>\S+)")
_FLAG = re.compile(
    r"(?P<flag>(?<![A-Za-z0-9_-])--?[A-Za-z][A-Za-z0-9_-]*+)(?P<sep>\s++)(?P<value>[^\s-]\S*)"
)


def is_sensitive_name(name: str, *, users: bool = True) -> bool:
    """Say whether a name promises a secret: *_PASSWORD, *_TOKEN, *_SECRET, *_KEY, SECRET_KEY_BASE.

    `users` False means an AWS field name, where camelCase parts do not count (`clientToken`).
    """
    text = _CAMEL.sub("_", name) if users else name
    parts = [p.lower() for p in _SPLIT.split(text) if p]
    if len(parts) > 1 and any(_IN_COMPANY.fullmatch(p) for p in parts):
        return True
    clear = any(_ALONE.fullmatch(p) or _GLUED.fullmatch(p) for p in parts)
    return clear and (users or len(parts) > 1)


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
    text = _PEM.sub(SENSITIVE, text)
    text = _URL_PASSWORD.sub(lambda m: m["before"] + SENSITIVE, text)
    text = _KNOWN_TOKENS.sub(SENSITIVE, text)
    text = _ASSIGNMENT.sub(_mask_assignment, text)
    text = _PROSE.sub(_mask_assignment, text)
    return _FLAG.sub(_mask_flag, text)


def is_sensitive(path: Path | str, value: Any) -> bool:
    """Say whether showing this value at this path would have to hide something."""
    return bool(mask_value(path, value) != value)


def _names_secret(where: Path) -> bool:
    if not where:
        return False
    users = len(where) > 1 and where[-2] in _USERS_NAMES
    return is_sensitive_name(where[-1], users=users)


def _mask_scalar(where: Path, value: Any) -> Any:
    if value is None or isinstance(value, bool) or value == "":
        return value
    if _names_secret(where):
        return SENSITIVE
    if not isinstance(value, str):
        return value
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
    return found["name"] + found["sep"] + SENSITIVE


def _mask_flag(found: re.Match[str]) -> str:
    if not is_sensitive_name(found["flag"].lstrip("-")) or found["value"].startswith("("):
        return found[0]
    return found["flag"] + found["sep"] + SENSITIVE
