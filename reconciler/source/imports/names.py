"""Names for what is imported: keys of services, images and containers, environment and app.

Pure; called by `files` and `share`, by the converters and by `app.importing`. AWS's names are kept
beside the keys where they differ.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from reconciler.model.names import NAME_PATTERN, last_part

_LONGEST = 63
_ENVIRONMENTS = {
    "production": ("production", "prod", "prd", "live"),
    "staging": ("staging", "stage", "stg"),
    "development": ("development", "develop", "dev"),
    "test": ("test", "testing", "qa"),
}
_PARTS = re.compile(r"[^a-z0-9]+")


def as_name(text: str, taken: Collection[str] = (), fallback: str = "app") -> str:
    """Return a text as a name of ours: lower case, other characters as `-`, unlike those `taken`."""
    name = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:_LONGEST] or fallback
    number = 2
    result = name
    while result in taken:
        suffix = f"-{number}"
        result, number = name[: _LONGEST - len(suffix)] + suffix, number + 1
    assert NAME_PATTERN.fullmatch(result)  # noqa: S101 - made of nothing else
    return result


def guess_environment(*texts: str) -> str:
    """Return the environment that a cluster's or service's name speaks of, else `production`."""
    for text in texts:
        parts = set(_PARTS.split(text.lower()))
        for environment, words in _ENVIRONMENTS.items():
            if parts & set(words):
                return environment
    return "production"


def guess_app(services: Sequence[str], repositories: Iterable[str], cluster: str) -> str:
    """Return a name for the app: what the services share, the one image, the cluster, the first service."""
    shared = _shared_words(services) if len(services) > 1 else ""
    known = {last_part(r) for r in repositories if "/" in r}
    one_image = next(iter(known)) if len(known) == 1 else ""
    for candidate in (shared, one_image, cluster, *services[:1]):
        words = [w for w in _PARTS.split(candidate.lower()) if w and not _is_environment(w)]
        if words:
            return as_name("-".join(words))
    return as_name(cluster)


def service_key(name: str, app: str, environment: str, taken: Collection[str]) -> str:
    """Return the key of a service: its name without the app's and the environment's before it."""
    rest = name
    for prefix in (f"{app}-{environment}-", f"{environment}-{app}-", f"{app}-", f"{environment}-"):
        if rest.lower().startswith(prefix) and len(rest) > len(prefix):
            rest = rest[len(prefix) :]
            break
    return as_name(rest, taken, fallback="service")


def _shared_words(names: Sequence[str]) -> str:
    """Return the words with which all names begin, and that are not all of one of them."""
    split = [_PARTS.split(name.lower()) for name in names]
    words = []
    for column in zip(*(parts[:-1] for parts in split), strict=False):
        if len(set(column)) > 1:
            break
        words.append(column[0])
    return "-".join(words)


def _is_environment(word: str) -> bool:
    return any(word in words for words in _ENVIRONMENTS.values())
