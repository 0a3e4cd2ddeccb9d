"""The transport over botocore, against a server that misbehaves in every way we know."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading

import pytest

from reconciler.aws import boto
from reconciler.aws.boto import BotoTransport
from reconciler.aws.door import no_fence
from reconciler.model import errors


class Server(http.server.ThreadingHTTPServer):
    """Gives every request the scripted answer: (status, body, headers), "hang up" or "truncate"."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = (200, b"{}", {})
        self.requests = []
        self.release = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.headers["X-Amz-Target"], body))
        answer = self.server.answer
        if answer == "hang up":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if answer == "never":
            self.server.release.wait(20)
            return
        if answer == "truncate":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"tasks": [')
            self.close_connection = True
            return
        status, payload, headers = answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(payload)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_args) -> None:
        pass


@pytest.fixture
def server():
    """Run the misbehaving server for one test."""
    server = Server()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


def send(url, operation="DescribeServices", before=no_fence, **params):
    """Make one wire attempt to a local endpoint."""
    transport = BotoTransport("us-east-1", endpoint_url=url)
    return transport.send("ecs", operation, params or {"services": ["web"]}, before)


def test_an_answer_comes_with_its_metadata(server):
    """The answer is botocore's, with request id and the Date header."""
    server.answer = (200, b'{"services": []}', {"x-amzn-RequestId": "r1"})
    answer = send(server.url)
    assert answer["services"] == []
    assert answer["ResponseMetadata"]["RequestId"] == "r1"
    assert "date" in answer["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((500, b"{}", {}), errors.OutcomeUnknown),
        ((503, b"<html>busy</html>", {}), errors.OutcomeUnknown),
        ((200, b"<html>hello</html>", {}), errors.OutcomeUnknown),
        ((200, b'{"services": [{"serviceName": "web"', {}), errors.OutcomeUnknown),
        ((200, b'{"services": "\xff\xfe', {}), errors.OutcomeUnknown),
        ("hang up", errors.OutcomeUnknown),
        ("truncate", errors.OutcomeUnknown),
        (
            (400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}', {}),
            errors.Throttled,
        ),
        ((400, b'{"__type": "ClusterNotFoundException", "message": "x"}', {}), errors.NotFound),
    ],
)
def test_every_wire_attempt_is_exactly_one(server, answer, kind):
    """Whatever goes wrong, botocore sends one request and the error is of the right type."""
    server.answer = answer
    with pytest.raises(kind):
        send(server.url)
    assert len(server.requests) == 1


def test_a_server_that_never_answers_is_an_unknown_outcome(server, monkeypatch):
    """The read timeout ends the wait; the request may have been carried out."""
    monkeypatch.setattr(boto, "READ_TIMEOUT", 0.2)
    server.answer = "never"
    with pytest.raises(errors.OutcomeUnknown, match="lost"):
        send(server.url)


def test_nobody_listening_is_unreachable():
    """A refused connection means that nothing can have happened."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(errors.Unreachable, match="cannot be reached"):
            send(url)


def test_a_name_that_does_not_resolve_is_unreachable():
    """DNS failures never reach AWS."""
    with pytest.raises(errors.Unreachable):
        send("http://nowhere.invalid:1")


def test_what_before_send_raises_comes_out_unchanged_and_nothing_is_sent(server):
    """The fence is asked right before the wire; its error is not translated."""

    def fence() -> None:
        raise errors.LeaseLost("too late")

    with pytest.raises(errors.LeaseLost, match="too late"):
        send(server.url, before=fence)
    assert server.requests == []


def test_a_fence_that_fails_with_a_botocore_like_error_is_not_mistaken(server):
    """Also an OSError of the fence is the fence's, not the network's."""

    def fence() -> None:
        raise ConnectionResetError("the fence's own")

    with pytest.raises(ConnectionResetError, match="the fence's own"):
        send(server.url, before=fence)


def test_threads_share_a_client_and_keep_their_own_fences(server):
    """Eight threads, half of them fenced: exactly the other half reaches the wire."""
    transport = BotoTransport("us-east-1", endpoint_url=server.url)
    refused = []
    barrier = threading.Barrier(8)

    def fence() -> None:
        raise errors.LeaseLost("mine")

    def work(number: int) -> None:
        barrier.wait()
        for _ in range(5):
            try:
                transport.send("ecs", "ListClusters", {}, fence if number % 2 else no_fence)
            except errors.LeaseLost:
                refused.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.requests) == len(refused) == 20
    assert all(number % 2 for number in refused)


def test_a_wrong_parameter_is_found_before_anything_is_sent(server):
    """The check that botocore makes becomes InvalidRequest."""
    with pytest.raises(errors.InvalidRequest, match="cannot be sent"):
        send(server.url, services="web")
    assert server.requests == []


def test_missing_credentials_say_what_to_set(monkeypatch):
    """No keys, no profile, no role: the message says where they could come from."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(errors.BadCredentials, match="AWS_PROFILE"):
        send("http://aws.invalid")


