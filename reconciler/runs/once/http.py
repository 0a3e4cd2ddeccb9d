"""HTTP/1.1 for AWS's JSON interfaces: one exchange at a time on a kept connection, TLS verified.

`http.client` would do, but it brings the whole `email` package, which takes longer to import than
everything else here together (docs/decisions/0029). Called by `calls`, `credentials` and `place`.
"""

from __future__ import annotations

import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes; DynamoDB's items have 400 KB at most."""
_LARGEST_HEAD = 64 * 1024
_CONNECT_SECONDS = 3.0
_CHUNK = 65536
_EMPTY = (204, 304)


class NotSent(Exception):
    """No connection: the request has not reached anybody."""


class NoAnswer(Exception):
    """The request was sent, wholly or in part, and no answer came: it may have been carried out."""


class Address:
    """An endpoint: `scheme://host[:port]`, without a path."""

    def __init__(self, scheme: str, host: str, port: int, userinfo: str = "") -> None:
        self.scheme, self.host, self.port, self.userinfo = scheme, host, port, userinfo

    @classmethod
    def parse(cls, url: str) -> tuple[Address, str]:
        """Take a URL apart into the endpoint and its path; raises ValueError for what is none."""
        scheme, mark, rest = url.partition("://")
        scheme = scheme.lower()
        if not mark or scheme not in ("http", "https"):
            raise ValueError(f"{url} is no URL of HTTP: write http://… or https://…")
        place, slash, path = rest.partition("/")
        userinfo, _, place = place.rpartition("@")
        host, bracket, port = place.rpartition("]")
        if bracket:
            host, port = host.lstrip("["), port.lstrip(":")
        else:
            host, _, port = place.partition(":")
        if not host or (port and not port.isdigit()):
            raise ValueError(f"{url} names no host: write http://HOST:PORT")
        default = 443 if scheme == "https" else 80
        return cls(scheme, host, int(port or default), userinfo), slash + path

    @property
    def authority(self) -> str:
        """The Host header: the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Write the endpoint without what is secret in it."""
        return f"{self.scheme}://{self.authority}"


