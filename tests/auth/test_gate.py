"""The gate lets in what a listed client signed for this endpoint, now and once, and nothing else."""

import json
import math

import pytest

from service.auth import Caller, Gate, Unauthorized
from tests.auth.tokens import AUDIENCE, ISSUER, NOW, bearer, claims, client, ec, jwk, rsa, segment, unsigned, with_hmac

EC_CLIENT = client(jwk(ec()))
RSA_CLIENT = client(jwk(rsa()))


@pytest.mark.parametrize(("key", "listed"), [(ec(), EC_CLIENT), (rsa(), RSA_CLIENT)], ids=["ES384", "RS384"])
def test_a_signed_call_is_let_in_and_says_who_called(gate_for, key, listed):
    caller = gate_for(listed)(bearer(key, claims(tenant="north")))
    assert caller == Caller(issuer=ISSUER, tenant="north", key_id=key.kid, token_id="one")


@pytest.mark.parametrize("typ", ["JWT", "jwt", None])
def test_the_type_is_jwt_in_any_case_or_absent(gate_for, typ):
    assert gate_for(EC_CLIENT)(bearer(ec(), claims(), typ=typ)).token_id == "one"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_is_read_in_any_case(gate_for, scheme):
    token = bearer(ec(), claims()).removeprefix("Bearer ")
    assert gate_for(EC_CLIENT)(f"{scheme} {token}").issuer == ISSUER


@pytest.mark.parametrize("extra", [{"jku": "https://elsewhere.example/keys"}, {"x5u": "https://elsewhere.example/x"}])
def test_a_place_of_keys_named_by_the_token_is_never_asked(gate_for, extra):
    # No network is mocked here: a request would fail the test.
    assert gate_for(EC_CLIENT)(bearer(ec(), claims(), **extra)).issuer == ISSUER


def test_a_header_with_members_unknown_here_is_let_in(gate_for):
    long = {"x-note": "a" * 2000}
    assert gate_for(EC_CLIENT)(bearer(ec(), claims(), **long)).issuer == ISSUER


class TestAttacks:
    def test_an_unsigned_token_is_refused(self, refuses):
        refuses(EC_CLIENT, unsigned({"alg": "none", "kid": "ec"}, claims(), b"x"), "algorithm")

    def test_a_token_without_a_signature_is_refused(self, refuses):
        refuses(EC_CLIENT, unsigned({"alg": "none", "kid": "ec"}, claims()), "three parts")

    @pytest.mark.parametrize("form", ["PEM", "DER"])
    def test_an_hmac_with_the_public_key_is_refused(self, refuses, form):
        public = rsa().as_bytes(encoding=form, private=False)
        refuses(RSA_CLIENT, with_hmac(public, claims(), "rsa"), "algorithm")

    def test_another_key_under_a_known_id_is_refused(self, refuses):
        refuses(EC_CLIENT, bearer(ec("stranger"), claims(), kid="ec"), "signature")

    def test_a_key_that_the_token_brings_along_is_not_used(self, refuses):
        stranger = ec("stranger")
        refuses(EC_CLIENT, bearer(stranger, claims(), kid="ec", jwk=jwk(stranger)), "signature")
        refuses(EC_CLIENT, bearer(stranger, claims(), jwk=jwk(stranger)), "no usable key")

    @pytest.mark.parametrize("alg", ["RS256", "PS384"])
    def test_the_token_does_not_choose_the_algorithm(self, refuses, alg):
        refuses(RSA_CLIENT, bearer(rsa(), claims(), alg=alg), "algorithm")

    def test_the_algorithm_must_be_that_of_the_key(self, refuses):
        refuses(client(jwk(ec())), bearer(rsa(), claims(), kid="ec"), "algorithm")

    def test_claims_changed_after_signing_are_refused(self, refuses):
        header, _, signature = bearer(ec(), claims()).split(".")
        refuses(EC_CLIENT, f"{header}.{segment(json.dumps(claims(jti='two')))}.{signature}", "signature")

    @pytest.mark.parametrize("extension", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"crit": None}])
    def test_extensions_of_the_signature_format_are_refused(self, refuses, extension):
        header = {"alg": "ES384", "kid": "ec", **extension}
        refuses(EC_CLIENT, unsigned(header, claims(), b"x"), "extensions")

    def test_a_second_use_is_refused(self, gate_for):
        check, token = gate_for(EC_CLIENT), bearer(ec(), claims())
        check(token)
        with pytest.raises(Unauthorized, match="used before"):
            check(token)

    def test_an_id_is_remembered_as_long_as_its_token_is_let_in(self, gate_for, memory, clock):
        check, token = gate_for(EC_CLIENT), bearer(ec(), claims(exp=NOW + 10.5))
        check(token)
        clock.now = NOW + 15.25
        with pytest.raises(Unauthorized, match="used before"):
            check(token)
        assert memory.held[ISSUER, "one"] == math.ceil(NOW + 10.5) + 5

    def test_a_refused_token_uses_up_no_id(self, refuses, memory):
        refuses(EC_CLIENT, bearer(ec("stranger"), claims(), kid="ec"), "signature")
        assert memory.held == {}