def test_an_aws_on_this_machine_needs_no_credentials(server, monkeypatch):
    """Whoever has no AWS account can still talk to the embedded one; the request is signed anyhow."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    send(server.url)
    assert len(server.requests) == 1


def test_an_unknown_profile_is_named():
    """A mistyped profile is a problem of credentials, not a traceback."""
    with pytest.raises(errors.BadCredentials, match="nobody"):
        BotoTransport("us-east-1", profile="nobody").send("ecs", "ListClusters", {}, no_fence)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS"])
def test_endpoint_variables_are_honoured_and_the_option_wins(server, monkeypatch, variable):
    """Without an option the environment says where AWS is; with one the option does."""
    monkeypatch.setenv(variable, server.url)
    BotoTransport("us-east-1").send("ecs", "ListClusters", {}, no_fence)
    assert len(server.requests) == 1
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    send(server.url)
    assert len(server.requests) == 2


def test_request_bodies_are_what_was_asked(server):
    """Parameters go out as given, to the operation that was named."""
    send(server.url, "DescribeServices", cluster="c", services=["web"])
    target, body = server.requests[0]
    assert target.endswith("DescribeServices")
    assert json.loads(body) == {"cluster": "c", "services": ["web"]}


def fetch(url):
    """Read an object of S3."""
    transport = BotoTransport("us-east-1", endpoint_url=url)
    return transport.send("s3", "GetObject", {"Bucket": "states", "Key": "k"}, no_fence)


def test_an_object_is_read_to_its_end(server):
    """The answer holds bytes: nothing is left to fail once the transport is out of the way."""
    server.answer = (200, b"content", {})
    assert fetch(server.url)["Body"] == b"content"


def test_an_object_that_breaks_off_is_a_lost_answer(server):
    """What came of it is not taken for the whole."""
    server.answer = "truncate"
    with pytest.raises(errors.OutcomeUnknown, match="s3:GetObject was lost"):
        fetch(server.url)


def test_an_object_that_is_too_large_is_refused(server, monkeypatch):
    """A state is read into memory: there is a limit to that."""
    monkeypatch.setattr(boto, "LARGEST_BODY", 4)
    server.answer = (200, b"12345", {})
    with pytest.raises(errors.InvalidRequest, match="larger than"):
        fetch(server.url)


def test_the_door_is_cheap_to_import():
    """Importing the door and the ledger loads neither boto3 nor botocore."""
    code = (
        "import sys, reconciler.aws.door, reconciler.aws.boto, reconciler.store.ledger\n"
        "print(sorted({'boto3', 'botocore'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_region_has_one_transport_with_the_same_settings():
    """A door to another region is made once, with the same profile and endpoint; its own is itself."""
    here = BotoTransport("ap-northeast-1", profile="work", endpoint_url="http://127.0.0.1:1")
    there = here.in_region("eu-west-1")
    assert here.in_region("ap-northeast-1") is here
    assert here.in_region("eu-west-1") is there
    assert (there.region, there.profile, there.endpoint_url) == (
        "eu-west-1",
        "work",
        here.endpoint_url,
    )
