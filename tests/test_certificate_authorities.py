"""A site whose servers have certificates of its own authority: every part of the service goes by the one setting."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service import settings
from service.app import parts_of
from service.doctor import examine
from service.errors import SettingsError
from service.fhir_client import servers
from service.screening import Screening
from tests.fhir_client.conftest import Behaviour
from tests.fhir_client.test_bounds import head
from tests.fhir_client.test_tls import SecureLoopback, certificate

__all__ = ["certificate"]
STATEMENT = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server"}]}
ISSUER = "https://ehr.example.org"


def answering(body: Any) -> Behaviour:
    text = json.dumps(body).encode()

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head(len(text)) + text)

    return behave


@pytest.fixture
def fhir(certificate: Path) -> Iterator[SecureLoopback]:
    server = SecureLoopback(answering(STATEMENT), certificate)
    yield server
    server.close()


@pytest.fixture
def keys(certificate: Path) -> Iterator[SecureLoopback]:
    server = SecureLoopback(answering({"keys": []}), certificate)
    yield server
    server.close()


def loaded(**given: str) -> settings.Settings:
    return settings.load({f"TRIALHOOK_{name}": text for name, text in given.items()})


def problems(screening: Screening, fhir: SecureLoopback, keys: SecureLoopback, **given: str) -> list[str]:
    clients = json.dumps({ISSUER: {"jwksUrl": keys.base}})
    configured = loaded(CLIENTS=clients, PUBLIC_URL="https://trials.example.org", **given)
    return [line.text for line in examine(configured, screening, [fhir.base]) if line.mark == "problem"]


def test_servers_of_the_sites_authority_are_reached(
    screening: Screening, fhir: SecureLoopback, keys: SecureLoopback, certificate: Path
) -> None:
    found = " ".join(problems(screening, fhir, keys, CERTIFICATE_AUTHORITIES=str(certificate)))
    assert "no usable key" in found  # it came, and is empty
    assert "certificate" not in found
    assert "could not be fetched" not in found


def test_they_are_refused_where_it_is_not_named(
    screening: Screening, fhir: SecureLoopback, keys: SecureLoopback
) -> None:
    found = " ".join(problems(screening, fhir, keys))
    assert "its certificate or TLS was refused" in found
    assert "the key set could not be fetched (SSLError)" in found


def test_the_service_asks_with_them(certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    opened = servers.open_session

    def noted(peers: Any, connections: int, certificates: str = "", **options: Any) -> Any:
        seen.append(certificates)
        return opened(peers, connections, certificates, **options)

    monkeypatch.setattr(servers, "open_session", noted)
    parts_of(
        loaded(
            AUTH="none",
            AUDIT_EVENTS="https://audit.example.org/fhir",
            CERTIFICATE_AUTHORITIES=str(certificate),
            DATABASE_URL=f"sqlite:///{tmp_path}/service.db",
        )
    )
    assert seen
    assert set(seen) == {str(certificate)}


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["no file", "an empty one", "another text"])
def test_a_file_without_certificates_stops_the_start(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match="TRIALHOOK_CERTIFICATE_AUTHORITIES: a PEM file of certificates"):
        loaded(CERTIFICATE_AUTHORITIES=str(file))


def test_none_named_means_the_public_ones() -> None:
    assert loaded().certificate_authorities == ""
