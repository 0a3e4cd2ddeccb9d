"""The guard: claims a run from inside its task, so that the user's command starts at most once.

Runs as the container `reconciler-guard`: `python -m reconciler.runs.guard claim`, or this file alone
(docs/guard.md). Needs nothing of this project, and boto3 only when it calls AWS. Exit codes:
0 claimed, 75 refused, 74 the table could not be reached, 64 called wrongly.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from typing import Any

CLAIMED = 0
MISUSED = 64
UNREACHABLE = 74
REFUSED = 75

PATIENCE_SECONDS = 60.0
"""How long the table may be out of reach. Giving up is safe: the user's command does not start."""

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_METADATA_TIMEOUT_SECONDS = 2.0


class ClaimRefused(Exception):
    """The cell is not OFFERED any more; `item` is what it holds (DynamoDB form), None when absent."""

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        super().__init__("refused")
        self.item = item


Send = Callable[[Mapping[str, Any]], None]
"""Sends one UpdateItem. Raises ClaimRefused when the condition failed, any other error when unsure."""


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


def task_arn(environment: Mapping[str, str]) -> str:
    """Return this task's ARN from the ECS metadata endpoint (version 4), or a name for where we are."""
    base = environment.get("ECS_CONTAINER_METADATA_URI_V4")
    if base:
        with urllib.request.urlopen(f"{base}/task", timeout=_METADATA_TIMEOUT_SECONDS) as answer:  # noqa: S310 - ECS's own link-local address
            return str(json.load(answer)["TaskARN"])
    return environment.get("RECONCILER_TASK_ARN", "")


def _boto_sender(environment: Mapping[str, str]) -> Send:
    import boto3  # noqa: PLC0415 - a wrong call, and who imports this file, does not pay for it
    from botocore.config import Config  # noqa: PLC0415 - as above
    from botocore.exceptions import ClientError  # noqa: PLC0415 - as above

    # One wire attempt per call: the loop in `claim` makes the others.
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5)
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    endpoint = environment.get("AWS_ENDPOINT_URL_DYNAMODB") or environment.get("AWS_ENDPOINT_URL")
    client = boto3.client("dynamodb", region_name=region, endpoint_url=endpoint, config=once)

    def send(wanted: Mapping[str, Any]) -> None:
        try:
            client.update_item(**wanted)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                item: Any = error.response.get("Item")
                raise ClaimRefused(item) from error
            raise

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
        arn, send = task_arn(environment), _boto_sender(environment)
    except Exception as error:  # noqa: BLE001 - no claim without knowing who claims; the run is relaunched
        _say(f"cannot start: {error}")
        return UNREACHABLE
    # The nonce is per process: a guard that ECS restarted is not the claimant.
    wanted = request(
        environment["RECONCILER_CLAIMS_TABLE"],
        environment["RECONCILER_CLAIM_KEY"],
        arn,
        uuid.uuid4().hex,
    )
    return claim(send, wanted, say=_say)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
