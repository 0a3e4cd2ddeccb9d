"""The WSGI application of the embedded AWS: faults first, then what is ours, then moto.

Run by `server` on its threads. One request is one call of `Front`.
"""

from __future__ import annotations

import io
import json
import re
import socket
import time
import urllib.parse
import uuid
import xml.sax.saxutils
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.local import ecr, simulator
from reconciler.local.ecs import dispatch
from reconciler.local.ecs.errors import EcsError
from reconciler.local.ecs.state import World
from reconciler.local.elasticache import dispatch as cache_dispatch
from reconciler.local.elasticache import wire
from reconciler.local.elasticache.errors import CacheError
from reconciler.local.elasticache.state import CacheWorld
from reconciler.local.faults import Call, Effect, Fault, Faults
from reconciler.local.images import Images
from reconciler.local.log_streams import LogsError, LogStreams
from reconciler.local.metadata import METADATA_PREFIX, container_metadata
from reconciler.local.moto_backend import (
    TARGETS,
    Environ,
    MotoBackend,
    StartResponse,
    target_service,
)
from reconciler.local.named import Form, Named
from reconciler.local.scaling import ScalingWorld
from reconciler.local.scaling_registry import ScalingError
from reconciler.local.transactions import Answer, TransactionTokens

_CREDENTIAL = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
_HOLD_LIMIT_SECONDS = 600
_STATUS = {200: "200 OK", 400: "400 Bad Request", 404: "404 Not Found"}


@dataclass(frozen=True)
class _Request:
    call: Call
    region: str
    environ: Environ
    form: Form = field(default_factory=dict)


@dataclass(frozen=True)
class Backends:
    """What answers behind the endpoint."""

    world: World
    caches: CacheWorld
    scaling: ScalingWorld
    moto: MotoBackend
    images: Images
    logs: LogStreams


