"""Values that are secrets whatever their name is: well-known forms, and what looks random.

Read by `plan.mask`. The forms are those that the issuers document for their own keys.
"""

from __future__ import annotations

import re
from itertools import pairwise

from reconciler.plan.secret_names import is_public_name

# Each name below is tried only where it begins, and never given back: a value of a megabyte takes
# time in its length, not in the square of it.
PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
URL_PASSWORD = re.compile(
    r"(?P<before>(?<![A-Za-z0-9+.-])[A-Za-z0-9+.-]++://[^\s/@:'\"]*:)[^\s/'\"]+(?=@)"
)
KNOWN_TOKENS = re.compile(
    r"\b(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl[a-z]{2,5}-[A-Za-z0-9_-]{20,}"  # git
    r"|xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"  # Slack
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}"  # Stripe
    r"|sk-(?:[a-z0-9]{2,8}-)?[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
    r"|AIza[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{20,}|ya29\.[A-Za-z0-9_-]{20,}"  # Google
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|SK[0-9a-f]{32}|key-[0-9a-f]{32}"  # mail and calls
    r"|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{16,}|dckr_pat_[A-Za-z0-9_-]{20,}"  # registries
    r"|do[opr]_v1_[0-9a-f]{40,}|hf_[A-Za-z0-9]{30,}|shp[a-z]{2}_[0-9A-Fa-f]{32}|dapi[0-9a-f]{32}"
    r"|hv[bsr]\.[A-Za-z0-9_-]{20,}|gls?[ac]_[A-Za-z0-9+/=_]{20,}|NRAK-[A-Z0-9]{20,}"
    r"|sntrys_[A-Za-z0-9+/=_]{20,}|lin_api_[A-Za-z0-9]{20,}|pscale_[a-z]+_[A-Za-z0-9_.-]{20,}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{20,}"
    r"|eyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # a JSON web token
    r")"
    r"|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{10,}"
    r"|discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{10,}"
)

_MADE_FOR_ALL = re.compile(
    r"\bsha[0-9]{1,3}[:-][A-Za-z0-9+/]++=*"  # a digest
    r"|\barn:aws[a-z-]*+:\S++"
    r"|-[A-Z0-9]{12,13}+(?![A-Za-z0-9])"  # what CloudFormation ends names with
)
_RUN = re.compile(r"[A-Za-z0-9]{20,}+")
_MIXED_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}+")
_WORDS = re.compile(r"[A-Z]?[a-z]{3,}+|[A-Z]{6,}+")
_MOST_WORDS = 0.55
"""The share of a text of mixed case that words may have; of random base62 it is a fifth."""
_FEWEST_CHANGES = 0.2
"""How often letters and digits take turns in random hex or base36: more than twice as often."""


def is_random_secret(name: str, value: str) -> bool:
    """Say whether a value looks random under a name that does not explain it."""
    return not is_public_name(name) and looks_random(value)


def looks_random(text: str) -> bool:
    """Say whether twenty characters or more stand in a row that nobody would have chosen.

    Names that programs make (`sg-0a1b…`, `MyStack-Queue-1AB2C…`, digests, UUIDs) do not.
    """
    rest = _MADE_FOR_ALL.sub(" ", text)
    mixed = (run for run in _MIXED_RUN.findall(rest) if _is_of_mixed_case(run))
    return any(_has_few_words(run) for run in mixed) or any(
        _changes_often(run) for run in _RUN.findall(rest)
    )


def _is_of_mixed_case(text: str) -> bool:
    return any(map(str.isupper, text)) and any(map(str.islower, text))


def _has_few_words(text: str) -> bool:
    signs = sum(map(str.isalnum, text))
    words = sum(len(word) for word in _WORDS.findall(text))
    return any(map(str.isdigit, text)) and words < signs * _MOST_WORDS


def _changes_often(text: str) -> bool:
    if _is_of_mixed_case(text):
        return False
    changes = sum(one.isdigit() != other.isdigit() for one, other in pairwise(text))
    return changes > len(text) * _FEWEST_CHANGES
