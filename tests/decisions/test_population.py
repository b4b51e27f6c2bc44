"""A screening is one entry: the same inputs give the same hashes, whatever the day on which they were screened."""

from pathlib import Path

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from tests.builders import SINAI, TRIALS, as_json, eligible
from tests.decisions.conftest import Site, Trialhook


def source(folder: Path, *records: bytes) -> Path:
    made = folder / "source"
    made.mkdir(exist_ok=True)
    (made / "p.json").write_bytes(b"".join(records))
    return made


def screen(site: Site, trialhook: Trialhook, out: str) -> int:
    arguments = ["screen", site.folder / "source", "--out", site.folder / out, "--as-of", "2026-11-21"]
    return trialhook(*arguments, "--progress", "none").code


def test_two_screenings_of_the_same_have_the_same_hashes(site: Site, trialhook: Trialhook) -> None:
    source(site.folder, as_json(eligible(SINAI).bundle()))
    assert [screen(site, trialhook, out) for out in ("one", "two")] == [0, 0]
    source(site.folder, as_json(eligible(SINAI).drop("anc").bundle()))
    assert screen(site, trialhook, "three") == 0
    one, two, three = site.decisions
    assert (one["endpoint"], one["question"], one["patients"]) == ("screen", "population", 1)
    assert (one["input"], one["answer"]) == (two["input"], two["answer"])
    assert one["input"] != three["input"]
    assert one["answer"] != three["answer"]
    assert sum(one["grades"][SINAI].values()) == 1
    assert "patient" not in one


def test_a_log_without_a_key_stops_a_screening_before_it_begins(site: Site, trialhook: Trialhook) -> None:
    source(site.folder, as_json(eligible(SINAI).bundle()))
    site.given |= {"DECISION_KEY": ""}
    assert screen(site, trialhook, "one") == 2
    assert not (site.folder / "one").exists()


@pytest.mark.parametrize(("wanted", "code"), [("refuse", 3), ("answer", 0)])
def test_a_screening_that_cannot_be_logged_ends_or_is_told(
    site: Site, trialhook: Trialhook, wanted: str, code: int
) -> None:
    source(site.folder, as_json(eligible(SINAI).bundle()))
    site.given |= {"DECISION_LOG": "database", "DATABASE_URL": f"sqlite:///{site.folder}", "UNRECORDED": wanted}
    assert screen(site, trialhook, "one") == code
    assert (site.folder / "one" / "results.ndjson").exists()
    site.given |= {"DATABASE_URL": f"sqlite:///{site.folder}/service.db"}
    arguments = ["screen", site.folder / "source", "--out", site.folder / "one", "--as-of", "2026-11-21", "--resume"]
    assert trialhook(*arguments, "--progress", "none").code == 0
    assert len(trialhook("decisions", "export").lines) == (1 if wanted == "refuse" else 0)


def test_a_screening_tells_the_audit_trail_of_each_patient(site: Site, trialhook: Trialhook) -> None:
    source(site.folder, as_json(eligible(SINAI).bundle()))
    (site.folder / "audit").mkdir()
    site.given |= {"AUDIT_EVENTS": str(site.folder / "audit" / "events.ndjson")}
    assert screen(site, trialhook, "one") == 0
    (events,) = [path.read_text().splitlines() for path in (site.folder / "audit").iterdir()]
    (event,) = [AuditEvent.model_validate_json(line) for line in events]
    assert (event.outcome, event.outcomeDesc) == ("0", "screen")
    assert event.entity[0].what.reference == "Patient/p1"
    assert {e.what.identifier.value for e in event.entity[1:]} == set(TRIALS)


def test_a_token_without_an_audit_server_stops_a_screening_before_it_begins(site: Site, trialhook: Trialhook) -> None:
    source(site.folder, as_json(eligible(SINAI).bundle()))
    site.given |= {"AUDIT_TOKEN": "secret"}
    assert screen(site, trialhook, "one") == 2
    assert not (site.folder / "one").exists()


def test_a_screening_without_an_audit_trail_writes_none(site: Site, trialhook: Trialhook) -> None:
    source(site.folder, as_json(eligible(SINAI).bundle()))
    assert screen(site, trialhook, "one") == 0
    assert not list(site.folder.glob("**/events*"))


def test_a_screening_that_cannot_be_audited_ends(site: Site, trialhook: Trialhook) -> None:
    source(site.folder, as_json(eligible(SINAI).bundle()))
    site.given |= {"AUDIT_EVENTS": "database", "DATABASE_URL": f"sqlite:///{site.folder}", "UNRECORDED": "refuse"}
    assert screen(site, trialhook, "one") == 3
    assert (site.folder / "one" / "results.ndjson").exists()
