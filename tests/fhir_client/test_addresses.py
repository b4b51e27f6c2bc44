"""Which addresses are one and the same, which may be called, and what may be asked."""

from collections.abc import Callable

import pytest

from service.errors import SettingsError, TrialhookError
from service.fhir_client import FhirServers, NotAllowed
from service.fhir_client.addresses import Bounds, parse, parse_base, question
from tests.fhir_client.conftest import BASE, soon

Servers = Callable[..., FhirServers]


@pytest.mark.parametrize(
    "base",
    [
        BASE,
        f"{BASE}/",
        "HTTPS://EHR.Example.ORG/fhir",
        "https://ehr.example.org:443/fhir",
        "https://ehr.example.org./fhir",
        "https://ehr.example.org/%66hir",
        "https://ehr.example.org/x/../fhir",
        "https://ehr.example.org/./fhir",
        f"{BASE}/tenant/r4",
    ],
)
def test_a_listed_base_may_be_called_however_it_is_spelled(servers: Servers, base: str) -> None:
    assert servers().at(base)


@pytest.mark.parametrize(
    "base",
    [
        "https://ehr.example.org",
        "https://ehr.example.org/fhirx",
        "https://ehr.example.org/FHIR",
        "https://ehr.example.org/fhir/../admin",
        "https://ehr.example.org/fhir/%2e%2e/admin",
        "https://ehr.example.org/fhir/%2e%2E",
        "http://ehr.example.org/fhir",
        "http://ehr.example.org:443/fhir",
        "https://ehr.example.org:8443/fhir",
        "https://ehr.example.org.evil.example/fhir",
        "https://evil.example/fhir",
        "https://evil.example/https://ehr.example.org/fhir",
        "//ehr.example.org/fhir",
        "",
    ],
)
def test_what_is_not_listed_may_not_be_called(servers: Servers, base: str) -> None:
    with pytest.raises(NotAllowed):
        servers().at(base)


