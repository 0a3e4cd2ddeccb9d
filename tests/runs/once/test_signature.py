"""Signature 4 of our own is botocore's, byte for byte."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from reconciler.runs.once.credentials import Keys
from reconciler.runs.once.signature import Scope, signed

WORD = st.text(string.ascii_letters + string.digits + "/+=", min_size=1, max_size=40)
NAMES = st.text(string.ascii_letters + "-", min_size=1, max_size=12).map(lambda s: f"X-Test-{s}")
VALUES = st.text(string.ascii_letters + string.digits + " ./;:=,", max_size=30)
MOMENTS = st.integers(946_684_800, 4_102_444_800)


@given(
    headers=st.dictionaries(NAMES, VALUES, max_size=4),
    body=st.binary(max_size=200),
    keys=st.tuples(WORD, WORD, st.one_of(st.just(""), WORD)),
    place=st.tuples(
        st.sampled_from(["us-east-1", "cn-north-1"]), st.sampled_from(["dynamodb", "ecs"])
    ),
    moment=MOMENTS,
)
def test_signature_is_botocores(headers, body, keys, place, moment):
    """Any headers, body, keys, region, service and moment: the same Authorization header."""
    headers = {n.lower(): v for n, v in headers.items()}
    now = datetime.fromtimestamp(moment, UTC)
    request = AWSRequest("POST", f"https://{place[1]}.{place[0]}.amazonaws.com/", headers, body)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4Auth(Credentials(keys[0], keys[1], keys[2] or None), place[1], place[0]).add_auth(
            request
        )
    ours = signed(
        {"Host": f"{place[1]}.{place[0]}.amazonaws.com", **headers},
        body, Keys(*keys), Scope(place[0], place[1]), float(moment),
    )  # fmt: skip
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours.get("X-Amz-Security-Token") == request.headers.get("X-Amz-Security-Token")
