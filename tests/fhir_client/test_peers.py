"""Which network addresses a listed host may turn out to be."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from service.fhir_client import FhirServers, transport
from service.fhir_client.peers import Peers
from tests.fhir_client.conftest import Behaviour, Loopback, soon

PUBLIC, PRIVATE = "8.8.8.8", "10.0.0.5"


def test_a_name_that_was_public_on_its_first_use_may_not_become_private() -> None:
    peers = Peers()
    assert peers.allowed("ehr.example.org", [PUBLIC]) == [PUBLIC]
    for address in (PRIVATE, "127.0.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.5"):
        assert peers.allowed("ehr.example.org", [address, PUBLIC]) == [PUBLIC]


def test_a_name_that_was_private_on_its_first_use_may_be_private_or_public() -> None:
    peers = Peers()
    assert peers.allowed("ehr.hospital.example", [PRIVATE]) == [PRIVATE]
    assert peers.allowed("ehr.hospital.example", [PRIVATE, PUBLIC]) == [PRIVATE, PUBLIC]


def test_each_name_has_a_first_use_of_its_own() -> None:
    peers = Peers()
    assert peers.allowed("a.example.org", [PUBLIC])
    assert peers.allowed("b.example.org", [PRIVATE])
    assert not peers.allowed("a.example.org", [PRIVATE])


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%2",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "100.100.100.200",
        "fd00:ec2::254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
    ],
)
def test_no_name_leads_to_link_local_or_instance_metadata(address: str) -> None:
    peers = Peers()
    assert peers.allowed("internal.example", [PRIVATE, address]) == [PRIVATE]
    assert peers.allowed("fresh.example", [address]) == []


def test_a_refused_first_answer_does_not_settle_what_a_name_is() -> None:
    peers = Peers()
    assert peers.allowed("ehr.example.org", ["169.254.169.254"]) == []
    assert peers.allowed("ehr.example.org", [PUBLIC]) == [PUBLIC]
    assert peers.allowed("ehr.example.org", [PRIVATE]) == []


def test_a_listed_ip_address_is_itself_and_nothing_else() -> None:
    peers = Peers()
    assert peers.allowed("169.254.1.1", ["169.254.1.1"]) == ["169.254.1.1"]
    assert peers.allowed("fe80::1", ["fe80::1"]) == ["fe80::1"]
    assert peers.allowed("10.0.0.5", ["10.0.0.6"]) == []


def test_localhost_is_this_machine() -> None:
    assert Peers().allowed("localhost", ["::1", "127.0.0.1", PRIVATE, PUBLIC]) == ["::1", "127.0.0.1"]


def _names(monkeypatch: pytest.MonkeyPatch, table: dict[str, list[str]]) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        return [entry for ip in table.get(host, [host]) for entry in real(ip, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def _patient(connection: socket.socket, stop: threading.Event) -> None:
    body = b'{"resourceType":"Patient"}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


Start = Callable[[Behaviour], Loopback]
Servers = Callable[..., FhirServers]


def test_a_name_in_the_private_network_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, loopback: Start, servers: Servers
) -> None:
    _names(monkeypatch, {"ehr.hospital.test": ["127.0.0.1"]})
    base = f"http://ehr.hospital.test:{loopback(_patient).port}/fhir"
    assert servers(base).at(base).read("Patient/1", soon()).complete


def test_a_name_that_is_pointed_elsewhere_later_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, loopback: Start, servers: Servers
) -> None:
    inside = loopback(_patient)
    base = f"http://ehr.example.test:{inside.port}/fhir"
    client = servers(base, retries=0)

    def unreachable(*args: Any, **kwargs: Any) -> socket.socket:
        raise OSError("no network here")

    with monkeypatch.context() as public:
        _names(public, {"ehr.example.test": [PUBLIC]})
        public.setattr(transport, "create_connection", unreachable)
        assert client.at(base).read("Patient/1", soon()).problem == "no connection to the server"
    _names(monkeypatch, {"ehr.example.test": ["127.0.0.1"]})
    answer = client.at(base).read("Patient/1", soon())
    assert answer.problem == "the server's name leads to a network address that may not be called"
    assert not answer.temporary
    assert inside.connections == 0


def test_the_next_address_of_a_host_is_tried_where_one_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, loopback: Start, servers: Servers
) -> None:
    _names(monkeypatch, {"ehr.hospital.test": ["127.0.0.77", "127.0.0.1"]})
    base = f"http://ehr.hospital.test:{loopback(_patient).port}/fhir"
    assert servers(base, retries=0).at(base).read("Patient/1", soon()).complete


def test_an_address_that_does_not_answer_leaves_the_others_their_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch, servers: Servers
) -> None:
    given: list[float] = []

    def no_answer(address: tuple[str, int], timeout: float, **kwargs: Any) -> socket.socket:
        given.append(timeout)
        raise TimeoutError

    _names(monkeypatch, {"ehr.hospital.test": ["10.0.0.1", "10.0.0.2"]})
    monkeypatch.setattr(transport, "create_connection", no_answer)
    base = "https://ehr.hospital.test/fhir"
    assert servers(base, retries=0).at(base).read("Patient/1", soon(100)).temporary
    assert len(given) == 2
    assert given[0] <= 50 < given[1] <= 100


def test_a_name_that_nobody_knows_is_a_temporary_problem(monkeypatch: pytest.MonkeyPatch, servers: Servers) -> None:
    def unknown(*args: Any, **kwargs: Any) -> list[Any]:
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    answer = servers().at("https://ehr.example.org/fhir").read("Patient/1", soon())
    assert (answer.problem, answer.temporary) == ("no connection to the server", True)


def test_a_proxy_of_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch, loopback: Start, servers: Servers
) -> None:
    proxy, target = loopback(_patient), loopback(_patient)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
    assert servers(target.base).at(target.base).read("Patient/1", soon()).complete
    assert (proxy.connections, target.connections) == (0, 1)
