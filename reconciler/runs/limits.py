"""How long a run may take for what, with the reason of each number. Read by `snapshot` and `decide`."""

from __future__ import annotations

from datetime import timedelta

TOKEN_WINDOW = timedelta(minutes=40)
"""A clientToken lives at least one hour after its task was created; less 5 min during which a signed
request stays valid and 15 min of slack (AmazonECS ECS_Idempotency)."""

MISSING_GRACE = timedelta(minutes=10)
"""DescribeTasks is eventually consistent; AWS advises to ask for up to five minutes (RunTask)."""

STOP_GRACE = timedelta(minutes=12)
"""The longest stopTimeout (120 s) and ten minutes for an agent that lost its connection."""

FIRST_BACKOFF = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(minutes=10)
"""Between two launches of one attempt; the longest one also between two attempts."""

SHORTEST_LOOK = timedelta(seconds=2)
LONGEST_LOOK = timedelta(seconds=30)
"""How soon to look again while something is under way: more slowly the longer it takes."""

ABANDONED = timedelta(minutes=15)
"""A task whose launch failed is its starter's to launch again: after this long the starter is gone."""

REFUSAL_SETTLES = timedelta(minutes=2)
"""Without a claim cell: how long a refused launch is watched, since `failures[]` is no proof."""

TASK_SETTLES = timedelta(seconds=5)
"""As above for a task that is launched once: nothing follows the verdict, and a person waits for it."""


def look_again(age: timedelta) -> timedelta:
    """Return when to look again at something that has been going on for `age`."""
    return min(LONGEST_LOOK, max(SHORTEST_LOOK, age / 5))