class Answer:
    """A response: status, headers with lower-case names, the whole body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


def proxy_for(address: Address, environment: Mapping[str, str]) -> Address | None:
    """Return the proxy that the environment names for an address; raises ValueError for a bad one."""
    if _bypassed(address, environment.get("no_proxy") or environment.get("NO_PROXY") or ""):
        return None
    name = f"{address.scheme}_proxy"
    url = environment.get(name) or environment.get(name.upper())
    if not url:
        return None
    proxy, _ = Address.parse(url if "://" in url else f"http://{url}")
    if proxy.scheme != "http":
        raise ValueError(f"{name.upper()}: a proxy that itself speaks TLS is not supported")
    return proxy


def _bypassed(address: Address, names: str) -> bool:
    for name in names.replace(",", " ").lower().split():
        wanted = name.lstrip(".").removeprefix("*.")
        hosts = (address.host.lower(), f"{address.host.lower()}:{address.port}")
        if name == "*" or any(h == wanted or h.endswith("." + wanted) for h in hosts):
            return True
    return False


class Connection:
    """A connection to one endpoint, kept for the next exchange and made anew when it broke."""

    def __init__(
        self, address: Address, proxy: Address | None = None, authorities: str | None = None
    ) -> None:
        self.address, self.proxy, self.authorities = address, proxy, authorities
        self._socket: socket.socket | None = None
        self._rest = b""

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Answer:
        """Send one request and return the answer, within `seconds`; NotSent or NoAnswer otherwise."""
        ends = time.monotonic() + seconds
        if self._socket is None:
            try:
                self._socket = self._connect(ends)
            except (OSError, ValueError) as error:
                raise NotSent(f"{self.address}: {_words(error)}") from error
        try:
            return self._exchange(self._head(method, path, headers, body), method, ends)
        except (OSError, ValueError) as error:
            self.close()
            raise NoAnswer(f"{self.address}: {_words(error)}") from error
        except BaseException:
            self.close()  # interrupted in the middle: what comes next would be another's answer
            raise

    def _connect(self, ends: float) -> socket.socket:
        target = self.proxy or self.address
        allowed = max(0.1, min(_CONNECT_SECONDS, ends - time.monotonic()))
        # As bytes the name does not bring the codec for international names, a quarter of our start.
        place = (target.host.encode("idna" if not target.host.isascii() else "ascii"), target.port)
        made = socket.create_connection(place, allowed)  # type: ignore[arg-type]  # getaddrinfo takes both
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.address.scheme == "https":
                if self.proxy:
                    self._tunnel(made, self.proxy, ends)
                made.settimeout(max(0.1, ends - time.monotonic()))
                return self._secured(made)
        except BaseException:
            made.close()
            raise
        return made

    def _secured(self, plain: socket.socket) -> socket.socket:
        try:
            import ssl  # noqa: PLC0415 - a plain endpoint does without
        except ImportError as error:
            raise ValueError("this Python has no TLS (the module ssl is missing)") from error

        context = ssl.create_default_context(cafile=self.authorities)
        try:
            return context.wrap_socket(plain, server_hostname=self.address.host)
        except ssl.SSLCertVerificationError as error:
            raise ValueError(
                f"{error.verify_message}: install the ca-certificates of the image, or name a "
                "bundle in AWS_CA_BUNDLE"
            ) from error

    def _tunnel(self, made: socket.socket, proxy: Address, ends: float) -> None:
        host = self.address
        name = f"[{host.host}]" if ":" in host.host else host.host
        lines = [f"CONNECT {name}:{host.port} HTTP/1.1", f"Host: {name}:{host.port}"]
        lines += _proxy_authorization(proxy)
        self._socket, self._rest = made, b""
        try:
            self._send("\r\n".join([*lines, "", ""]).encode("latin-1"), ends)
            status, _ = self._read_head(ends)
        finally:
            self._socket = None
        if status != 200:  # noqa: PLR2004 - the only code of an open tunnel
            raise ValueError(f"the proxy {proxy} refused with {status}")

    def _head(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        plain = self.proxy is not None and self.address.scheme == "http"
        lines = [f"{method} {str(self.address) + path if plain else path} HTTP/1.1"]
        lines.append(f"Host: {self.address.authority}")
        if plain and self.proxy:
            lines += _proxy_authorization(self.proxy)
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    def _exchange(self, request: bytes, method: str, ends: float) -> Answer:
        self._send(request, ends)
        status, headers = self._read_head(ends)
        while 100 <= status < 200:  # noqa: PLR2004 - interim answers
            status, headers = self._read_head(ends)
        if method == "HEAD" or status in _EMPTY:
            body = b""
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            body = self._read_chunks(ends)
        elif "content-length" in headers:
            body = self._read_exactly(int(headers["content-length"]), ends)
        else:
            body = self._read_to_the_end(ends)
            headers["connection"] = "close"
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    def _send(self, data: bytes, ends: float) -> None:
        self._timed(ends).sendall(data)

    def _timed(self, ends: float) -> socket.socket:
        left = ends - time.monotonic()
        if left <= 0 or self._socket is None:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        return self._socket

    def _more(self, ends: float) -> bytes:
        data = self._timed(ends).recv(_CHUNK)
        if not data:
            raise ConnectionError("the connection was closed")
        return data

    def _read_until(self, mark: bytes, ends: float) -> bytes:
        while mark not in self._rest:
            if len(self._rest) > _LARGEST_HEAD:
                raise ValueError("an answer that is no HTTP")
            self._rest += self._more(ends)
        found, _, self._rest = self._rest.partition(mark)
        return found

    def _read_head(self, ends: float) -> tuple[int, dict[str, str]]:
        first, *lines = self._read_until(b"\r\n\r\n", ends).decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError("an answer that is no HTTP")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if version == "HTTP/1.0":
            headers.setdefault("connection", "close")
        return int(rest[:3]), headers

    def _read_exactly(self, length: int, ends: float) -> bytes:
        if not 0 <= length <= LARGEST_BODY:
            raise ValueError(f"an answer of {length} bytes")
        while len(self._rest) < length:
            self._rest += self._more(ends)
        body, self._rest = self._rest[:length], self._rest[length:]
        return body

    def _read_chunks(self, ends: float) -> bytes:
        body = b""
        while True:
            size = int(self._read_until(b"\r\n", ends).partition(b";")[0], 16)
            body += self._read_exactly(size, ends)
            if len(body) > LARGEST_BODY:
                raise ValueError("an answer without end")
            if size == 0:
                while self._read_until(b"\r\n", ends):
                    pass  # trailers
                return body
            self._read_exactly(2, ends)

    def _read_to_the_end(self, ends: float) -> bytes:
        body, self._rest = self._rest, b""
        while True:
            data = self._timed(ends).recv(_CHUNK)
            body += data
            if not data:
                return body
            if len(body) > LARGEST_BODY:
                raise ValueError("an answer without end")


def _proxy_authorization(proxy: Address) -> list[str]:
    if not proxy.userinfo:
        return []
    from base64 import b64encode  # noqa: PLC0415 - only behind such a proxy
    from urllib.parse import unquote  # noqa: PLC0415 - as above

    token = b64encode(unquote(proxy.userinfo).encode("utf-8")).decode("ascii")
    return [f"Proxy-Authorization: Basic {token}"]


def _words(error: BaseException) -> str:
    """Return what is said of an error: the system's words without its number."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
