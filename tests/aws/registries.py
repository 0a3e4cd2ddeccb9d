"""A real image registry over HTTP on loopback: manifests, tokens, blobs behind a redirect, and faults."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(body: bytes) -> str:
    """Return a content's digest."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class PlayedRegistry:
    """What the registry has, what it asks for, and every request that it got."""

    def __init__(self) -> None:
        self.content: dict[str, tuple[str, bytes]] = {}
        """By digest: media type and body."""
        self.tags: dict[tuple[str, str], str] = {}
        self.user = ""
        """`name:password` that the token server wants; anonymous without."""
        self.challenge = "bearer"
        self.says_digest = True
        self.failing: list[int] = []
        """Statuses that the next requests get."""
        self.requests: list[tuple[str, str, str]] = []
        """Method, path and what was sent as Authorization."""
        self.host = ""

    def push(self, repository: str, tag: str, *platforms: str, index: bool = True) -> str:
        """Put an image there; return its digest."""
        singles = [self._single(p) for p in platforms]
        digest = singles[0]
        if index:
            listed = [
                {"digest": d, "mediaType": MANIFEST, "platform": _platform(p)}
                for d, p in zip(singles, platforms, strict=True)
            ]
            listed.append({"digest": singles[0], "platform": _platform("unknown/unknown")})
            digest = self._put(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
        self.tags[repository, tag] = digest
        return digest

    def _single(self, platform: str) -> str:
        config = self._put("application/json", _platform(platform))
        return self._put(MANIFEST, {"schemaVersion": 2, "config": {"digest": config}, "layers": []})

    def _put(self, kind: str, document: Any) -> str:
        body = json.dumps(document).encode()
        self.content[digest_of(body)] = (kind, body)
        return digest_of(body)

    def answer(
        self, method: str, path: str, authorization: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer one request."""
        self.requests.append((method, path, authorization))
        if self.failing:
            return self.failing.pop(0), {}, b""
        parts = urlsplit(path)
        if parts.path == "/token":
            return self._token(parse_qs(parts.query), authorization)
        if parts.path.startswith("/store/"):
            return 200, {}, self.content[parts.path.removeprefix("/store/")][1]
        repository, kind, reference = _taken_apart(parts.path)
        if self.challenge and authorization != self._wanted(repository):
            return 401, {"WWW-Authenticate": self._asks(repository)}, b"{}"
        return self._content(repository, kind, reference)

    def _content(
        self, repository: str, kind: str, reference: str
    ) -> tuple[int, dict[str, str], bytes]:
        if kind == "blobs":
            return 307, {"Location": f"/store/{reference}"}, b""
        digest = self.tags.get((repository, reference), reference)
        if digest not in self.content:
            return 404, {}, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'
        media, body = self.content[digest]
        said = {"Docker-Content-Digest": digest} if self.says_digest else {}
        return 200, {"Content-Type": media, **said}, body

    def _wanted(self, repository: str) -> str:
        if self.challenge == "basic":
            return f"Basic {_encoded(self.user)}"
        return f"Bearer token-for-{repository}"

    def _asks(self, repository: str) -> str:
        if self.challenge == "basic":
            return 'Basic realm="here"'
        realm = f"http://{self.host}/token"
        return f'Bearer realm="{realm}",service="played",scope="repository:{repository}:pull"'

    def _token(
        self, query: dict[str, list[str]], authorization: str
    ) -> tuple[int, dict[str, str], bytes]:
        if self.user and authorization != f"Basic {_encoded(self.user)}":
            return 401, {}, b"{}"
        _, repository, _ = query["scope"][0].split(":")
        return 200, {}, json.dumps({"token": f"token-for-{repository}"}).encode()


@contextmanager
def served(registry: PlayedRegistry) -> Iterator[PlayedRegistry]:
    """Serve it on a free port of this machine until the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._do()

        def do_HEAD(self) -> None:
            self._do()

        def _do(self) -> None:
            authorization = self.headers.get("Authorization", "")
            status, headers, body = registry.answer(self.command, self.path, authorization)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _taken_apart(path: str) -> tuple[str, str, str]:
    repository, kind, reference = path.removeprefix("/v2/").rsplit("/", 2)
    return repository, kind, reference


def _platform(text: str) -> dict[str, str]:
    system, architecture = text.split("/")
    return {"os": system, "architecture": architecture}


def _encoded(user: str) -> str:
    return base64.b64encode(user.encode()).decode()
