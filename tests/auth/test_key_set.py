"""Which keys of a published set may sign calls."""

import pytest
from joserfc.jwk import OctKey
from joserfc.util import int_to_base64

from service.auth.key_set import KeySetError, read_key_set
from tests.auth.tokens import bearer, claims, client, ec, jwk, rsa


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, "keys"])
def test_a_document_of_another_form_is_no_key_set(document):
    with pytest.raises(KeySetError, match="`keys`"):
        read_key_set(document)


def test_two_keys_of_one_id_spoil_the_set(refuses):
    pair = [jwk(ec()), jwk(rsa(), kid="ec")]
    with pytest.raises(KeySetError, match="same `kid`"):
        read_key_set({"keys": pair})
    refuses(client(*pair), bearer(ec(), claims()), "no usable key")


def test_keys_that_do_not_concern_us_are_passed_over():
    found = read_key_set({"keys": [jwk(ec()), jwk(rsa(), use="enc"), {"kty": "AKP", "kid": "new"}, "text"]})
    assert set(found.keys) == {"ec"}
    assert len(found.problems) == 3


SECRET = OctKey.generate_key(384).as_dict(private=True)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (jwk(ec("e256", "P-256")), "P-384"),
        (jwk(ec(), alg="ES256"), "ES384"),
        (jwk(rsa(), alg="PS384"), "RS384"),
        (jwk(rsa(), key_ops=["encrypt"]), "key_ops"),
        ({**SECRET, "kid": "oct"}, "secret part"),
        (ec().as_dict(private=True), "private"),
        (rsa().as_dict(private=True), "private"),
        ({name: value for name, value in jwk(ec()).items() if name != "kid"}, "kid"),
        (jwk(ec(), kid=7), "kid"),
        (jwk(ec(), x=jwk(ec())["y"]), "not used"),
        (jwk(rsa(), n=""), "not used"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_key_that_cannot_sign_calls_is_named(entry, told):
    found = read_key_set({"keys": [entry]})
    assert found.keys == {}
    assert told in found.problems[0]


def rsa_entry(bits: int) -> dict[str, str]:
    """A modulus of so many bits; nobody needs its factors here."""
    return {"kty": "RSA", "kid": "r", "e": "AQAB", "n": int_to_base64((1 << (bits - 1)) | 1)}


def test_an_rsa_key_has_at_least_2048_bits():
    assert read_key_set({"keys": [rsa_entry(2048)]}).keys.keys() == {"r"}
    assert "2048" in read_key_set({"keys": [rsa_entry(2047)]}).problems[0]


def test_a_key_may_say_its_purpose():
    entry = jwk(ec(), alg="ES384", use="sig", key_ops=["verify"])
    assert set(read_key_set({"keys": [entry]}).keys) == {"ec"}