class TestForm:
    @pytest.mark.parametrize("authorization", [None, ""])
    def test_a_call_without_a_token_is_refused(self, refuses, authorization):
        refuses(EC_CLIENT, authorization, "no Authorization")

    @pytest.mark.parametrize(
        "made",
        [
            lambda token: token,
            lambda token: f"Basic {token}",
            lambda token: f"Bearer {token}, Bearer {token}",
            lambda token: f"Bearer {token} {token}",
            lambda token: f"Bearer {token}.x",
            lambda token: f"Bearer {token}=",
            lambda token: f"Bearer {token}\n",
        ],
    )
    def test_anything_but_one_bearer_token_is_refused(self, refuses, made):
        refuses(EC_CLIENT, made(bearer(ec(), claims()).removeprefix("Bearer ")), "not one Bearer token")

    def test_a_header_is_read_up_to_8192_characters(self, gate_for, refuses):
        whole = bearer(ec(), claims(tenant="a" * 5000))
        filler = " " * (8192 - len(whole))
        refuses(EC_CLIENT, whole.replace(" ", "  " + filler), "more than 8192")
        assert gate_for(EC_CLIENT)(whole.replace(" ", " " + filler)).issuer == ISSUER

    @pytest.mark.parametrize("header", [[], "alg", {}, {"alg": "ES384"}, {"alg": "ES384", "kid": 7}, {"kid": "ec"}])
    def test_a_header_of_another_form_is_refused(self, refuses, header):
        refuses(EC_CLIENT, unsigned(header, claims(), b"x"), "required form")

    @pytest.mark.parametrize("text", [b"{", b"", b'{"alg":"ES384","kid":"\xff"}', b'{"alg":"ES384","kid":"ec"} {}'])
    def test_text_that_is_not_json_is_refused(self, refuses, text):
        header = segment(text) or "A"
        refuses(EC_CLIENT, f"Bearer {header}.{segment(json.dumps(claims()))}.AAAA", "required form")

    def test_deep_nesting_is_refused_like_any_other_wrong_form(self, refuses):
        deep = '{"alg":"ES384","kid":"ec","x":' + "[" * 2500 + "]" * 2500 + "}"
        refuses(EC_CLIENT, f"Bearer {segment(deep)}.{segment(json.dumps(claims()))}.AAAA", "form|signature")

    def test_another_type_is_refused(self, refuses):
        refuses(EC_CLIENT, bearer(ec(), claims(), typ="at+jwt"), "type")

    @pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "jti"])
    def test_every_required_claim_is_required(self, refuses, name):
        refuses(EC_CLIENT, bearer(ec(), claims(**{name: None})), "required form")

    @pytest.mark.parametrize(
        "changed",
        [
            {"exp": str(int(NOW) + 300)},
            {"exp": True},
            {"exp": math.nan},
            {"exp": math.inf},
            {"iat": str(int(NOW))},
            {"nbf": "0"},
            {"jti": ""},
            {"jti": 7},
            {"jti": "j" * 256},
            {"iss": [ISSUER]},
            {"aud": 7},
            {"aud": [AUDIENCE, 7]},
            {"tenant": ["north"]},
        ],
        ids=str,
    )
    def test_claims_of_another_type_are_refused(self, refuses, changed):
        refuses(EC_CLIENT, bearer(ec(), claims(**changed)), "required form")

    def test_an_id_may_have_255_characters(self, gate_for):
        assert gate_for(EC_CLIENT)(bearer(ec(), claims(jti="j" * 255))).token_id == "j" * 255


