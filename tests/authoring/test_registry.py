"""A file that is no record of one study is refused with what was expected; a record with odd parts is read."""

import json

import pytest

from service.authoring.drafting import draft
from service.authoring.registry import read_record
from service.authoring.writing import trial_yaml
from service.criteria.catalogue import compile_trial
from service.errors import SourceError
from service.screening import Screening
from tests.authoring.records import document, drafted, encoded, listed


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"null", "protocolSection was expected"),
        (b"[]", "a list of studies"),
        (b'{"studies": []}', "a list of studies"),
        (b"<clinical_study/>", "XML"),
        (b'{"FullStudiesResponse": {}}', "v1"),
        (b'{"Study": {"ProtocolSection": {}}}', "v1"),
        (b'{"resourceType": "ResearchStudy"}', "FHIR"),
        (b'{"protocolSection": []}', "protocolSection was expected"),
        (b'{"protocolSection": {}}', "NCT and eight digits"),
    ],
)
def test_what_is_no_record_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read_record(data, "a file")


@pytest.mark.parametrize(
    "identifier",
    ["../../etc/passwd", "NCT1234567", "NCT123456789", "nct00000001", "NCT0000000١", "", "NCT00000001\n/x"],
)
def test_a_number_that_is_no_registry_number_is_refused(identifier: str) -> None:
    with pytest.raises(SourceError, match="NCT and eight digits"):
        read_record(encoded("", id=identifier), "a file")


def test_a_record_without_eligibility_is_refused() -> None:
    data = document("")
    del data["protocolSection"]["eligibilityModule"]
    with pytest.raises(SourceError, match="eligibilityModule"):
        read_record(json.dumps(data).encode(), "a file")


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert read_record(b"\xef\xbb\xbf" + encoded("* x"), "a file").id == "NCT00000001"


@pytest.mark.parametrize("odd", [None, 3, "text", [], {}, [1, "a", None], True, {"a": {"b": 1}}])
def test_parts_of_another_kind_are_as_if_they_were_not_there(screening: Screening, odd: object) -> None:
    data = document(listed(["Age ≥ 18 years"]))
    section = data["protocolSection"]
    for name in [n for n in section if n not in ("identificationModule", "eligibilityModule")]:
        section[name] = odd
    section["identificationModule"] |= {"acronym": odd, "briefTitle": odd, "nctIdAliases": odd}
    section["eligibilityModule"] |= {"sex": odd, "minimumAge": odd, "maximumAge": odd, "healthyVolunteers": odd}
    made = draft(read_record(json.dumps(data).encode(), "a file"), screening.vocabulary)
    assert compile_trial(trial_yaml(made.trial), "trial.yaml", screening.vocabulary).id == "NCT00000001"


def test_facts_are_taken_over(screening: Screening) -> None:
    trial = drafted(
        screening, listed(["Consent"]), arms=["Arm A", "Arm A", "Arm B"], status="ACTIVE_NOT_RECRUITING"
    ).trial
    assert trial["short-name"] == "DEMO"
    assert trial["recruitment"] == "active-not-recruiting"
    assert trial["status"] == "draft"
    assert trial["phases"] == ["phase-2"]
    assert trial["version"] == "2026-01-05"
    assert trial["enrolled"] == "40 (estimated)"
    assert [arm["name"] for arm in trial["arms"]] == ["Arm A", "Arm B"]


def test_a_status_that_the_language_has_no_word_for_is_told(screening: Screening) -> None:
    trial = drafted(screening, listed(["Consent"]), status="NO_LONGER_AVAILABLE").trial
    assert trial["recruitment"] == "unknown"
    assert "NO_LONGER_AVAILABLE" in trial["recruitment-note"]


def test_of_very_many_sites_the_number_is_told(screening: Screening) -> None:
    trial = drafted(screening, listed(["Consent"]), sites=437).trial
    assert len(trial["sites"]) == 100
    assert any("100 of 437" in note for note in trial["interpretations"])
