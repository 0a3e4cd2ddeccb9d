"""The guard: claims a run from inside its task, so that the user's command starts at most once.

Runs as the container `reconciler-guard`: `reconciler-once claim` of the single file (docs/guard.md), or
`python -m reconciler.runs.guard claim`. Talks to AWS as `once` does, with the standard library alone.
Exit codes: 0 claimed, 75 refused, 74 the table could not be reached, 64 called wrongly.
"""

from __future__ import annotations

import os
import sys
import time

from reconciler.runs.once.calls import ATTEMPT_SECONDS, ConditionFailed, Wire
from reconciler.runs.once.clock import Clock
from reconciler.runs.once.credentials import Credentials
from reconciler.runs.once.place import region_of, task_arn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Send = Callable[[Mapping[str, Any]], None]
    """Sends one UpdateItem. Raises ClaimRefused when the condition failed, any other error when unsure."""

CLAIMED = 0
MISUSED = 64
UNREACHABLE = 74
REFUSED = 75

PATIENCE_SECONDS = 60.0
"""How long the table may be out of reach. Giving up is safe: the user's command does not start."""

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0


class ClaimRefused(Exception):
    """The cell is not OFFERED any more; `item` is what it holds (DynamoDB form), None when absent."""

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        super().__init__("refused")
        self.item = item


def request(table: str, key: str, arn: str, nonce: str) -> dict[str, Any]:
    """Return the one UpdateItem that claims a run: OFFERED → CLAIMED, for exactly one caller."""
    return {
        "TableName": table,
        "Key": {"k": {"S": key}},
        "UpdateExpression": "SET st = :claimed, arn = :arn, nonce = :nonce",
        "ConditionExpression": "st = :offered",
        "ExpressionAttributeValues": {
            ":claimed": {"S": "CLAIMED"},
            ":offered": {"S": "OFFERED"},
            ":arn": {"S": arn},
            ":nonce": {"S": nonce},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def claim(
    send: Send,
    wanted: Mapping[str, Any],
    *,
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> int:
    """Claim the run and return the exit code; `wanted` is what `request` made.

    A refusal may be the echo of our own claim whose answer was lost: the nonce tells.
    """
    nonce = wanted["ExpressionAttributeValues"][":nonce"]["S"]
    until, delay = now() + PATIENCE_SECONDS, _FIRST_PAUSE_SECONDS
    while True:
        try:
            send(wanted)
        except ClaimRefused as refused:
            item = refused.item or {}
            if item.get("nonce", {}).get("S") == nonce:
                break
            say(_refusal(wanted["Key"]["k"]["S"], refused.item))
            return REFUSED
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the answer is to ask again
            if now() + delay > until:
                say(f"the claims table could not be reached for {PATIENCE_SECONDS:.0f} s: {error}")
                return UNREACHABLE
            say(f"trying again in {delay:g} s: {error}")
            pause(delay)
            delay = min(delay * 2, _LONGEST_PAUSE_SECONDS)
        else:
            break
    say(f"claimed {wanted['Key']['k']['S']}: the command may start")
    return CLAIMED


def _refusal(key: str, item: Mapping[str, Any] | None) -> str:
    if item is None:
        return f"refused: there is no claim {key}; the command will not start"
    state = item.get("st", {}).get("S", "unknown")
    if state == "REVOKED":
        return f"refused: {key} was revoked by the controller; the command will not start"
    holder = item.get("arn", {}).get("S", "another process")
    return f"refused: {key} is {state} and held by {holder}; the command will not start"


def _sender(environment: Mapping[str, str], task: str) -> Send:
    """Return `Send` on DynamoDB; raises when there is no region or the endpoint is none."""
    credentials = Credentials(environment)
    given = environment.get
    region = (
        given("AWS_REGION")
        or given("AWS_DEFAULT_REGION")
        or region_of(task)
        or credentials.region()
    )
    if not region:
        raise ValueError("no AWS region: set AWS_REGION")
    wire = Wire("dynamodb", region, environment, credentials, Clock())

    def send(wanted: Mapping[str, Any]) -> None:
        try:
            wire.send("UpdateItem", wanted, ATTEMPT_SECONDS)
        except ConditionFailed as failed:
            raise ClaimRefused(failed.item) from failed

    return send


def _say(text: str) -> None:
    sys.stderr.write(f"reconciler-guard: {text}\n")
    sys.stderr.flush()


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Claim the run that the environment names; return the process's exit code."""
    names = ("RECONCILER_CLAIM_KEY", "RECONCILER_CLAIMS_TABLE")
    missing = [name for name in names if not environment.get(name)]
    if arguments != ["claim"] or missing:
        _say(f"usage: claim, with {' and '.join(missing or names)} in the environment")
        return MISUSED
    try:
        arn = task_arn(environment)
        send = _sender(environment, arn)
    except Exception as error:  # noqa: BLE001 - no claim without knowing who claims; the run is relaunched
        _say(f"cannot start: {error}")
        return UNREACHABLE
    # The nonce is per process: a guard that ECS restarted is not the claimant.
    wanted = request(
        environment["RECONCILER_CLAIMS_TABLE"],
        environment["RECONCILER_CLAIM_KEY"],
        arn,
        os.urandom(16).hex(),
    )
    return claim(send, wanted, say=_say)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
