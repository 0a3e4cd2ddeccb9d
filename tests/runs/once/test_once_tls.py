"""TLS as it is: a server with a certificate of an authority of our own, found or not."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reconciler.runs.once.http import Address, Connection, NotSent

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def certificate(folder, host):
    """Write a certificate that signs itself for a host, with its key; returns the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(host)]
    if host[0].isdigit():
        names = [x509.IPAddress(ipaddress.ip_address(host))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    file = folder / f"{host}.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


class Server:
    """Speaks TLS with one certificate; with `tunnel`, as the proxy in front of it."""

    def __init__(self, file, tunnel=False) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(file)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.tunnel, self.asked = tunnel, b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            peer, _ = self.listener.accept()
            if self.tunnel:
                self.asked = peer.recv(4096)
                peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with self.context.wrap_socket(peer, server_side=True) as secure:
                secure.recv(4096)
                secure.sendall(OK)
        except OSError:
            return  # the client did not like us: that is what some tests are about
        finally:
            self.listener.close()


def ask(connection):
    """Send one request and return the body."""
    try:
        return connection.exchange("GET", "/", {}, b"", 5.0).body
    finally:
        connection.close()


def test_known_authority_is_trusted(tmp_path):
    """AWS_CA_BUNDLE names the authority; the host's name is checked against the certificate."""
    file = certificate(tmp_path, "127.0.0.1")
    server = Server(file)
    assert ask(Connection(Address("https", "127.0.0.1", server.port), None, str(file))) == b"hi"


def test_unknown_authority_is_refused_with_the_way_out(tmp_path):
    """The message names the package and the variable; nothing was sent."""
    server = Server(certificate(tmp_path, "127.0.0.1"))
    with pytest.raises(NotSent, match=r"ca-certificates.*AWS_CA_BUNDLE"):
        ask(Connection(Address("https", "127.0.0.1", server.port)))


def test_certificate_of_another_host_is_refused(tmp_path):
    """A trusted authority is not enough."""
    file = certificate(tmp_path, "another.test")
    server = Server(file)
    with pytest.raises(NotSent, match=r"mismatch|not valid"):
        ask(Connection(Address("https", "127.0.0.1", server.port), None, str(file)))


def test_tunnel_through_a_proxy_is_secure_to_the_end(tmp_path):
    """CONNECT to the proxy, TLS with the endpoint behind it."""
    file = certificate(tmp_path, "dynamodb.test")
    server = Server(file, tunnel=True)
    proxy = Address("http", "127.0.0.1", server.port)
    assert ask(Connection(Address("https", "dynamodb.test", 443), proxy, str(file))) == b"hi"
    assert server.asked.startswith(b"CONNECT dynamodb.test:443 HTTP/1.1\r\n")


def test_missing_bundle_is_no_traceback(tmp_path):
    """A file that is not there is told like any other problem on the way."""
    server = Server(certificate(tmp_path, "127.0.0.1"))
    with pytest.raises(NotSent, match="No such file"):
        ask(Connection(Address("https", "127.0.0.1", server.port), None, str(tmp_path / "none")))
