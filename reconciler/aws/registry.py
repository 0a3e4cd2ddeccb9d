"""The one door to image registries other than ECR: tag → digest, digest → platforms. Read only.

Called by `resources.image`. Speaks the OCI distribution API with the token flow of Docker registries;
anonymous, or with what a Docker configuration file holds. No credential is ever shown or logged.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from reconciler.aws.http import Http, HttpAnswer, NoAnswer, NoConnection
from reconciler.model.clock import Clock
from reconciler.model.errors import RegistryError

DOCKER_HUB = "registry-1.docker.io"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""Media types of an image: indexes of several platforms, and single ones."""
_ACCEPT = ", ".join(MANIFESTS)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'([A-Za-z]+)="([^"]*)"')
_LARGEST = 4 * 1024 * 1024
"""Bytes of a manifest; the specification asks registries to take at least so many."""
_MOVED = frozenset({301, 302, 303, 307, 308})
_ATTEMPTS = 3
_REDIRECTS = 3
_TOKEN_SECONDS = 50
"""How long a token is believed; the shortest that registries give are for 60 seconds."""


class Closed(Exception):
    """The registry wants credentials that we do not have, or cannot be reached; the message says which."""


def place_of(repository: str) -> tuple[str, str]:
    """Return the registry's host and the repository's path there; Docker Hub has names of its own."""
    first, slash, rest = repository.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        path = repository if slash else f"library/{repository}"
        return DOCKER_HUB, path
    if first in _HUB_NAMES:
        return DOCKER_HUB, rest if "/" in rest else f"library/{rest}"
    return first, rest


def docker_credentials(text: str) -> dict[str, str]:
    """Read the `auths` of a Docker configuration file: host → what follows `Basic`.

    Credential helpers are not run. Returns nothing for a file that is none.
    """
    try:
        auths = json.loads(text).get("auths", {})
        found = {str(name): str(entry.get("auth", "")) for name, entry in auths.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}
    hosts = {urlsplit(n if "//" in n else f"//{n}").netloc: a for n, a in found.items() if a}
    return {DOCKER_HUB if host in _HUB_NAMES else host: auth for host, auth in hosts.items()}


@dataclass
class Registry:
    """Asks registries. `credentials` are by host, as `docker_credentials` returns them."""

    http: Http
    clock: Clock
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    _tokens: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict, repr=False)

    def digest(self, repository: str, tag: str) -> str | None:
        """Return the digest that a tag stands for now, None when there is no such image.

        Raises Closed, RegistryError.
        """
        host, path = place_of(repository)
        url = f"{_scheme(host)}://{host}/v2/{path}/manifests/{tag}"
        answer = self._ask("HEAD", url, host, path)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        found = answer.headers.get("docker-content-digest", "")
        if _DIGEST.fullmatch(found):
            return found
        answer = self._ask("GET", url, host, path)
        return None if answer.status == HTTPStatus.NOT_FOUND else _digest_of(answer.body)

    def platforms(self, repository: str, digest: str) -> frozenset[str]:
        """Return what an image runs on, `linux/arm64`; nothing where it does not say.

        Raises Closed, RegistryError.
        """
        host, path = place_of(repository)
        base = f"{_scheme(host)}://{host}/v2/{path}"
        manifest = self._document(f"{base}/manifests/{digest}", host, path, digest)
        config = config_of(manifest)
        if config:
            return platform_of(self._document(f"{base}/blobs/{config}", host, path, config))
        return platforms_of(manifest)

    def fetch(self, url: str, digest: str) -> Mapping[str, Any]:
        """Return a JSON document that needs no credentials of ours, as ECR's download addresses.

        Raises Closed, RegistryError.
        """
        answer = self._follow(self._send("GET", url, {}), url)
        return _checked(answer, digest, urlsplit(url).netloc)

    def _document(self, url: str, host: str, path: str, digest: str) -> Mapping[str, Any]:
        answer = self._follow(self._ask("GET", url, host, path), url)
        return _checked(answer, digest, host)

    def _ask(self, method: str, url: str, host: str, path: str) -> HttpAnswer:
        """Send a request; when the registry wants a token, fetch one and send it again."""
        scope = (host, path)
        headers = {"Accept": _ACCEPT, **self._known_token(scope)}
        answer = self._send(method, url, headers)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            authorization = self._authorization(host, path, answer)
            if authorization:
                answer = self._send(
                    method, url, {"Accept": _ACCEPT, "Authorization": authorization}
                )
                self._tokens[scope] = (self.clock.boot_seconds() + _TOKEN_SECONDS, authorization)
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Closed(f"{host} does not show it without credentials")
        return answer

    def _known_token(self, scope: tuple[str, str]) -> dict[str, str]:
        until, token = self._tokens.get(scope, (0.0, ""))
        return {"Authorization": token} if self.clock.boot_seconds() < until else {}

    def _authorization(self, host: str, path: str, refused: HttpAnswer) -> str:
        """Answer a challenge: a token of its server, or our own credentials; empty when we have none."""
        challenge = refused.headers.get("www-authenticate", "")
        kind, _, rest = challenge.partition(" ")
        own = self.credentials.get(host, "")
        if kind.lower() == "basic":
            return f"Basic {own}" if own and _scheme(host) == "https" else ""
        wanted = dict(_PARAMETER.findall(rest))
        realm = wanted.get("realm", "")
        if kind.lower() != "bearer" or not _may_be_asked(realm, host):
            return ""
        query = {"service": wanted.get("service", ""), "scope": f"repository:{path}:pull"}
        url = f"{realm}?{urlencode({k: v for k, v in query.items() if v})}"
        answer = self._send("GET", url, {"Authorization": f"Basic {own}"} if own else {})
        if answer.status != HTTPStatus.OK:
            return ""
        token = _json(answer.body, host)
        return f"Bearer {token.get('token') or token.get('access_token') or ''}"

    def _follow(self, answer: HttpAnswer, url: str) -> HttpAnswer:
        """Follow redirects, as to the store of blobs: what we showed the registry stays with it."""
        for _ in range(_REDIRECTS):
            location = answer.headers.get("location", "")
            if answer.status not in _MOVED or not location:
                return answer
            url = urljoin(url, location)
            if urlsplit(url).scheme not in ("https", _scheme(urlsplit(url).netloc)):
                raise RegistryError(f"{urlsplit(url).netloc} is offered without encryption")
            answer = self._send("GET", url, {})
        return answer

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> HttpAnswer:
        """Send a request, again when the registry is busy. Raises Closed, RegistryError."""
        host, said = urlsplit(url).netloc, ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.clock.sleep(timedelta(seconds=0.5 * 2**attempt))
            try:
                answer = self.http.send(method, url, headers, _LARGEST)
            except NoConnection as error:
                raise Closed(f"{host} cannot be reached from here ({error})") from error
            except NoAnswer as error:
                said = f"does not answer ({error})"
                continue
            if (
                answer.status != HTTPStatus.TOO_MANY_REQUESTS
                and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
            ):
                return answer
            said = f"answers {answer.status}"
        raise RegistryError(f"the image registry {host} {said}: tried {_ATTEMPTS} times")


