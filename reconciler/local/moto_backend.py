"""moto as one WSGI application behind one lock, and calls into it without a socket.

moto has no locks of its own: conditional writes and transactions of two threads lose updates. Here
one request of any service runs at a time. Only `start` imports and patches moto.
"""

from __future__ import annotations

import io
import json
import os
import re
import threading
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from reconciler.local.selfcheck import check_moto
from reconciler.shapes.botocore_model import known_regions

StartResponse = Callable[..., Any]
Environ = dict[str, Any]

TARGETS: Mapping[str, str] = {
    "application-autoscaling": "AnyScaleFrontendService",
    "dynamodb": "DynamoDB_20120810",
    "ecr": "AmazonEC2ContainerRegistry_V20150921",
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "logs": "Logs_20140328",
    "secretsmanager": "secretsmanager",
    "ssm": "AmazonSSM",
}
"""X-Amz-Target prefixes. Source: `targetPrefix` in botocore's models."""
_VERSIONS: Mapping[str, str] = {
    "cloudformation": "2010-05-15",
    "ec2": "2016-11-15",
    "elasticloadbalancing": "2015-12-01",
    "iam": "2010-05-08",
    "monitoring": "2010-08-01",
}
"""Services that are asked with a form, by the name that requests are signed for."""
NO_REGION = "NoSuchRegion"
"""Our own word: on AWS a region that does not exist has no host that could answer."""
_NOT_IMPLEMENTED = "NotImplemented"
_UNLOCKED = frozenset({"sqs"})
"""A long poll sleeps inside the request."""
_OK = 200


class MotoError(Exception):
    """moto answered a call of ours with an AWS error `code`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def target_service(target: str) -> str:
    """Return the service of an X-Amz-Target header, or nothing when it is not in `TARGETS`."""
    prefix = target.rpartition(".")[0]
    return next((name for name, known in TARGETS.items() if known == prefix), "")


@cache
def _check_once() -> None:
    """Check moto's source once in a process: it does not change while we run."""
    check_moto()


