"""Which names promise a secret: a table with reasons. Read by `plan.mask` and `plan.secret_values`.

A name is taken apart into words (`apiToken`, `API_TOKEN`: api, token). A row of PROMISES says that a word
promises a secret, a row of EXCEPTIONS that this name means something else, a row of PUBLIC that its
value may even look random. Where no exception is known the promise holds: to hide too much costs a line,
to show too much cannot be undone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise


class At(Enum):
    """Where in a name a word has to stand."""

    ANYWHERE = auto()
    BESIDE_OTHERS = auto()
    LAST = auto()
    BEFORE_IT = auto()
    """Directly before the word that promises."""
    BEFORE_A_KEY = auto()
    """The same, where that word is a key."""
    AHEAD_OF_A_KEY = auto()
    """Somewhere before a key or token."""


@dataclass(frozen=True)
class Row:
    """Words, where they stand, and why they say what they say."""

    at: At
    words: frozenset[str]
    reason: str


def _row(at: At, words: str, reason: str) -> Row:
    return Row(at, frozenset(words.split()), reason)


PROMISES = (
    _row(
        At.ANYWHERE,
        "password passwords passwd passphrase passcode credential credentials creds sshpass",
        "what somebody logs in with",
    ),
    _row(At.ANYWHERE, "secret secrets", "it says so"),
    _row(At.ANYWHERE, "token tokens apikey apikeys", "whoever bears it is let in"),
    _row(At.BESIDE_OTHERS, "key keys", "API_KEY opens something; a KEY of nothing is a name"),
    _row(At.BESIDE_OTHERS, "pass pwd", "DB_PWD is a password; PWD alone is a folder"),
    _row(At.BESIDE_OTHERS, "salt pepper", "what is mixed into a hash"),
    _row(At.BESIDE_OTHERS, "authorization", "the value of a header"),
    _row(At.LAST, "auth", "REDIS_AUTH is a password; AUTH_URL is about one"),
    _row(At.LAST, "pat", "a personal access token"),
)
PHRASES = {
    ("erlang", "cookie"): "with it one node commands another",
    ("release", "cookie"): "Elixir's name for the same",
    ("secret", "id"): "Vault's AppRole logs in with it",
}
"""Words that promise a secret in this order, whatever an exception says."""

PUBLIC = (
    _row(At.AHEAD_OF_A_KEY, "public publishable", "made to be given away"),
    _row(At.BEFORE_A_KEY, "site", "a captcha's public half"),
    _row(At.LAST, "pubkey certificate certificates cert certs crt ca", "made to be given away"),
    _row(
        At.LAST,
        "id ids uuid guid sid sha sha1 sha256 commit revision rev digest checksum etag version release "
        "build image tag fingerprint thumbprint arn arns",
        "an identifier: random by nature, and it opens nothing",
    ),
)
EXCEPTIONS = (
    _row(
        At.BEFORE_A_KEY,
        "cache primary foreign partition sort range composite natural surrogate candidate routing shard "
        "index idx lookup object tag label map idempotency dedup deduplication metric dimension "
        "translation i18n locale lock column field attribute property header group ordering message",
        "the name of an entry: it is found with it, nothing is opened",
    ),
    _row(At.BEFORE_IT, "max min num total", "a number of them"),
    _row(
        At.LAST,
        "url urls uri endpoint endpoints host hostname domain port path paths file files filename dir "
        "directory folder location bucket table name names alias prefix suffix pattern regex format "
        "header headers field column param parameter attribute claim claims scope scopes type kind "
        "algorithm algorithms alg length size bits bytes min max count limit limits timeout ttl expiry "
        "expiration expires expire lifetime duration age interval period rotation days hours minutes "
        "seconds secs ms millis enabled disabled required optional allowed policy strategy provider "
        "backend mode method issuer audience realm region namespace user username email through thru "
        "rate",
        "says something about a secret and is not one itself",
    ),
)

_GLUED = re.compile(
    r".+(?:passwords?|passwd|passphrase|secrets?|token|apikeys?)|(?!old).+pwd"
    r"|.*(?:access|private|secret|master|signing|encryption|auth|license)key"
)
"""Words that are written as one: PGPASSWORD, AUTHTOKEN, DBPWD; OLDPWD is a folder."""
_KEYS = frozenset({"key", "keys"})
_TOKENS = frozenset({"token", "tokens"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SPLIT = re.compile(r"[^A-Za-z0-9]+")


def is_sensitive_name(name: str, *, users: bool = True) -> bool:
    """Say whether a name promises a secret: *_PASSWORD, *_TOKEN, *_SECRET, *_KEY, SECRET_KEY_BASE.

    `users` False means an AWS field name, where camelCase parts do not count (`clientToken`).
    """
    words = words_of(name, users=users)
    if len(words) == 1 and not users:
        return False
    return _is_phrase(words) or any(_promises(words, i) for i in range(len(words)))


def is_public_name(name: str) -> bool:
    """Say whether what bears this name may look random all the same: a digest, an id, a public key."""
    words = words_of(name)
    return not _is_phrase(words) and any(
        _speaks_of(row, words, i) for row in PUBLIC for i in range(len(words))
    )


def words_of(name: str, *, users: bool = True) -> list[str]:
    """Return the words of a name in small letters, without numbers at its end (`API_KEY_2`)."""
    text = _CAMEL.sub("_", name) if users else name
    words = [w.lower() for w in _SPLIT.split(text) if w]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    return words


def _is_phrase(words: list[str]) -> bool:
    return any(pair in PHRASES for pair in pairwise(words))


def _promises(words: list[str], index: int) -> bool:
    """Say whether the word at `index` promises a secret, and no exception speaks of it or of the name."""
    if not (_GLUED.fullmatch(words[index]) or any(_speaks_of(r, words, index) for r in PROMISES)):
        return False
    last = len(words) - 1
    return not any(
        _speaks_of(row, words, last if row.at is At.LAST else index)
        for row in (*PUBLIC, *EXCEPTIONS)
    )


def _speaks_of(row: Row, words: list[str], index: int) -> bool:
    word, before = words[index], words[:index]
    match row.at:
        case At.ANYWHERE:
            return word in row.words
        case At.BESIDE_OTHERS:
            return word in row.words and len(words) > 1
        case At.LAST:
            return word in row.words and index == len(words) - 1 > 0
        case At.BEFORE_IT:
            return bool(row.words & set(before[-1:]))
        case At.BEFORE_A_KEY:
            return word in _KEYS and bool(row.words & set(before[-1:]))
        case At.AHEAD_OF_A_KEY:
            return word in _KEYS | _TOKENS and bool(row.words & set(before))
