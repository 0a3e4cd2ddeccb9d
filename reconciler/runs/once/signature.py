"""AWS Signature Version 4 for requests to the root of a service: what DynamoDB, ECS and STS take.

Called by `calls`. Follows "Create a signed AWS API request" of AWS's IAM user guide; the tests compare
it with botocore's signer.
"""

from __future__ import annotations

import hashlib
import hmac
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.runs.once.credentials import Keys

_ALGORITHM = "AWS4-HMAC-SHA256"


class Scope:
    """Where a signature holds: region and service, as in `ap-northeast-1` and `dynamodb`."""

    def __init__(self, region: str, service: str) -> None:
        self.region, self.service = region, service


def signed(
    headers: Mapping[str, str], body: bytes, keys: Keys, scope: Scope, now: float
) -> dict[str, str]:
    """Return the headers of a POST to `/`, with those that sign it; `host` must be among them."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    made = {**headers, "X-Amz-Date": stamp}
    if keys.token:
        made["X-Amz-Security-Token"] = keys.token
    canonical = {name.lower(): " ".join(value.split()) for name, value in made.items()}
    names = ";".join(sorted(canonical))
    request = "\n".join(
        (
            "POST",
            "/",
            "",
            *(f"{name}:{canonical[name]}" for name in sorted(canonical)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    day = stamp[:8]
    place = f"{day}/{scope.region}/{scope.service}/aws4_request"
    digest = hashlib.sha256(request.encode("utf-8")).hexdigest()
    text = f"{_ALGORITHM}\n{stamp}\n{place}\n{digest}"
    key = f"AWS4{keys.secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode("utf-8"), "sha256")
    signature = hmac.digest(key, text.encode("utf-8"), "sha256").hex()
    made["Authorization"] = (
        f"{_ALGORITHM} Credential={keys.id}/{place}, SignedHeaders={names}, Signature={signature}"
    )
    return made