class MotoBackend:
    """All services but ECS, for one account. State is moto's own, global to the process."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.lock = threading.RLock()
        self._application: Any = None
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Import moto, check it, patch its leak, forget what an earlier server left.

        Raises ReconcilerError when moto is not installed or not the one we know.
        """
        _check_once()
        # Nobody starts instances here, and moto would make 1,300 machine images for them (0.3 s).
        os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - only when needed
            DomainDispatcherApplication,
            create_backend_app,
        )

        self._undo = [_stop_instance_tracking(), _snapshot_only_touched_items()]
        self._application = DomainDispatcherApplication(create_backend_app)
        # Else each request lists the folders of all of moto's services, a quarter of its time.
        self._application.get_backend_for_host = cache(self._application.get_backend_for_host)
        self.request({"PATH_INFO": "/moto-api/reset", "REQUEST_METHOD": "POST"}, b"")

    def stop(self) -> None:
        """Take the patches back."""
        while self._undo:
            self._undo.pop()()

    def handle(self, service: str, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        """Answer one request: status line, headers and body."""
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account
        if service in _UNLOCKED:
            return self._run(environ)
        with self.lock:
            return self._run(environ)

    def _run(self, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        answer: list[Any] = ["500 Internal Server Error", []]

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            answer[:] = [status, headers]

        try:
            chunks: Iterable[bytes] = self._application(environ, start_response)
        except NotImplementedError as error:
            return _not_implemented(environ, str(error))
        body = b"".join(chunks)
        close = getattr(chunks, "close", None)
        if close:
            close()
        return answer[0], list(answer[1]), body

    def request(self, parts: Environ, body: bytes) -> tuple[int, bytes]:
        """Send one request into moto without a socket; returns status code and body."""
        environ: Environ = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **parts,
        }
        status, _, answer = self.handle("", environ)
        return int(status.split()[0]), answer

    def call(self, service: str, operation: str, region: str, **params: Any) -> dict[str, Any]:
        """Call an operation of a JSON service past the faults. Raises MotoError, NO_REGION too."""
        if region not in known_regions():
            raise MotoError(NO_REGION, f"there is no region {region}")
        parts = {
            "CONTENT_TYPE": "application/x-amz-json-1.1",
            "HTTP_X_AMZ_TARGET": f"{TARGETS[service]}.{operation}",
            "HTTP_AUTHORIZATION": _authorization(service, region),
        }
        status, body = self.request(parts, json.dumps(params).encode())
        answer: dict[str, Any] = json.loads(body or b"{}")
        if status != _OK:
            code = str(answer.get("__type", "InternalFailure")).rpartition("#")[2]
            raise MotoError(code, str(answer.get("message") or answer.get("Message") or ""))
        return answer

    def has_log_group(self, region: str, name: str) -> bool:
        """Whether CloudWatch Logs has this group."""
        from moto.logs.models import logs_backends  # noqa: PLC0415 - only when needed

        with self.lock:
            return region in known_regions() and name in logs_backends[self.account][region].groups

    def submit(self, service: str, operation: str, region: str, **params: str) -> ET.Element:
        """Call an operation of a form service (IAM) past the faults; returns the XML.

        Raises MotoError.
        """
        parts = {
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "HTTP_AUTHORIZATION": _authorization(service, region),
        }
        form = {"Action": operation, "Version": _VERSIONS[service], **params}
        status, body = self.request(parts, urllib.parse.urlencode(form).encode())
        if status != _OK:
            code = re.search(rb"<Code>([^<]*)</Code>", body)
            raise MotoError(code[1].decode() if code else "InternalFailure", operation)
        return ET.fromstring(body)  # noqa: S314 - moto's own answer

    def role_arn(self, name: str) -> str | None:
        """Return the ARN of a role, None where there is none of this name."""
        try:
            found = self.submit("iam", "GetRole", "us-east-1", RoleName=name)
        except MotoError:
            return None
        return found.findtext(".//{*}Role/{*}Arn")


def _authorization(service: str, region: str) -> str:
    scope = f"embedded/20260101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def _stop_instance_tracking() -> Callable[[], None]:
    """Stop moto from keeping every model instance for ever, deep copies included.

    A soak run would eat the memory.
    """
    from moto.core.common_models import BaseModel  # noqa: PLC0415 - only when needed

    model: Any = BaseModel
    tracking = BaseModel.__dict__["__new__"]

    def plain(cls: type, *_: Any, **__: Any) -> Any:
        return object.__new__(cls)

    model.__new__ = staticmethod(plain)

    def undo() -> None:
        model.__new__ = tracking

    return undo


def _snapshot_only_touched_items() -> Callable[[], None]:
    """Make TransactWriteItems' backup of a table cost what it touches, not the whole journal.

    moto deep-copies each table of a transaction in order to roll back. The copy made here shares the
    items that the transaction does not name, which it therefore cannot change.
    """
    from moto.dynamodb.models import DynamoDBBackend  # noqa: PLC0415 - only when needed

    from reconciler.local.transactions import transact_write_items  # noqa: PLC0415 - needs moto

    backend: Any = DynamoDBBackend
    original = backend.transact_write_items
    backend.transact_write_items = transact_write_items(original)

    def undo() -> None:
        backend.transact_write_items = original

    return undo


def _not_implemented(environ: Environ, message: str) -> tuple[str, list[tuple[str, str]], bytes]:
    """Refuse what moto does not have in the words of the protocol that was spoken, JSON or Query."""
    if environ.get("HTTP_X_AMZ_TARGET"):
        kind, body = (
            "application/x-amz-json-1.1",
            json.dumps({"__type": _NOT_IMPLEMENTED, "message": message}),
        )
    else:
        kind, body = (
            "text/xml",
            (
                f"<ErrorResponse><Error><Type>Sender</Type><Code>{_NOT_IMPLEMENTED}</Code>"
                f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
            ),
        )
    return "400 Bad Request", [("Content-Type", kind)], body.encode()
