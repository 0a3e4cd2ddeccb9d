"""Where the keys come from: environment, web identity, shared files, the container's endpoint, EC2.

Called by `calls` before each request; keys that expire are asked for again in time. What only the SDK
can do (SSO, roles of profiles) is left to botocore where it is installed.
"""

from __future__ import annotations

import json
import os

from reconciler.runs.once.clock import parse_iso
from reconciler.runs.once.http import Address, Connection, NoAnswer, NotSent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SUPPORTED = (
    "AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY; AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN; a "
    "profile with keys or credential_process; the role of the ECS task, EKS pod or EC2 instance; "
    "where botocore is installed, everything that it knows"
)
EARLY_SECONDS = 300
"""Keys are renewed this long before they expire: longer than a request may take."""
_TIMEOUT = 2.0
_ATTEMPTS = 3
_CONTAINER_HOST = "http://169.254.170.2"
_TRUSTED = ("localhost", "127.0.0.1", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")
_INSTANCE = "http://169.254.169.254"
_INSTANCE_PATH = "/latest/meta-data/iam/security-credentials/"
_OK = 200


class NoCredentials(Exception):
    """There are no keys, or those who have them do not answer: the message names the place."""


class Keys:
    """Access key, secret and session token; `expires` is in seconds since 1970, None for never."""

    def __init__(self, key: str, secret: str, token: str = "", expires: int | None = None) -> None:
        self.id, self.secret, self.token, self.expires = key, secret, token, expires

    def __repr__(self) -> str:
        """Show the key's name and nothing that signs."""
        return f"Keys({self.id})"


class Credentials:
    """The chain, asked in botocore's order; remembers what it found until shortly before it expires."""

    def __init__(self, environment: Mapping[str, str], profile: str = "") -> None:
        self._environment = environment
        self._named = profile
        self._profile = profile or environment.get("AWS_PROFILE") or ""
        self._keys: Keys | None = None
        self._sdk: Any = None

    def keys(self, now: float) -> Keys:
        """Return keys that are valid now; raises NoCredentials."""
        known = self._keys
        if known is None or (known.expires is not None and known.expires - now < EARLY_SECONDS):
            try:
                self._keys = self._found()
            except NoCredentials:
                if known is None or known.expires is None or known.expires <= now:
                    raise  # else the old ones will do a little longer
        if self._keys is None:
            raise NoCredentials(f"there are no AWS credentials; supported: {SUPPORTED}")
        return self._keys

    def forget(self) -> None:
        """Ask again the next time: AWS has refused these."""
        self._keys = None

    def region(self) -> str:
        """Return the region that the profile names, or nothing."""
        return str(self._settings().get("region", ""))

    def _found(self) -> Keys | None:
        given = self._environment.get
        key, secret = given("AWS_ACCESS_KEY_ID"), given("AWS_SECRET_ACCESS_KEY")
        if key and secret and not self._named:
            return Keys(key, secret, given("AWS_SESSION_TOKEN") or "")
        if given("AWS_WEB_IDENTITY_TOKEN_FILE") and given("AWS_ROLE_ARN") and not self._named:
            return self._of_web_identity()
        return self._of_profile() or self._of_container() or self._of_instance()

    # -- shared files --------------------------------------------------------------------------

    def _settings(self) -> dict[str, str]:
        from reconciler.runs.once.profiles import settings  # noqa: PLC0415 - a task has no such files

        if not self._profile and not self._has_files():
            return {}
        return settings(self._environment, self._profile)

    def _has_files(self) -> bool:
        home = os.path.expanduser("~/.aws")
        given = self._environment.get
        names = (
            given("AWS_SHARED_CREDENTIALS_FILE") or f"{home}/credentials",
            given("AWS_CONFIG_FILE") or f"{home}/config",
        )
        return any(os.path.exists(name) for name in names)

    def _of_profile(self) -> Keys | None:
        found = self._settings()
        if found.get("role_arn") or any(name.startswith("sso_") for name in found):
            return self._of_sdk()
        if found.get("aws_access_key_id") and found.get("aws_secret_access_key"):
            token = found.get("aws_session_token", "")
            return Keys(found["aws_access_key_id"], found["aws_secret_access_key"], token)
        if found.get("credential_process"):
            from reconciler.runs.once.profiles import (  # noqa: PLC0415 - rare
                ProcessFailed,
                of_process,
            )

            try:
                return _keys_of(of_process(found["credential_process"]), "credential_process")
            except ProcessFailed as failed:
                raise NoCredentials(str(failed)) from failed
        return self._of_sdk() if "login_session" in found else None

    def _of_sdk(self) -> Keys:
        """Let botocore find them, and refresh them."""
        name = self._profile or "default"
        try:
            import botocore.session  # noqa: PLC0415 - only for what we do not do ourselves
        except ImportError as error:
            raise NoCredentials(
                f"the profile {name} uses SSO or a role: that needs botocore, which is not installed "
                f"here; supported: {SUPPORTED}"
            ) from error
        try:
            self._sdk = self._sdk or botocore.session.Session(profile=name).get_credentials()
            frozen = self._sdk.get_frozen_credentials()
        except Exception as error:  # whatever it is, there are no keys
            raise NoCredentials(f"the profile {name}: {error}") from error
        # botocore refreshes by itself: ask it again each time.
        return Keys(frozen.access_key, frozen.secret_key, frozen.token or "", 0)

    # -- endpoints -----------------------------------------------------------------------------

    def _of_container(self) -> Keys | None:
        given = self._environment.get
        relative, full = (
            given("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            given("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        )
        if not relative and not full:
            return None
        address, path = _address(_CONTAINER_HOST + relative if relative else str(full))
        if address.scheme == "http" and address.host not in _TRUSTED:
            raise NoCredentials(
                f"AWS_CONTAINER_CREDENTIALS_FULL_URI names {address.host}, which is neither this "
                "machine nor HTTPS: no token is sent there"
            )
        headers = {"Accept": "application/json"}
        file = given("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        token = _text_of(file) if file else given("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        if token:
            headers["Authorization"] = _one_line(token)
        return _keys_of(self._ask(address, path, headers), "the container's endpoint")

    def _of_instance(self) -> Keys | None:
        given = self._environment.get
        if (given("AWS_EC2_METADATA_DISABLED") or "").lower() == "true":
            return None
        address, _ = _address(given("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _INSTANCE)
        connection = Connection(address)
        wanted = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
        try:
            token = connection.exchange("PUT", "/latest/api/token", wanted, b"", _TIMEOUT)
            if token.status != _OK:
                return None
            headers = {"X-aws-ec2-metadata-token": _one_line(token.body.decode("latin-1"))}
            role = connection.exchange("GET", _INSTANCE_PATH, headers, b"", _TIMEOUT)
            if role.status != _OK:
                return None  # an instance without a role
            path = _INSTANCE_PATH + role.body.decode("utf-8").split("\n")[0].strip()
            found = connection.exchange("GET", path, headers, b"", _TIMEOUT)
        except (NotSent, NoAnswer):
            return None
        finally:
            connection.close()
        return _keys_of(_document(found.body), "the EC2 instance's metadata")

    def _of_web_identity(self) -> Keys:
        from urllib.parse import quote  # noqa: PLC0415 - only here

        given = self._environment.get
        region = given("AWS_REGION") or given("AWS_DEFAULT_REGION")
        default = (
            f"https://sts.{region}.{suffix(region)}" if region else "https://sts.amazonaws.com"
        )
        address, _ = _address(given("AWS_ENDPOINT_URL_STS") or given("AWS_ENDPOINT_URL") or default)
        fields = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": given("AWS_ROLE_ARN") or "",
            "RoleSessionName": given("AWS_ROLE_SESSION_NAME") or "reconciler-once",
            "WebIdentityToken": _text_of(given("AWS_WEB_IDENTITY_TOKEN_FILE") or "").strip(),
        }
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        text = self._send(address, ("POST", "/"), headers, body.encode("ascii")).decode()
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
        key, secret, token, expiration = (_element(text, name) for name in names)
        if not key or not secret:
            raise NoCredentials("STS answered AssumeRoleWithWebIdentity without keys")
        return Keys(key, secret, token, parse_iso(expiration))

    def _ask(self, address: Address, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        return _document(self._send(address, ("GET", path), headers, b""))

    def _send(
        self, address: Address, what: tuple[str, str], headers: Mapping[str, str], body: bytes
    ) -> bytes:
        """Send one request to whoever hands out keys; a second time when no answer came."""
        authorities = self._environment.get("AWS_CA_BUNDLE")
        method, path = what
        problem = ""
        for _ in range(_ATTEMPTS):
            connection = Connection(address, None, authorities)
            try:
                answer = connection.exchange(method, path, headers, body, _TIMEOUT)
            except (NotSent, NoAnswer) as error:
                problem = str(error)
                continue
            finally:
                connection.close()
            if answer.status == _OK:
                return answer.body
            problem = f"{address} answered {answer.status}"
        raise NoCredentials(f"no credentials from {address}: {problem}")


def suffix(region: str) -> str:
    """Return the domain of a region's endpoints, as botocore's endpoints.json has them."""
    if region.startswith("cn-"):
        return "amazonaws.com.cn"
    if region.startswith("eusc-"):
        return "amazonaws.eu"
    return "amazonaws.com"


def _keys_of(document: Mapping[str, Any], who: str) -> Keys:
    key, secret = document.get("AccessKeyId"), document.get("SecretAccessKey")
    if not key or not secret:
        said = document.get("Message") or document.get("message") or "no keys in the answer"
        raise NoCredentials(f"{who}: {said}")
    token = document.get("Token") or document.get("SessionToken") or ""
    expiration = document.get("Expiration")
    return Keys(
        str(key), str(secret), str(token), parse_iso(str(expiration)) if expiration else None
    )


def _address(url: str) -> tuple[Address, str]:
    try:
        address, path = Address.parse(url)
    except ValueError as error:
        raise NoCredentials(str(error)) from error
    return address, path or "/"


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise NoCredentials("the credentials' endpoint did not answer with JSON") from error
    return found if isinstance(found, dict) else {}


def _element(text: str, name: str) -> str:
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].strip()


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise NoCredentials(f"{path}: {error.strerror}") from error


def _one_line(text: str) -> str:
    """Return a header's value; one that would add headers is refused."""
    if any(c in text.strip() for c in "\r\n"):
        raise NoCredentials("the token for the credentials' endpoint has more than one line")
    return text.strip()
