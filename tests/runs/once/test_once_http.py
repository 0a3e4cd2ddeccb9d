"""The small HTTP client: every way in which an answer can come, and not come."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.runs.once.http import Address, Connection, NoAnswer, NotSent, proxy_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Server:
    """Answers connection after connection with what it was given; what it read is in `heard`."""

    def __init__(self, *answers: list[bytes]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answers, self.heard = list(answers), []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        for answers in self.answers:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                for answer in answers:
                    data = peer.recv(65536)
                    if not data:
                        break
                    self.heard.append(data)
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        peer.sendall(piece)
                        time.sleep(0)

    def connection(self, **settings) -> Connection:
        return Connection(Address("http", "127.0.0.1", self.port), **settings)

    def close(self) -> None:
        self.listener.close()


@pytest.fixture
def serve():
    """Return a maker of servers."""
    made = []

    def make(*answers):
        made.append(Server(*answers))
        return made[-1]

    yield make
    for server in made:
        server.close()


def ask(connection, body=b"", seconds=5.0):
    """Send one request."""
    return connection.exchange("POST", "/p", {"X-A": "b"}, body, seconds)


def test_request_is_whole_and_the_connection_is_kept(serve):
    """Two exchanges on one connection; host, length and body are as HTTP wants them."""
    server = serve([OK, OK])
    connection = server.connection()
    answers = [ask(connection, b"{}"), ask(connection)]
    connection.close()
    assert [(a.status, a.body) for a in answers] == [(200, b"hi")] * 2
    place = f"127.0.0.1:{server.port}".encode()
    assert (
        server.heard[0]
        == b"POST /p HTTP/1.1\r\nHost: " + place + b"\r\nX-A: b\r\nContent-Length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\nh\r\n1\r\ni\r\n0\r\nT: t\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhi",
        b"HTTP/1.1 200 \r\nconnection: Close\r\ncontent-length:2\r\n\r\nhi",
    ],
)
def test_every_form_of_an_answer_is_read_in_any_pieces(serve, answer):
    """Interim answers, chunks with trailers, no length at all; whole, and byte by byte."""
    server = serve([answer], [[answer[n : n + 1] for n in range(len(answer))]])
    for _ in range(2):
        connection = server.connection()
        found = ask(connection)
        connection.close()
        assert (found.status, found.body) == (200, b"hi")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 huh\r\n\r\n",
    ],
)
def test_what_is_no_answer_may_have_been_carried_out(serve, answer):
    """Broken off or nonsense: NoAnswer, and the next exchange has a new connection."""
    server = serve([answer], [OK])
    connection = server.connection()
    with pytest.raises(NoAnswer):
        ask(connection)
    assert ask(connection).body == b"hi"
    connection.close()


def test_no_answer_in_time(serve):
    """The whole exchange has one limit, also when bytes keep coming."""
    server = serve([[b"HTTP/1.1 200 OK\r\n"]])
    with pytest.raises(NoAnswer, match=r"timed out|closed"):
        ask(server.connection(), seconds=0.3)


def test_nobody_listens():
    """A refused connection has reached nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotSent, match="refused"):
        ask(Connection(Address("http", "127.0.0.1", port)))


def test_tls_is_verified(serve):
    """A peer that does not speak TLS is no AWS."""
    server = serve([b"HTTP/1.1 400 Bad Request\r\n\r\n"])
    connection = Connection(Address("https", "127.0.0.1", server.port))
    with pytest.raises(NotSent):
        ask(connection)


def test_plain_requests_go_through_the_proxy_with_the_whole_address(serve):
    """An http endpoint behind a proxy: the request line has the URL, the user's name goes along."""
    proxy = serve([OK])
    address = Address("http", "aws.test", 80)
    connection = Connection(address, Address("http", "127.0.0.1", proxy.port, "u%40:p"))
    assert ask(connection).body == b"hi"
    connection.close()
    assert proxy.heard[0].startswith(
        b"POST http://aws.test/p HTTP/1.1\r\nHost: aws.test\r\nProxy-Authorization: Basic dUA6cA==\r\n"
    )


def test_refused_tunnel_has_reached_nobody(serve):
    """A proxy that says no to CONNECT is named."""
    proxy = serve([b"HTTP/1.1 403 Forbidden\r\n\r\n"])
    connection = Connection(
        Address("https", "aws.test", 443), Address("http", "127.0.0.1", proxy.port)
    )
    with pytest.raises(NotSent, match="refused with 403"):
        ask(connection)
    assert proxy.heard == [b"CONNECT aws.test:443 HTTP/1.1\r\nHost: aws.test:443\r\n\r\n"]


@pytest.mark.parametrize(
    ("environment", "url", "proxied"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "https://a.test", True),
        ({"https_proxy": "p:1"}, "https://a.test", True),
        ({"HTTP_PROXY": "http://p:1"}, "https://a.test", False),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".test"}, "https://a.test", False),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "b.test, a.test:443"}, "https://a.test", False),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, "https://a.test", False),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "xa.test"}, "https://a.test", True),
    ],
)
def test_proxies_of_the_environment(environment, url, proxied):
    """As curl and botocore read them: small letters first, NO_PROXY by suffix and port."""
    assert (proxy_for(Address.parse(url)[0], environment) is not None) is proxied


@pytest.mark.parametrize(
    "url", ["", "a.test", "ftp://a.test", "http://", "http://a:b", "https://:1"]
)
def test_what_is_no_url_is_refused(url):
    """The message says how one is written."""
    with pytest.raises(ValueError, match="write http"):
        Address.parse(url)


@settings(max_examples=40)
@given(st.ip_addresses(), st.integers(1, 65535), st.sampled_from(["http", "https"]))
def test_addresses_are_read_back(ip, port, scheme):
    """Any IP address with any port is what it was written as."""
    host = f"[{ip}]" if ip.version == 6 else str(ip)
    address, path = Address.parse(f"{scheme}://{host}:{port}/x")
    assert (address.host, address.port, path) == (str(ip), port, "/x")
    assert Address.parse(str(address))[0].port == port
