"""What is told of the clients that are configured."""

import pytest
import responses

from service.auth import check_clients
from service.setting_values import Client
from tests.auth.tokens import ISSUER, client, ec, jwk

SANDBOX = "https://sandbox.cds-hooks.org"


def told(*clients: Client, **asked: bool) -> list[str]:
    return check_clients({listed.issuer: listed for listed in clients}, **asked)


def test_sound_clients_give_nothing_to_tell():
    assert told(client(jwk(ec()))) == []


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": [jwk(ec()), jwk(ec())]}])
def test_a_key_set_that_lets_nobody_in_is_told(keys):
    (problem,) = told(Client(ISSUER, keys))
    assert problem.startswith(ISSUER)


def test_a_private_key_is_told_even_beside_a_sound_one():
    (problem,) = told(client(jwk(ec()), ec("lost").as_dict(private=True)))
    assert problem.startswith(f"{ISSUER}: key 2")
    assert "private" in problem


OTHERS = {
    "another curve": jwk(ec("short", "P-256")),
    "a key to encrypt with": jwk(ec("other"), use="enc"),
    "another algorithm": jwk(ec("other"), alg="ES256"),
    "something unknown": {"kty": "OKP", "kid": "okp", "crv": "Ed25519", "x": "AA"},
}


@pytest.mark.parametrize("claim", OTHERS)
def test_a_key_that_is_not_used_is_warned_of_beside_one_that_is_and_a_problem_alone(claim):
    (warning,) = told(client(jwk(ec()), OTHERS[claim]))
    assert warning.startswith(f"warning: {ISSUER}: key 2 is not used")
    assert [problem.startswith(ISSUER) for problem in told(client(OTHERS[claim]))] == [True, True]


@pytest.mark.parametrize(
    "listed",
    [
        Client(SANDBOX, {"keys": [jwk(ec())]}),
        Client(f"{SANDBOX}/", {}, "https://keys.example.org"),
        client(jwk(ec(), kid="44823f3d-0b01-4a6c-a80e-b9d3e8a7226f")),
        client(jwk(ec(), kid="44823f3d")),
    ],
)
def test_the_public_sandbox_is_warned_of(listed):
    (problem,) = told(listed)
    assert problem.startswith("warning: ")


@responses.activate
def test_published_keys_are_asked_for_only_on_request():
    published = Client(ISSUER, {}, "https://ehr.example.org/keys")
    assert told(published) == []
    responses.get("https://ehr.example.org/keys", status=404)
    assert "404" in told(published, fetch=True)[0]


def test_an_address_that_is_never_asked_is_told():
    assert "https" in told(Client(ISSUER, {}, "http://ehr.example.org/keys"))[0]