class TestTimes:
    @pytest.mark.parametrize("past", [0, 4, 4.9])
    def test_an_end_up_to_five_seconds_ago_is_let_in(self, gate_for, past):
        assert gate_for(EC_CLIENT)(bearer(ec(), claims(iat=NOW - 60, exp=NOW - past)))

    @pytest.mark.parametrize("past", [5, 6])
    def test_an_end_five_seconds_ago_or_more_is_refused(self, refuses, past):
        refuses(EC_CLIENT, bearer(ec(), claims(iat=NOW - 60, exp=NOW - past)), "expired")

    @pytest.mark.parametrize("name", ["iat", "nbf"])
    @pytest.mark.parametrize("ahead", [0.5, 4, 5])
    def test_a_beginning_up_to_five_seconds_ahead_is_let_in(self, gate_for, name, ahead):
        assert gate_for(EC_CLIENT)(bearer(ec(), claims(**{name: NOW + ahead})))

    @pytest.mark.parametrize("name", ["iat", "nbf"])
    def test_a_beginning_six_seconds_ahead_is_refused(self, refuses, name):
        refuses(EC_CLIENT, bearer(ec(), claims(**{name: NOW + 6})), "not valid yet")

    def test_a_token_may_be_made_for_an_hour(self, gate_for):
        assert gate_for(EC_CLIENT)(bearer(ec(), claims(exp=int(NOW) + 3600)))

    @pytest.mark.parametrize("exp", [int(NOW) + 3601, 10**300])
    def test_a_token_made_for_longer_is_refused(self, refuses, exp):
        refuses(EC_CLIENT, bearer(ec(), claims(exp=exp)), "within 3600")

    def test_a_token_that_ends_before_it_begins_is_refused(self, refuses):
        refuses(EC_CLIENT, bearer(ec(), claims(iat=NOW + 2, exp=NOW + 1)), "within 3600")


class TestIssuerAudienceTenant:
    @pytest.mark.parametrize("issuer", ["https://other.example.org", f"{ISSUER}/", ISSUER.upper()])
    def test_an_issuer_that_is_not_listed_is_refused(self, refuses, issuer):
        refuses(EC_CLIENT, bearer(ec(), claims(iss=issuer)), "issuer")

    @pytest.mark.parametrize(
        "aud", [AUDIENCE, [AUDIENCE], ["https://other.example.org", AUDIENCE], f"{AUDIENCE}/"], ids=str
    )
    def test_the_audience_may_be_one_of_several(self, gate_for, aud):
        assert gate_for(EC_CLIENT)(bearer(ec(), claims(aud=aud)))

    @pytest.mark.parametrize("aud", ["", [], "https://trials.example.org", f"{AUDIENCE}/feedback", [f"{AUDIENCE}s"]])
    def test_a_token_for_another_endpoint_is_refused(self, refuses, aud):
        refuses(EC_CLIENT, bearer(ec(), claims(aud=aud)), "audience")

    @pytest.mark.parametrize("tenant", ["north", "south"])
    def test_a_listed_tenant_is_let_in(self, gate_for, tenant):
        listed = client(jwk(ec()), tenants=("north", "south"))
        assert gate_for(listed)(bearer(ec(), claims(tenant=tenant))).tenant == tenant

    @pytest.mark.parametrize("tenant", ["west", "", None])
    def test_another_tenant_or_none_is_refused_where_tenants_are_listed(self, refuses, tenant):
        refuses(client(jwk(ec()), tenants=("north",)), bearer(ec(), claims(tenant=tenant)), "tenant")

    def test_one_client_cannot_sign_for_another(self, clock, memory):
        gate = Gate({ISSUER: client(jwk(ec())), "https://b.example.org": client(jwk(rsa()))}, memory, clock=clock)
        with pytest.raises(Unauthorized, match="no usable key"):
            gate.check(bearer(rsa(), claims()), [AUDIENCE])


class TestOrder:
    """Each token is wrong in one way more; the first of them is what is told."""

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"iss": "https://x.example", "aud": "https://x.example", "exp": 1, "tenant": "west"}, "issuer"),
            ({"aud": "https://x.example", "exp": 1, "tenant": "west"}, "audience"),
            ({"exp": 1, "iat": 0, "tenant": "west"}, "expired"),
            ({"tenant": "west"}, "tenant"),
            ({"tenant": "north"}, "signature"),
        ],
        ids=lambda case: case if isinstance(case, str) else "",
    )
    def test_issuer_audience_end_tenant_signature(self, refuses, wrong, told):
        listed = client(jwk(ec()), tenants=("north",))
        refuses(listed, bearer(ec("stranger"), claims(**wrong), kid="ec"), told)


def test_nobody_passes_while_the_ids_cannot_be_asked(clock):
    def broken(issuer: str, token_id: str, expires: int) -> bool:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Gate({ISSUER: EC_CLIENT}, broken, clock=clock).check(bearer(ec(), claims()), [AUDIENCE])
