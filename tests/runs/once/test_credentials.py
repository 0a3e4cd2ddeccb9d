"""Where the keys come from, each source with the real exchange on the loopback."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reconciler.runs.once import credentials as module
from reconciler.runs.once.credentials import Credentials, NoCredentials

NOW = 1_800_000_000.0
LATER = "2027-01-15T09:00:00Z"
DOCUMENT = {"AccessKeyId": "AK", "SecretAccessKey": "SK", "Token": "TK", "Expiration": LATER}
BASE = {"AWS_EC2_METADATA_DISABLED": "true"}


class Endpoint:
    """A small server: path → text, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                endpoint.asked.append((self.command, self.path, dict(self.headers), body))
                found = endpoint.answers.get(f"{self.command} {self.path}")
                self.send_response(200 if found is not None else 404)
                data = (found or "").encode()
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = answer  # noqa: N815 - the names that the base class calls

            def log_message(self, *_) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def endpoint():
    """Return a server that hands out what the test puts in."""
    made = Endpoint()
    yield made
    made.end()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Return a home without files of the AWS command line."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    return tmp_path / ".aws"


def keys(environment, profile=""):
    """Return what the chain finds, as three texts."""
    found = Credentials({**BASE, **environment}, profile).keys(NOW)
    return found.id, found.secret, found.token


def test_environment_comes_first(home):
    """Keys of the environment win over the files; a profile that is named wins over them."""
    (home / "credentials").write_text("[other]\naws_access_key_id=FK\naws_secret_access_key=FS\n")
    given = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_SESSION_TOKEN": "TK"}
    assert keys(given) == ("AK", "SK", "TK")
    assert keys(given, "other") == ("FK", "FS", "")


def test_files_of_the_command_line(home):
    """The credentials file wins over the config file; the region is the profile's."""
    (home / "config").write_text(
        "[default]\nregion = eu-west-1\naws_access_key_id=CK\naws_secret_access_key=CS\n"
        "[profile p]\naws_access_key_id=PK\naws_secret_access_key=PS\naws_session_token=PT\n"
    )
    assert keys({}) == ("CK", "CS", "")
    assert keys({"AWS_PROFILE": "p"}) == ("PK", "PS", "PT")
    assert Credentials(BASE).region() == "eu-west-1"
    (home / "credentials").write_text("[default]\naws_access_key_id=SK\naws_secret_access_key=SS\n")
    assert keys({}) == ("SK", "SS", "")


def test_process_of_a_profile(home):
    """credential_process prints the keys; what it prints when it fails is not shown."""
    script = home / "print.py"
    script.write_text(f"print({json.dumps(json.dumps(DOCUMENT | {'SessionToken': 'TK'}))})")
    (home / "config").write_text(
        f"[default]\ncredential_process = {sys.executable} '{script}'\n"
        f"[profile bad]\ncredential_process = {sys.executable} -c 'print(\"secret\"); raise SystemExit(3)'\n"
    )
    assert keys({}) == ("AK", "SK", "TK")
    with pytest.raises(NoCredentials, match="ended with 3 and no keys"):
        keys({}, "bad")


def test_profile_that_only_the_sdk_can_read(home, monkeypatch):
    """A role of a profile is botocore's business; without botocore the message lists what works."""
    (home / "config").write_text(
        "[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
    )
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(NoCredentials, match=r"needs botocore.*supported: AWS_ACCESS_KEY_ID"):
        keys({})


def test_role_of_an_ecs_task(endpoint, monkeypatch):
    """The relative address of the container's endpoint; asked again shortly before the keys expire."""
    monkeypatch.setattr(module, "_CONTAINER_HOST", endpoint.url)
    endpoint.answers["GET /v2/x"] = json.dumps(DOCUMENT)
    chain = Credentials({**BASE, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"})
    expires = chain.keys(NOW).expires
    assert chain.keys(expires - 301).token == "TK"
    assert len(endpoint.asked) == 1
    chain.keys(expires - 299)
    assert len(endpoint.asked) == 2
    endpoint.answers.clear()
    assert chain.keys(expires - 10).token == "TK", "old keys do while they are valid"
    with pytest.raises(NoCredentials, match="answered 404"):
        chain.keys(expires + 1)


def test_whole_address_with_a_token(endpoint, tmp_path):
    """EKS pods: the token is read anew from its file; another host is never sent one."""
    file = tmp_path / "token"
    file.write_text("t-1\n")
    endpoint.answers["GET /c"] = json.dumps(DOCUMENT)
    given = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.url}/c",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
    }
    assert keys(given) == ("AK", "SK", "TK")
    assert endpoint.asked[0][2]["Authorization"] == "t-1"
    with pytest.raises(NoCredentials, match="no token is sent there"):
        keys(given | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.test/c"})
    file.write_text("a\nX: b")
    with pytest.raises(NoCredentials, match="more than one line"):
        keys(given)


def test_role_of_an_instance(endpoint):
    """IMDSv2: a token, the role's name, its keys."""
    path = "/latest/meta-data/iam/security-credentials/"
    endpoint.answers |= {
        "PUT /latest/api/token": "tok", f"GET {path}": "role", f"GET {path}role": json.dumps(DOCUMENT),
    }  # fmt: skip
    given = {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint.url}
    assert keys(given) == ("AK", "SK", "TK")
    assert endpoint.asked[2][2]["X-aws-ec2-metadata-token"] == "tok"


def test_web_identity(endpoint, tmp_path):
    """IRSA: the token is exchanged at STS, without a signature."""
    file = tmp_path / "token"
    file.write_text("a.b/c+d\n")
    fields = "".join(
        f"<{n}>{v}</{n}>"
        for n, v in (
            ("AccessKeyId", "AK"),
            ("SecretAccessKey", "SK"),
            ("SessionToken", "TK"),
            ("Expiration", LATER),
        )
    )
    endpoint.answers["POST /"] = f"<R><Credentials>{fields}</Credentials></R>"
    given = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_ARN": "arn:aws:iam::1:role/x",
        "AWS_ENDPOINT_URL_STS": endpoint.url, "AWS_REGION": "eu-west-1",
    }  # fmt: skip
    assert keys(given) == ("AK", "SK", "TK")
    assert b"WebIdentityToken=a.b%2Fc%2Bd" in endpoint.asked[0][3]
    assert "Authorization" not in endpoint.asked[0][2]


def test_nothing_anywhere():
    """The message lists what is supported."""
    with pytest.raises(NoCredentials, match="supported: AWS_ACCESS_KEY_ID"):
        keys({})


def test_keys_never_show_their_secret():
    """Neither in a traceback nor in a log."""
    assert "SK" not in repr(module.Keys("AK", "SK", "TK"))
