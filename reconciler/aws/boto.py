"""The transport to real AWS, and to anything that speaks its wire protocol: one botocore client each.

Made by `reconciler.app`, one per region. boto3 is imported when the first client is made, so that
commands which call nothing start quickly. Retries and deadlines are the door's.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from reconciler.aws.door import no_fence
from reconciler.aws.translate import from_exception
from reconciler.model.errors import AwsError, InvalidRequest

CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 10.0
_CHUNK = 1024 * 1024
LARGEST_BODY = 64 * 1024 * 1024
"""Bytes of an object that are read into memory."""


class _Passing(threading.local):
    """What the calling thread's next wire attempt has to pass, and whether it was called."""

    before_send: Callable[[], None] = staticmethod(no_fence)
    refusal: BaseException | None = None


class BotoTransport:
    """A `door.Transport` over botocore. Safe for use by several threads.

    `endpoint_url` wins over AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>, which botocore honours.
    """

    def __init__(
        self, region: str, *, profile: str | None = None, endpoint_url: str | None = None
    ) -> None:
        self.region = region
        self.profile = profile
        self.endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._session: Any = None
        self._passing = _Passing()
        self._regions: dict[str, BotoTransport] = {region: self}

    def in_region(self, region: str) -> BotoTransport:
        """Return the transport of a region, made once; see `door.Transport.in_region`."""
        with self._lock:
            if region not in self._regions:
                other = BotoTransport(region, profile=self.profile, endpoint_url=self.endpoint_url)
                self._regions[region] = other
            return self._regions[region]

    def send(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        before_send: Callable[[], None],
    ) -> dict[str, Any]:
        """Make exactly one wire attempt; see `door.Transport.send`."""
        name = f"{service}:{operation}"
        passing = self._passing
        passing.before_send, passing.refusal = before_send, None
        try:
            answer: dict[str, Any] = _with_body(self._method(service, operation)(**params), name)
        except Exception as error:
            if error is passing.refusal or isinstance(error, AwsError):
                raise
            raise from_exception(error, name) from error
        finally:
            passing.before_send = no_fence
        return answer

    def _method(self, service: str, operation: str) -> Callable[..., dict[str, Any]]:
        from botocore import xform_name  # noqa: PLC0415 - boto3 is imported on first use

        method: Callable[..., dict[str, Any]] = getattr(
            self._client(service), xform_name(operation)
        )
        return method

    def _client(self, service: str) -> Any:
        client = self._clients.get(service)
        if client is not None:
            return client
        with self._lock:  # sessions are not thread-safe; nothing here calls AWS
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]

    def _make_client(self, service: str) -> Any:
        import boto3  # noqa: PLC0415 - boto3 is imported on first use
        from botocore.config import Config  # noqa: PLC0415 - as above

        if self._session is None:
            self._session = boto3.session.Session(
                profile_name=self.profile, region_name=self.region
            )
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=32,
            retries={"total_max_attempts": 1, "mode": "standard"},
            user_agent_extra="ecs-reconciler",
        )
        options: dict[str, Any] = {"endpoint_url": self.endpoint_url, "config": config}
        client = self._session.client(service, **options)
        if on_this_machine(client.meta.endpoint_url) and self._session.get_credentials() is None:
            # An AWS on this machine believes everybody, but a request has to be signed by somebody.
            client = self._session.client(
                service,
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106 - no secret of anybody
                **options,
            )
        # First, so that no other handler (an emulator's, say) can answer before the fence was asked.
        client.meta.events.register_first("before-send", self._before_send)
        client.meta.events.register_first("after-call", _refuse_unreadable)
        return client

    def _before_send(self, **_: Any) -> None:
        try:
            self._passing.before_send()
        except BaseException as refusal:
            self._passing.refusal = refusal
            raise


def _with_body(answer: dict[str, Any], operation: str) -> dict[str, Any]:
    """Read an answer's stream, an object of S3, while its errors are still ours to translate."""
    body = answer.get("Body")
    if body is not None and hasattr(body, "read"):
        content = b""
        # To the empty read: botocore compares the length only there, and a state cut short is no state.
        while len(content) <= LARGEST_BODY and (chunk := body.read(_CHUNK)):
            content += chunk
        if len(content) > LARGEST_BODY:
            text = f"{operation}: the object is larger than {LARGEST_BODY // 1024 // 1024} MiB"
            raise InvalidRequest(text, operation=operation)
        answer["Body"] = content
    return answer


def on_this_machine(endpoint_url: str) -> bool:
    """Say whether an endpoint is an AWS that is played here; AWS's own, the empty one, is not."""
    return urlsplit(endpoint_url).hostname in ("localhost", "127.0.0.1", "::1")


def _refuse_unreadable(http_response: Any, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
    """Refuse a 200 whose body is not JSON: botocore takes it for an answer without content.

    A truncated answer to RunTask would otherwise read as "no tasks, no failures".
    """
    if set(parsed) - {"ResponseMetadata"} or "json" not in model.service_model.resolved_protocol:
        return
    body = http_response.content
    if not body:
        return
    try:
        json.loads(body)
    except ValueError as error:
        from botocore.parsers import ResponseParserError  # noqa: PLC0415 - loaded by now

        raise ResponseParserError(f"the body is not JSON ({len(body)} bytes)") from error


def default_region(profile: str | None) -> str | None:
    """Return the region that botocore's own chain gives: AWS_REGION, AWS_DEFAULT_REGION, the profile.

    Raises BadCredentials for a profile that does not exist.
    """
    import boto3  # noqa: PLC0415 - boto3 is imported on first use

    region = os.environ.get("AWS_REGION")
    if region:
        return region
    try:
        found = boto3.session.Session(profile_name=profile).region_name
    except Exception as error:
        raise from_exception(error, "configuration") from error
    return str(found) if found else None