def config_of(manifest: Mapping[str, Any]) -> str:
    """Return the digest of a single image's configuration, empty for an index."""
    config = manifest.get("config")
    found = config.get("digest") if isinstance(config, Mapping) else ""
    return found if isinstance(found, str) and _DIGEST.fullmatch(found) else ""


def platforms_of(index: Mapping[str, Any]) -> frozenset[str]:
    """Return the platforms that an index names; those of attestations are "unknown"."""
    entries = index.get("manifests")
    named = (
        [e.get("platform") for e in entries if isinstance(e, Mapping)]
        if isinstance(entries, list)
        else []
    )
    found = (platform_of(p) for p in named if isinstance(p, Mapping))
    return frozenset(name for platforms in found for name in platforms)


def platform_of(described: Mapping[str, Any]) -> frozenset[str]:
    """Return the platform of an image's configuration, or of an entry of an index."""
    system, architecture = described.get("os"), described.get("architecture")
    if not (isinstance(system, str) and isinstance(architecture, str)):
        return frozenset()
    return (
        frozenset()
        if "unknown" in (system, architecture)
        else frozenset({f"{system}/{architecture}"})
    )


def _scheme(host: str) -> str:
    """Registries on this machine are spoken to in plain HTTP, as by Docker."""
    name = urlsplit(f"//{host}").hostname or ""
    return "http" if name in _LOOPBACK else "https"


def _may_be_asked(realm: str, host: str) -> bool:
    """Say whether a token may be fetched there: encrypted, or beside a registry on this machine."""
    parts = urlsplit(realm)
    return parts.scheme == "https" or (
        parts.scheme == "http" == _scheme(host) == _scheme(parts.netloc)
    )


def _digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _checked(answer: HttpAnswer, digest: str, host: str) -> Mapping[str, Any]:
    if answer.status != HTTPStatus.OK:
        raise RegistryError(f"the image registry {host} answers {answer.status} for {digest}")
    if _digest_of(answer.body) != digest:
        raise RegistryError(f"the image registry {host} sends something else than {digest}")
    return _json(answer.body, host)


def _json(body: bytes, host: str) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, Mapping):
        raise RegistryError(f"the image registry {host} sends something that is no JSON object")
    return document