class Front:
    """Everything behind the endpoint."""

    def __init__(self, backends: Backends, faults: Faults) -> None:
        self._world, self._caches = backends.world, backends.caches
        self._scaling = backends.scaling
        self._moto, self._images = backends.moto, backends.images
        self._streams = backends.logs
        self._named = Named(backends.moto)
        self._faults = faults
        self._tokens = TransactionTokens(self._world.clock)
        self._ours: Mapping[str, Callable[[_Request], Answer]] = {
            "application-autoscaling": self._scale,
            "ecs": self._ecs,
            "elasticache": self._elasticache,
            "logs": self._logs,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(METADATA_PREFIX):
            status, headers, body = _json(*container_metadata(self._world, path))
            return self._send(start_response, (status, headers, body))
        if path.startswith(ecr.LAYERS_PREFIX):
            return self._send(start_response, self._layer(path))
        request = _identify(environ)
        fault = self._faults.take(request.call)
        answer = self._with_fault(fault, request) if fault else self._answer(request)
        if answer is None:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            start_response("500 Dropped", [("Content-Length", "0")])
            return [b""]
        return self._send(start_response, answer)

    def _with_fault(self, fault: Fault, request: _Request) -> Answer | None:
        """Return the answer, or None when it is lost."""
        effect = fault.effect
        if effect is Effect.DROP_BEFORE:
            return None
        if effect is Effect.ERROR:
            return _injected(fault, request)
        if effect is Effect.DELAY:
            time.sleep(fault.seconds)
        if effect is Effect.HOLD_BEFORE:
            fault.arrived.set()
            fault.released.wait(_HOLD_LIMIT_SECONDS)
        answer = self._answer(request)
        if effect is Effect.HOLD_AFTER:
            fault.arrived.set()
            fault.released.wait(_HOLD_LIMIT_SECONDS)
        if effect is Effect.TRUNCATE:
            return answer[0], answer[1], answer[2][: len(answer[2]) // 2]
        if effect is Effect.ERROR_AFTER:
            return _injected(fault, request)
        return None if effect is Effect.DROP_AFTER else answer

    def _answer(self, request: _Request) -> Answer:
        service, operation = request.call.service, request.call.operation
        ours = self._ours.get(service)
        if ours is not None:
            return ours(request)
        if service == "ecr" and ecr.handles(self._images, operation, request.call.params):
            return self._ecr(request)
        if operation == "TransactWriteItems" and service == "dynamodb":
            return self._tokens.handle(request.call.params, lambda: self._to_moto(request))
        return self._to_moto(request)

    def _to_moto(self, request: _Request) -> Answer:
        call = request.call
        if (call.service, call.operation) == ("iam", simulator.OPERATION):  # moto lacks it
            return _xml(*simulator.answer(request.form, self._moto.role_arn))
        self._named.admit(call.service, call.operation, request.region, request.form)
        return self._moto.handle(call.service, request.environ)

    def _ecs(self, request: _Request) -> Answer:
        scope = (self._moto.account, request.region)
        try:
            document = dispatch.answer(
                self._world, scope, request.call.operation, request.call.params
            )
        except EcsError as error:
            return _error(400, error.code, error.message, error.members)
        return _json(200, document)

    def _elasticache(self, request: _Request) -> Answer:
        scope, operation = (self._moto.account, request.region), request.call.operation
        if "User" in operation:  # users and user groups are moto's
            return self._to_moto(request)
        try:
            document = cache_dispatch.answer(self._caches, scope, operation, request.call.params)
        except CacheError as error:
            status, body = wire.failure(error.code, error.message)
            return _xml(status, body)
        return _xml(200, wire.answer(operation, document))

    def _scale(self, request: _Request) -> Answer:
        scope, call = (self._moto.account, request.region), request.call
        try:
            return _json(200, self._scaling.answer(scope, call.operation, call.params))
        except ScalingError as error:
            return _error(400, error.code, error.message)

    def _logs(self, request: _Request) -> Answer:
        call = request.call
        if self._streams.handles(call.operation):
            try:
                return _json(200, self._streams.answer(call.operation, request.region, call.params))
            except LogsError as error:
                return _error(400, error.code, str(error))
        answer = self._to_moto(request)
        if call.operation == "DeleteLogGroup":
            self._streams.forget(request.region, str(call.params.get("logGroupName")))
        return answer

    def _ecr(self, request: _Request) -> Answer:
        call, host = request.call, request.environ.get("HTTP_HOST", "127.0.0.1")
        asked = ecr.Asked(self._images, self._moto.account, f"http://{host}", call.params)
        try:
            return _json(200, ecr.answer(call.operation, asked))
        except ecr.EcrError as error:
            return _error(400, error.code, str(error))

    def _layer(self, path: str) -> Answer:
        found = ecr.layer(self._images, path)
        if found is None:
            return _STATUS[404], [("Content-Type", "text/plain")], b""
        return _STATUS[200], [("Content-Type", "application/octet-stream")], found.encode()

    def _send(self, start_response: StartResponse, answer: Answer) -> Iterable[bytes]:
        status, headers, body = answer
        present = {name.lower() for name, _ in headers}
        headers = [(n, v) for n, v in headers if n.lower() not in ("date", "content-length")]
        headers.append(("Content-Length", str(len(body))))
        if not present & {"x-amzn-requestid", "x-amz-request-id"}:
            headers.append(("x-amzn-RequestId", str(uuid.uuid4())))
        start_response(status, headers)
        return [body]


def _identify(environ: Environ) -> _Request:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(body)
    credential = _CREDENTIAL.search(str(environ.get("HTTP_AUTHORIZATION", "")))
    region, signed_for = (credential[1], credential[2]) if credential else ("us-east-1", "")
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target:
        service = target_service(target) or signed_for
        params = _json_params(body) if service in TARGETS else {}
        return _Request(Call(service, target.rpartition(".")[2], params), region, environ)
    form = urllib.parse.parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    operation = form.get("Action", [str(environ.get("REQUEST_METHOD", ""))])[0]
    parsed = {}
    if signed_for == "elasticache" and wire.knows(operation):
        parsed = wire.parse(operation, form)
    return _Request(Call(signed_for, operation, parsed), region, environ, form)


def _json_params(body: bytes) -> Mapping[str, Any]:
    try:
        params = json.loads(body or b"{}")
    except ValueError:
        return {}
    return params if isinstance(params, dict) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} in an answer")


def _json(code: int, document: Mapping[str, Any]) -> Answer:
    body = json.dumps(document, default=_plain).encode()
    status = _STATUS.get(code, f"{code} Error")
    return status, [("Content-Type", "application/x-amz-json-1.1")], body


def _xml(code: int, body: bytes) -> Answer:
    return _STATUS.get(code, f"{code} Error"), [("Content-Type", "text/xml")], body


def _injected(fault: Fault, request: _Request) -> Answer:
    """Make an error in the protocol of the request: JSON with a target header, XML without."""
    if request.environ.get("HTTP_X_AMZ_TARGET"):
        return _error(fault.status, fault.code, fault.message)
    code, message = (xml.sax.saxutils.escape(text) for text in (fault.code, fault.message))
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<ErrorResponse>{error}<RequestId>injected</RequestId></ErrorResponse>"
    if request.call.service == "ec2":
        body = f"<Response><Errors>{error}</Errors><RequestID>injected</RequestID></Response>"
    return f"{fault.status} Error", [("Content-Type", "text/xml")], body.encode()


def _error(code: int, name: str, message: str, members: Mapping[str, Any] | None = None) -> Answer:
    return _json(code, {"__type": name, "message": message, **(members or {})})
