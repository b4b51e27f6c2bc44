"""Certificates are checked, against the public authorities or the site's own."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.fhir_client import FhirServers
from tests.fhir_client.conftest import Behaviour, Loopback, soon
from tests.fhir_client.test_bounds import BODY, head

Servers = Callable[..., FhirServers]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    no_password = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


class SecureLoopback(Loopback):
    def __init__(self, behaviour: Behaviour, certificate: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        super().__init__(behaviour)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self.context.wrap_socket(connection, server_side=True) as secure:
                super()._serve(secure)
        except OSError:
            connection.close()

    @property
    def base(self) -> str:
        return f"https://127.0.0.1:{self.port}/fhir"


def _patient(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(head(len(BODY)) + BODY)


def test_an_unknown_certificate_is_refused_for_good(certificate: Path, servers: Servers) -> None:
    secure = SecureLoopback(_patient, certificate)
    try:
        answer = servers(secure.base).at(secure.base).read("Patient/1", soon())
    finally:
        secure.close()
    assert "certificate" in answer.problem
    assert not answer.temporary
    assert secure.connections == 1


def test_a_certificate_of_the_sites_own_authority_is_trusted(certificate: Path, servers: Servers) -> None:
    secure = SecureLoopback(_patient, certificate)
    client = servers(secure.base, certificates=str(certificate))
    try:
        answer = client.at(secure.base).read("Patient/1", soon())
    finally:
        client.close()
        secure.close()
    assert answer.pages == (BODY,)


def test_a_slow_body_over_tls_is_not_waited_for(certificate: Path, servers: Servers) -> None:
    def drip(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head(3000))
        while not stop.wait(0.02):
            connection.sendall(b"x")

    secure = SecureLoopback(drip, certificate)
    client = servers(secure.base, certificates=str(certificate))
    try:
        answer = client.at(secure.base).read("Patient/1", soon(0.4))
    finally:
        client.close()
        secure.close()
    assert (answer.problem, answer.temporary) == ("did not arrive in time", True)
