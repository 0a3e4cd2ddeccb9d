"""One HTTP request to something that is not AWS's API: an image registry, its token server, a blob.

Called by `aws.registry`. Bounded in time and size, follows nothing, tries once; urllib3 is botocore's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 10.0


class NoConnection(Exception):
    """The host cannot be reached from here: name, route, port or certificate."""


class NoAnswer(Exception):
    """The connection was made, and the answer did not come or broke off."""


@dataclass(frozen=True)
class HttpAnswer:
    """A status, headers with names in lower case, and at most as many bytes as were asked for."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Http(Protocol):
    """The seam of the tests."""

    def send(self, method: str, url: str, headers: Mapping[str, str], limit: int) -> HttpAnswer:
        """Send one request and read at most `limit` bytes. Raises NoConnection, NoAnswer."""


class UrllibHttp:
    """`Http` over urllib3; proxies are those of the environment (HTTPS_PROXY, NO_PROXY)."""

    def __init__(self) -> None:
        """Make no connection yet."""
        self._pools: dict[str, Any] = {}

    def send(self, method: str, url: str, headers: Mapping[str, str], limit: int) -> HttpAnswer:
        """Send one request."""
        from urllib3 import exceptions as broken  # noqa: PLC0415 - only who asks a registry needs it

        try:
            answer = self._pool(url).request(
                method, url, headers=dict(headers), redirect=False, preload_content=False
            )
            try:
                body = answer.read(limit + 1, decode_content=True) if method != "HEAD" else b""
            finally:
                answer.release_conn()
        except (broken.NewConnectionError, broken.ConnectTimeoutError, broken.SSLError) as error:
            raise NoConnection(type(error).__name__) from error
        except (broken.NameResolutionError, broken.LocationParseError) as error:
            raise NoConnection(type(error).__name__) from error
        except broken.HTTPError as error:
            raise NoAnswer(type(error).__name__) from error
        if len(body) > limit:
            raise NoAnswer(f"more than {limit} bytes")
        found = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(int(answer.status), found, body)

    def _pool(self, url: str) -> Any:
        import urllib3  # noqa: PLC0415 - see send

        parts = urlsplit(url)
        bypassed = proxy_bypass(parts.hostname or "")
        proxy = "" if bypassed else getproxies().get(parts.scheme, "")
        if proxy not in self._pools:
            options: dict[str, Any] = {
                "timeout": urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
                "retries": False,
            }
            self._pools[proxy] = (
                urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
            )
        return self._pools[proxy]