@pytest.mark.parametrize(
    "base",
    [
        "https://user@ehr.example.org/fhir",
        "https://ehr.example.org@evil.example/fhir",
        "https://@ehr.example.org/fhir",
        "https://ehr.example.org\\@evil.example/fhir",
        "https://ehr.example.org/fhir\\..\\admin",
        "https://ehr.example.org/fhir/..%2fadmin",
        "https://ehr.example.org/fhir/..%5cadmin",
        "https://ehr.example.org/fhir/%252e%252e/admin",
        "https://ehr.example.org/fhir/..;/admin",
        "https://ehr.example.org/fhir/%2e.;x=1/admin",
        "https://ehr.example.org/fhir/%",
        "https://ehr.example.org/fhir\n",
        "https://ehr.example.org/fhir%0d%0aHost:x",
        "https://ehr.example.org/f\thir",
        " https://ehr.example.org/fhir",
        "https://ehr.example.org/fhir?x=1",
        "https://ehr.example.org/fhir?",
        "https://ehr.example.org/fhir#x",
        "https://ehr.example.org:0/fhir",
        "https://ehr.example.org:99999/fhir",
        "https://ehr.example.org:x/fhir",
        "https://[::1/fhir",
        "https://[fe80::1%25eth0]/fhir",
        "https://ehr.exämple.org/fhir",
        "https://ehr example.org/fhir",
        "file:///etc/passwd",
        "ftp://ehr.example.org/fhir",
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_refused_without_being_repeated(servers: Servers, base: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        servers("https://ehr.example.org").at(base)
    assert isinstance(refused.value, TrialhookError)
    assert not any(part in refused.value.message for part in ("ehr", "evil", "fhir/", "admin"))


def test_http_is_called_only_where_http_is_listed(servers: Servers) -> None:
    both = servers("http://127.0.0.1:8080/fhir", BASE)
    assert both.at("http://127.0.0.1:8080/fhir")
    with pytest.raises(NotAllowed):
        both.at("https://127.0.0.1:8080/fhir")


def test_nothing_may_be_called_where_nothing_is_listed() -> None:
    with FhirServers((), 1000) as none, pytest.raises(NotAllowed):
        none.at(BASE)


def test_other_spellings_of_an_ip_address_are_other_hosts(servers: Servers) -> None:
    local = servers("http://127.0.0.1/fhir", "http://[::1]/fhir")
    assert local.at("http://[0:0:0:0:0:0:0:1]/fhir")
    for host in ("2130706433", "127.1", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "localhost"):
        with pytest.raises(NotAllowed):
            local.at(f"http://{host}/fhir")


def test_a_wrong_listed_address_is_a_wrong_setting_named_by_its_place() -> None:
    with pytest.raises(SettingsError, match="server 2"):
        FhirServers((BASE, "ehr.example.org"), 1000)


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "tab\t", "ümlaut"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_repeated(servers: Servers, token: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        servers().at(BASE, token)
    assert token not in refused.value.message
    assert refused.value.code == "invalid-token"


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        ("Patient/1", f"{BASE}/Patient/1"),
        ("Patient/" + "a" * 64, f"{BASE}/Patient/" + "a" * 64),
        (
            "Observation?patient=1&code=http://loinc.org|751-8",
            f"{BASE}/Observation?patient=1&code=http://loinc.org%7C751-8",
        ),
        ("Observation?code=a%7Cb,c", f"{BASE}/Observation?code=a%7Cb,c"),
        ("Patient?name=100%", f"{BASE}/Patient?name=100%25"),
        ("Patient?name=Bj\u00f6rn#x", f"{BASE}/Patient?name=Bj%C3%B6rn%23x"),
        ("Patient?x=../../admin", f"{BASE}/Patient?x=../../admin"),
    ],
)
def test_what_is_asked_goes_out_escaped_under_the_base(asked: str, url: str) -> None:
    assert question(parse_base(BASE), asked).address.url == url


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "/Patient/1",
        "Patient/",
        "Patient/..",
        "Patient/.",
        "Patient/a..b",
        "Patient/1/_history/2",
        "Patient/1/$everything",
        "Patient/$export",
        "Patient/" + "a" * 65,
        "Patient/1\n",
        "Patient/1#x",
        "Patient?name=\ud800",
        "Patient?name=a\r\nHost: evil.example",
        "../Patient/1",
        "Patient/%2e%2e",
        "$export",
        "https://evil.example/Patient/1",
        "//evil.example/Patient/1",
    ],
)
def test_only_relative_reads_and_searches_are_asked(servers: Servers, asked: str) -> None:
    answer = servers().at(BASE).ask_all({"x": asked}, soon())["x"]
    assert not answer.complete
    assert not answer.temporary
    assert answer.problem == "not a relative FHIR read or search"


BOUNDS = Bounds(parse_base(f"{BASE}/r4"), parse_base(BASE))
PAGE = parse(f"{BASE}/r4/Observation?patient=1")


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (f"{BASE}/r4?page=2", f"{BASE}/r4?page=2"),
        (f"{BASE}/other/page", f"{BASE}/other/page"),
        ("/fhir/r4/Observation?page=2", f"{BASE}/r4/Observation?page=2"),
        ("?page=2", f"{BASE}/r4/Observation?page=2"),
        ("Observation?page=2", f"{BASE}/r4/Observation?page=2"),
        ("https://EHR.example.org:443/fhir/r4?a|b", f"{BASE}/r4?a%7Cb"),
    ],
)
def test_a_link_may_be_absolute_or_relative(link: str, url: str) -> None:
    assert BOUNDS.page(link, PAGE).url == url


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/fhir/r4?page=2",
        "//evil.example/fhir/r4?page=2",
        "http://ehr.example.org/fhir/r4?page=2",
        "https://ehr.example.org:8443/fhir/r4?page=2",
        "https://ehr.example.org/admin",
        "/admin",
        "../../admin",
        "https://user:pw@ehr.example.org/fhir/r4",
        "javascript:alert(1)",
        "https://[",
    ],
)
def test_a_link_leads_nowhere_else(link: str) -> None:
    with pytest.raises(ValueError):
        BOUNDS.page(link, PAGE)
    with pytest.raises(ValueError):
        BOUNDS.redirect(link, PAGE)


def test_a_relative_page_counts_from_the_base_and_a_redirect_from_what_was_asked() -> None:
    current = parse(f"{BASE}/r4/Patient/1")
    assert BOUNDS.page("Patient/2", current).url == f"{BASE}/r4/Patient/2"
    assert BOUNDS.redirect("2", current).url == f"{BASE}/r4/Patient/2"
