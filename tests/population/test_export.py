"""Bulk export: what is asked, waited for, fetched and deleted, and for which types silence is not proven."""

import gzip
import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from service.fhir_client import FhirServers, NotAllowed, NotAuthorized
from service.population import export_state
from service.population.export import Export, ExportError, Gap, Limits, Order, deletions, run_export
from service.population.export_state import JOURNAL, NAME
from service.population.files import find_inputs
from tests.population.export_server import STATUS, TIME, Answer, ExportServer, capabilities, json_of, ndjson, outcome

Json = dict[str, Any]
TYPES = ("Patient", "Condition", "Observation")
P1, P2 = {"resourceType": "Patient", "id": "p1"}, {"resourceType": "Patient", "id": "p2"}
C1 = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}
O1 = {"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p1"}}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
JOB = STATUS.partition("?")[0]


class Tokens:
    """Access that gives tokens in order, each renewal the next; the last stays."""

    def __init__(self, *tokens: str, not_granted: tuple[str, ...] = ()) -> None:
        self.tokens = list(tokens)
        self.not_granted = not_granted

    def token(self, deadline: float) -> str:
        return self.tokens[0]

    def renewed(self, refused: str, deadline: float) -> str:
        if self.tokens[0] == refused and len(self.tokens) > 1:
            del self.tokens[0]
        return self.tokens[0]


class Runs:
    """Runs exports against a server; keeps the waits that were made and what was told of the progress."""

    def __init__(self, server: ExportServer, folder: Path) -> None:
        self.server = server
        self.folder = folder / "export"
        self.waits: list[float] = []
        self.told: list[str] = []
        self.listed: tuple[str, ...] = (server.base,)
        self.order = Order(server.base, TYPES)

    def __call__(self, order: Order | None = None, **options: Any) -> Export:
        with FhirServers(self.listed, 1_000_000, retries=2, pause=0.0, sleep=self.waits.append) as servers:
            options = {"limits": Limits(seconds=1000.0), "progress": self.told.append} | options
            return run_export(servers, order or self.order, self.folder, **options)

    def failure(self, order: Order | None = None, **options: Any) -> ExportError:
        with pytest.raises(ExportError) as caught:
            self(order, **options)
        return caught.value


@pytest.fixture
def server() -> Iterator[ExportServer]:
    made = ExportServer()
    yield made
    made.close()


@pytest.fixture
def run(server: ExportServer, tmp_path: Path) -> Runs:
    return Runs(server, tmp_path)


def good(server: ExportServer, **manifest: Any) -> None:
    """An export of two patients and one condition, without observations."""
    files = [server.file("Patient", "a", P1, P2, count=2), server.file("Condition", "b", C1, count=1)]
    server.exports(*files, **manifest)


def about(export: Export) -> list[tuple[str, str]]:
    return [(gap.type, gap.reason) for gap in export.coverage]


def found(export: Export) -> list[tuple[str, int, str]]:
    return [(finding.file, finding.line, finding.reason) for finding in export.findings]


# ---- when all goes well


def test_files_arrive_under_names_of_our_own_for_their_owner_alone(server: ExportServer, run: Runs) -> None:
    good(server)
    export = run()
    assert [(f.type, f.path.name, f.lines) for f in export.files] == [
        ("Patient", "0001.Patient.ndjson", 2),
        ("Condition", "0002.Condition.ndjson", 1),
    ]
    assert export.files[0].path.read_bytes() == ndjson([P1, P2])
    assert export.transaction_time == TIME
    assert export.findings == ()
    assert stat.S_IMODE(export.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in export.folder.iterdir()} == {0o600}
    assert [source.name for source in find_inputs(export.folder)] == [f.path.name for f in export.files]


def test_a_type_that_a_whole_job_leaves_out_has_nothing_only_where_a_search_counts_none(
    server: ExportServer, run: Runs
) -> None:
    good(server)
    assert run().coverage == ()
    assert server.requests("GET", "/fhir/Observation")[0].query == {"_summary": ["count"]}


@pytest.mark.parametrize(
    "counted", [json_of({"resourceType": "Bundle", "total": 3}), json_of({"resourceType": "Bundle"}), Answer(404)]
)
def test_a_type_that_a_whole_job_leaves_out_is_a_gap_elsewhere(
    server: ExportServer, run: Runs, counted: Answer
) -> None:
    good(server)
    server.on("GET", "/fhir/Observation", counted)
    told = "nothing came, and the server does not say that there is nothing of it"
    assert about(run()) == [("Observation", told)]


def of_a_group(server: ExportServer) -> Order:
    """An export of a Group of two patients, without Observations, of which others have some."""
    server.exports(server.file("Patient", "a", P1, P2), server.file("Condition", "b", C1), level="Group/g")
    server.counts("Observation", 3)
    return Order(server.base, TYPES, level="group", group="g")


def test_a_type_that_a_group_has_none_of_is_one_that_a_search_counts_none_of_for_each_patient(
    server: ExportServer, run: Runs
) -> None:
    order = of_a_group(server)
    for patient in ("p1", "p2"):
        server.on("GET", f"/fhir/Observation?patient={patient}&_summary=count", json_of(EMPTY))
    assert run(order).coverage == ()


@pytest.mark.parametrize("counted", [json_of(EMPTY | {"total": 1}), json_of(EMPTY | {"total": None}), Answer(400)])
def test_a_type_that_one_of_a_group_has_or_is_not_told_to_have_none_of_is_a_gap(
    server: ExportServer, run: Runs, counted: Answer
) -> None:
    order = of_a_group(server)
    server.on("GET", "/fhir/Observation?patient=p1&_summary=count", json_of(EMPTY))
    server.on("GET", "/fhir/Observation?patient=p2&_summary=count", counted)
    assert [gap.type for gap in run(order).coverage] == ["Observation"]


def test_the_patients_of_a_large_group_are_not_searched_for_one_by_one(
    server: ExportServer, run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.population.export_run.MAX_COUNTED", 1)
    assert [gap.type for gap in run(of_a_group(server)).coverage] == ["Observation"]
    assert len(server.requests("GET", "/fhir/Observation")) == 1


def test_an_empty_file_says_that_there_is_nothing(server: ExportServer, run: Runs) -> None:
    server.exports(
        server.file("Patient", "a", P1), server.file("Condition", "b", C1), server.file("Observation", "o", count=0)
    )
    assert run().coverage == ()
    assert server.requests("GET", "/fhir/Observation") == []


def test_one_kind_of_resources_about_drugs_is_enough(server: ExportServer, run: Runs) -> None:
    event = {"resourceType": "MedicationRequest", "id": "m1", "subject": {"reference": "Patient/p1"}}
    types = ("Patient", "MedicationRequest", "MedicationStatement", "Medication")
    server.exports(server.file("Patient", "a", P1), server.file("MedicationRequest", "m", event))
    assert run(Order(server.base, types)).coverage == ()


def test_packed_files_are_kept_as_they_are_sent(server: ExportServer, run: Runs) -> None:
    server.exports(server.file("Patient", "a", P1, P2, packed=True), server.file("Condition", "b", C1))
    sent = Answer(200, gzip.compress(ndjson([C1])), {"Content-Encoding": "gzip"})
    server.on("GET", "/fhir/files/b", sent)
    export = run()
    assert [(f.path.name, f.lines) for f in export.files] == [
        ("0001.Patient.ndjson.gz", 2),
        ("0002.Condition.ndjson.gz", 1),
    ]
    assert export.files[1].path.read_bytes() == sent.body


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceType":"Patient"}\r\n{"resourceType":"Patient"}\r\n',
        b'\n{"resourceType":"Patient"}\n\n{"resourceType":"Patient"}',
        b'\xef\xbb\xbf{"resourceType":"Patient"}\n {"id":"1","resourceType":"Patient"} \n\n',
        gzip.compress(b'{"resourceType":"Patient"}\n{"resource', mtime=0)
        + gzip.compress(b'Type":"Patient"}', mtime=0)
        + b"\0\0",
    ],
)
def test_lines_are_told_apart_however_they_end(server: ExportServer, run: Runs, body: bytes) -> None:
    good(server)
    server.on("GET", "/fhir/files/a", Answer(200, body))
    export = run()
    assert (export.files[0].lines, export.findings, export.coverage) == (2, (), ())


def test_the_job_is_deleted_at_the_end(server: ExportServer, run: Runs) -> None:
    good(server)
    run()
    assert [asked.path for asked in server.asked if asked.method == "DELETE"] == [STATUS]
    assert server.asked[-1].method == "DELETE"


# ---- what is asked


@pytest.mark.parametrize(
    ("level", "group", "path"),
    [
        ("system", "", "/fhir/$export"),
        ("patient", "", "/fhir/Patient/$export"),
        ("group", "g.1", "/fhir/Group/g.1/$export"),
    ],
)
def test_each_level_has_its_operation(server: ExportServer, run: Runs, level: Any, group: str, path: str) -> None:
    good(server)
    server.on("GET", path, Answer(202, headers={"Content-Location": server.origin + STATUS}))
    run(Order(server.base, TYPES, level=level, group=group))
    asked = server.requests("GET", path)[0]
    assert asked.query == {"_type": ["Patient,Condition,Observation"]}
    assert (asked.headers["accept"], asked.headers["prefer"]) == ("application/fhir+json", "respond-async")


def test_a_moment_filters_and_leniency_are_asked_for(server: ExportServer, run: Runs) -> None:
    good(server)
    filters = ("Observation?code=http://loinc.org|2160-0&date=ge2026", "Observation?code=718-7")
    since = "2026-01-01T00:00:00+01:00"
    export = run(Order(server.base, TYPES, since=since, type_filters=filters, lenient=True))
    asked = server.requests("GET", "/fhir/Patient/$export")[0]
    assert asked.query == {"_type": [",".join(TYPES)], "_since": [since], "_typeFilter": list(filters)}
    assert asked.headers["prefer"] == "respond-async, handling=lenient"
    assert ("*", "only what changed since a moment was exported") in about(export)
    assert ("Observation", "only what fits a filter was exported") in about(export)
    assert "Condition" not in {gap.type for gap in export.coverage}


@pytest.mark.parametrize("refused", [400, 404, 405, 415, 501])
def test_post_is_tried_where_get_is_refused(server: ExportServer, run: Runs, refused: int) -> None:
    good(server)
    started = Answer(202, headers={"Content-Location": server.origin + STATUS})
    server.on("GET", "/fhir/Patient/$export", Answer(refused))
    server.on("POST", "/fhir/Patient/$export", started)
    run(Order(server.base, TYPES, since="2026-01-01T00:00:00Z", type_filters=("Condition?code=1", "Condition?code=2")))
    asked = server.requests("POST", "/fhir/Patient/$export")[0]
    assert asked.headers["content-type"] == "application/fhir+json"
    assert json.loads(asked.body)["parameter"] == [
        {"name": "_type", "valueString": "Patient"},
        {"name": "_type", "valueString": "Condition"},
        {"name": "_type", "valueString": "Observation"},
        {"name": "_since", "valueInstant": "2026-01-01T00:00:00Z"},
        {"name": "_typeFilter", "valueString": "Condition?code=1"},
        {"name": "_typeFilter", "valueString": "Condition?code=2"},
    ]


@pytest.mark.parametrize(
    ("method", "ways"), [("get", ["GET"]), ("post", ["POST"]), ("post-list", ["POST"]), ("auto", ["GET", "POST"])]
)
def test_only_the_ways_that_are_ordered_are_tried(
    server: ExportServer, run: Runs, method: Any, ways: list[str]
) -> None:
    good(server)
    server.on("GET", "/fhir/Patient/$export", json_of(outcome("error", "not-supported"), 400))
    server.on("POST", "/fhir/Patient/$export", json_of(outcome("error", "not-supported"), 400))
    failure = run.failure(Order(server.base, TYPES, method=method))
    assert failure.message == "the server does not export: it answered 400 (error not-supported)"
    asked = [asked.method for asked in server.asked if asked.path.startswith("/fhir/Patient/$export")]
    assert list(dict.fromkeys(asked)) == ways


def test_types_are_posted_in_one_parameter_where_that_is_ordered(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("POST", "/fhir/Patient/$export", Answer(202, headers={"Content-Location": server.origin + STATUS}))
    run(Order(server.base, TYPES, method="post-list"))
    asked = server.requests("POST", "/fhir/Patient/$export")[0]
    assert json.loads(asked.body)["parameter"] == [{"name": "_type", "valueString": "Patient,Condition,Observation"}]


@pytest.mark.parametrize(
    ("method", "types", "came", "gaps"),
    [
        ("post", TYPES, 1, ["Observation"]),
        ("post", TYPES, 2, []),
        ("post", TYPES[:1], 1, []),
        ("post-list", TYPES, 1, []),
        ("get", TYPES, 1, []),
    ],
)
def test_types_posted_one_by_one_are_doubtful_where_only_one_came(
    server: ExportServer, run: Runs, method: Any, types: tuple[str, ...], came: int, gaps: list[str]
) -> None:
    server.exports(*[server.file("Patient", "a", P1), server.file("Condition", "b", C1)][:came])
    server.counts("Condition", 0)
    server.on("GET", "/fhir/Observation", Answer(404) if method == "post" and came == 1 else json_of(EMPTY))
    server.on("POST", "/fhir/Patient/$export", Answer(202, headers={"Content-Location": server.origin + STATUS}))
    export = run(Order(server.base, types, method=method))
    assert [gap.type for gap in export.coverage] == gaps


@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_another_refusal_is_the_end(server: ExportServer, run: Runs, status: int) -> None:
    good(server)
    server.on("GET", "/fhir/Patient/$export", Answer(status))
    assert f"it answered {status}" in run.failure().message
    assert server.requests("POST", "/fhir/Patient/$export") == []


def test_types_that_the_server_refuses_and_does_not_say_it_has_are_left_out(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/metadata", json_of(capabilities("Patient", "Condition")))
    started = Answer(202, headers={"Content-Location": server.origin + STATUS})
    server.on("GET", "/fhir/Patient/$export", Answer(400), started)
    export = run()
    assert server.requests("GET", "/fhir/Patient/$export")[-1].query == {"_type": ["Patient,Condition"]}
    assert about(export) == [("Observation", "the server does not export this type")]


def refuses(*kinds: str) -> Answer:
    """A refusal that names types."""
    return json_of(outcome("error", "processing", diagnostics=f"The type {', '.join(kinds)} is not available"), 400)


def started_at(server: ExportServer) -> Answer:
    return Answer(202, headers={"Content-Location": server.origin + STATUS})


def asked_types(server: ExportServer) -> list[list[str] | None]:
    """The types of each question that started, or was to start, an export of patients by GET."""
    return [asked.query.get("_type") for asked in server.requests("GET", "/fhir/Patient/$export")]


def test_types_that_refusals_name_are_left_out_one_after_another(server: ExportServer, run: Runs) -> None:
    good(server)
    refusals = (refuses("Observation"), refuses("Encounter"))
    server.on("GET", "/fhir/Patient/$export", *refusals, started_at(server))
    export = run(Order(server.base, (*TYPES, "Encounter")))
    assert asked_types(server) == [
        ["Patient,Condition,Observation,Encounter"],
        ["Patient,Condition,Encounter"],
        ["Patient,Condition"],
    ]
    assert about(export) == [
        ("Observation", "the server does not export this type"),
        ("Encounter", "the server does not export this type"),
    ]
    assert server.requests("POST", "/fhir/Patient/$export") == []


def test_a_refusal_of_medications_is_told_so_that_they_can_be_read_one_by_one(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/Patient/$export", refuses("Medication"), started_at(server))
    failure = run.failure(Order(server.base, (*TYPES, "Medication")))
    assert "it answered 400 (error processing)" in failure.message
    assert failure.otherwise
    assert len(asked_types(server)) == 1


def test_a_capability_statement_that_knows_only_patients_does_not_narrow_an_export_to_them(
    server: ExportServer, run: Runs
) -> None:
    good(server)
    server.on("GET", "/fhir/metadata", json_of(capabilities("Patient", "Group")))
    server.on("GET", "/fhir/Patient/$export", Answer(400), started_at(server))
    export = run(Order(server.base, TYPES, method="get"))
    last = server.requests("GET", "/fhir/Patient/$export")[-1]
    assert last.query == {"_type": ["Patient,Condition,Observation"]}
    assert last.headers["prefer"] == "respond-async, handling=lenient"
    assert about(export) == [("Observation", "the server does not say that it has this type")]


def test_a_server_that_takes_no_types_is_asked_for_everything_and_the_rest_is_left(
    server: ExportServer, run: Runs
) -> None:
    good(server)
    files = server.file("Patient", "a", P1), server.file("Condition", "b", C1), server.file("Claim", "x")
    server.on("GET", STATUS, json_of(server.manifest(*files)))
    server.on("GET", "/fhir/Patient/$export", Answer(400), Answer(400), started_at(server))
    export = run(Order(server.base, TYPES, method="get"))
    assert asked_types(server)[-1] is None
    assert ([f.type for f in export.files], export.findings, export.coverage) == (["Patient", "Condition"], (), ())
    assert server.requests("GET", "/fhir/files/x") == []


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_that_exports_only_as_a_whole_is_asked_so(server: ExportServer, run: Runs, status: int) -> None:
    good(server)
    server.on("GET", "/fhir/Patient/$export", Answer(status))
    server.on("GET", "/fhir/$export", started_at(server))
    run(Order(server.base, TYPES, method="get"))
    assert len(asked_types(server)) == 1
    assert server.requests("GET", "/fhir/$export")[0].query == {"_type": ["Patient,Condition,Observation"]}


def test_only_the_level_that_is_ordered_is_exported(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/Patient/$export", Answer(404))
    server.on("GET", "/fhir/$export", started_at(server))
    run.failure(Order(server.base, TYPES, level="patient"))
    assert server.requests("GET", "/fhir/$export") == []


def test_a_group_that_cannot_be_exported_is_not_taken_for_everybody(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/$export", started_at(server))
    run.failure(Order(server.base, TYPES, level="group", group="g1"))
    assert server.requests("GET", "/fhir/$export") == []


def test_who_asks_without_a_token_is_told_that_one_is_asked_for(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/Patient/$export", Answer(401))
    assert "TRIALHOOK_BACKEND_CLIENT_ID" in run.failure().message
    assert "TRIALHOOK_BACKEND_CLIENT_ID" not in run.failure(access=Tokens("t1")).message


@pytest.mark.parametrize(
    "order",
    [
        {"types": ()},
        {"types": ("patient",)},
        {"types": ("Patient,Condition",)},
        {"level": "group"},
        {"group": "g1"},
        {"level": "group", "group": "../g1"},
        {"since": "2026-01-01"},
        {"since": "2026-01-01T00:00:00"},
        {"type_filters": ("Encounter?status=finished",)},
    ],
)
def test_an_order_that_makes_no_sense_is_not_sent(server: ExportServer, run: Runs, order: Json) -> None:
    run.failure(Order(**{"base": server.base, "types": TYPES} | order))
    assert server.asked == []
    assert not run.folder.exists()


def test_a_server_that_is_not_listed_is_not_asked(server: ExportServer, run: Runs) -> None:
    run.listed = ("https://ehr.example.org/fhir",)
    with pytest.raises(NotAllowed):
        run()
    assert server.asked == []


# ---- waiting


def test_a_job_under_way_is_asked_about_until_it_is_done(server: ExportServer, run: Runs) -> None:
    good(server)
    later = datetime.now(UTC)
    date = {"Date": format_datetime(later, usegmt=True)}
    dated = date | {"Retry-After": format_datetime(later + timedelta(seconds=30), usegmt=True)}
    server.on(
        "GET",
        STATUS,
        Answer(202, headers={"X-Progress": "in\tprogress 10%", "Retry-After": "120"}),
        Answer(202, headers={"X-Progress": "building", "Retry-After": "7"}),
        Answer(202, headers=dated),
        Answer(429, headers={"Retry-After": "9"}),
        json_of(outcome("error", "transient"), 500),
        Answer(503, headers={"Retry-After": "11"}),
        Answer(202),
        json_of(server.manifest(server.file("Patient", "a", P1))),
    )
    run(limits=Limits(seconds=1000.0, longest_wait=60.0, first_wait=2.0))
    assert [run.waits[n] for n in (0, 1, 3, 5)] == [60.0, 7.0, 9.0, 11.0]
    assert run.waits[2] in (29.0, 30.0, 31.0)
    assert 1.0 <= run.waits[4] <= 4.0
    assert len(run.waits) == 7
    again = "the server is asked again in 60 seconds"
    assert run.told[:3] == ["in progress 10%", again, "building"]


def test_a_job_that_is_slower_than_the_deadline_is_given_up_and_deleted(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", STATUS, Answer(202, headers={"Retry-After": "50"}))
    failure = run.failure(limits=Limits(seconds=49.0))
    assert (failure.message, failure.temporary) == ("the export was not done within 49 seconds", True)
    assert (run.waits, len(server.requests("DELETE", JOB))) == ([], 1)


@pytest.mark.parametrize(
    ("answer", "otherwise"),
    [
        (json_of(outcome("error", "not-supported", diagnostics="Medication is not exported"), 500), True),
        (json_of(outcome("error", "processing"), 400), True),
        (json_of(outcome("fatal", "exception"), 500), False),
    ],
    ids=["names Medication", "a wrong request", "a fault of its own"],
)
def test_a_failed_job_tells_whether_another_order_may_help(
    server: ExportServer, run: Runs, answer: Answer, otherwise: bool
) -> None:
    good(server)
    server.on("GET", STATUS, answer)
    failure = run.failure(limits=Limits(seconds=1000.0, patience=0))
    assert (failure.otherwise, failure.temporary) == (otherwise, False)
    assert "the export failed" in failure.message


@pytest.mark.parametrize("retries", [0, 3])
def test_temporary_errors_in_a_row_are_passed_over_so_often(server: ExportServer, run: Runs, retries: int) -> None:
    good(server)
    server.on("GET", STATUS, Answer(503))
    failure = run.failure(limits=Limits(seconds=1000.0, patience=retries))
    assert (failure.message, failure.temporary) == ("the export failed: the server answered 503", True)
    assert len(server.requests("GET", JOB)) == retries + 1


def test_after_an_error_the_wait_grows_whatever_the_server_asks(server: ExportServer, run: Runs) -> None:
    good(server)
    busy = [Answer(503, headers={"Retry-After": "1"})] * 5
    server.on("GET", STATUS, *busy, json_of(server.manifest(server.file("Patient", "a", P1))))
    run(limits=Limits(seconds=1000.0, first_wait=2.0))
    assert run.waits[4] >= 16.0


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (json_of(outcome("fatal", "exception", diagnostics="Anna Example"), 500), "answered 500 (fatal exception)"),
        (Answer(400), "answered 400"),
        (Answer(404), "does not know the export job"),
        (Answer(410), "does not know the export job"),
        (Answer(200, b"done"), "manifest of the export cannot be read"),
        (json_of(outcome("information", "informational")), "something else than a manifest"),
    ],
)
def test_a_job_that_fails_is_deleted_and_told(server: ExportServer, run: Runs, answer: Answer, told: str) -> None:
    good(server)
    server.on("GET", STATUS, answer)
    failure = run.failure()
    assert told in failure.message
    assert "Anna" not in failure.message
    assert len(server.requests("DELETE", JOB)) == 1


def test_a_start_that_is_too_early_is_made_again(server: ExportServer, run: Runs) -> None:
    good(server)
    started = Answer(202, headers={"Content-Location": server.origin + STATUS})
    server.on("GET", "/fhir/Patient/$export", Answer(429, headers={"Retry-After": "5"}), Answer(503), started)
    assert run().coverage == ()
    assert run.waits[0] == 5.0


@pytest.mark.parametrize("link", ["", "https://evil.example.com/job", "ftp://x/y"])
def test_a_job_is_asked_about_only_where_it_may_be(server: ExportServer, run: Runs, link: str) -> None:
    good(server)
    server.on("GET", "/fhir/Patient/$export", Answer(202, headers={"Content-Location": link}))
    run.failure()


def test_a_job_that_cannot_be_deleted_is_a_finding(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("DELETE", STATUS, Answer(403))
    export = run()
    assert found(export) == [("", 0, "the job could not be deleted: the server answered 403")]
    assert export.coverage == ()


# ---- the token


def test_files_that_ask_for_no_token_get_none(server: ExportServer, run: Runs) -> None:
    good(server, requiresAccessToken=False)
    run(access=Tokens("t1"))
    assert {a.token for a in server.asked if "/files/" in a.path} == {""}
    assert {a.token for a in server.asked if "xport" in a.path} == {"t1"}


@pytest.mark.parametrize("manifest", [{"requiresAccessToken": True}, {"requiresAccessToken": None}])
def test_files_that_ask_for_the_token_get_it(server: ExportServer, run: Runs, manifest: Json) -> None:
    good(server, **manifest)
    server.valid = {"t1"}
    assert run(access=Tokens("t1")).coverage == ()
    assert {a.token for a in server.asked} == {"t1"}


def test_a_token_that_expires_on_the_way_is_renewed(server: ExportServer, run: Runs) -> None:
    good(server, requiresAccessToken=True)
    server.valid = {"t2"}
    tokens = Tokens("t1", "t2", "t3")
    assert run(access=tokens).coverage == ()
    server.valid = {"t3"}
    run.folder = run.folder.with_name("second")
    assert run(access=tokens).coverage == ()
    assert tokens.tokens == ["t3"]


def test_a_token_that_expires_between_files_is_renewed(server: ExportServer, run: Runs) -> None:
    good(server, requiresAccessToken=True)
    server.on("GET", "/fhir/files/b", Answer(401), Answer(200, ndjson([C1])))
    export = run(access=Tokens("t1", "t2"))
    assert export.coverage == ()
    assert [a.token for a in server.requests("GET", "/fhir/files/b")] == ["t1", "t2"]


def test_a_file_that_is_refused_with_a_fresh_token_too_is_a_gap(server: ExportServer, run: Runs) -> None:
    good(server, requiresAccessToken=True)
    server.on("GET", "/fhir/files/b", Answer(401))
    export = run(access=Tokens("t1", "t2", "t3"))
    assert about(export) == [("Condition", "a file could not be had: the server answered 401")]
    assert len(server.requests("GET", "/fhir/files/b")) == 2


@pytest.fixture
def elsewhere() -> Iterator[ExportServer]:
    made = ExportServer()
    yield made
    made.close()


@pytest.mark.parametrize(("required", "reached"), [(True, 0), (False, 1)])
def test_the_token_goes_to_no_other_host(
    server: ExportServer, run: Runs, elsewhere: ExportServer, required: bool, reached: int
) -> None:
    files = [server.file("Patient", "a", P1), elsewhere.file("Condition", "b", C1)]
    server.exports(*files, requiresAccessToken=required)
    run.listed = (server.base, elsewhere.base)
    export = run(access=Tokens("t1"))
    assert [a.token for a in elsewhere.asked] == [""] * reached
    assert [gap.type for gap in export.coverage] == ([] if reached else ["Condition"])


def test_the_token_does_not_follow_a_redirect_to_another_host(
    server: ExportServer, run: Runs, elsewhere: ExportServer
) -> None:
    good(server, requiresAccessToken=True)
    elsewhere.file("Condition", "b", C1)
    server.on("GET", "/fhir/files/b", Answer(302, headers={"Location": f"{elsewhere.base}/files/b"}))
    run.listed = (server.base, elsewhere.base)
    assert run(access=Tokens("t1")).coverage == ()
    assert [a.token for a in elsewhere.asked] == [""]


def test_a_file_at_an_address_that_is_not_listed_is_a_gap(
    server: ExportServer, run: Runs, elsewhere: ExportServer
) -> None:
    server.exports(server.file("Patient", "a", P1), elsewhere.file("Condition", "b", C1))
    export = run()
    assert about(export) == [
        ("Condition", "a file could not be had: the file is at an address that the service may not call")
    ]
    assert elsewhere.asked == []


def test_without_a_token_nothing_is_started(server: ExportServer, run: Runs) -> None:
    class None_(Tokens):
        def token(self, deadline: float) -> str:
            raise NotAuthorized("no access token: invalid_client")

    good(server)
    with pytest.raises(NotAuthorized, match="invalid_client"):
        run(access=None_("t1"))
    assert server.asked == []


def test_the_token_of_a_groups_export_stands_for_the_group_too() -> None:
    assert Order("", TYPES, level="group", group="g").reads == (*TYPES, "Group")
    assert Order("", TYPES).reads == TYPES


# ---- silence that is not proven


def test_types_that_the_token_does_not_stand_for_are_gaps(server: ExportServer, run: Runs) -> None:
    good(server)
    export = run(access=Tokens("t1", not_granted=("Group", "Observation")))
    assert about(export) == [("Observation", "the access token does not stand for reading it in full")]


def test_a_type_that_a_server_has_neither_scopes_nor_resources_of_is_judged_as_without_a_token(
    server: ExportServer, run: Runs
) -> None:
    order = {"resourceType": "MedicationRequest", "id": "m1", "subject": {"reference": "Patient/p1"}}
    server.exports(server.file("Patient", "a", P1), server.file("MedicationRequest", "m", order))
    server.on("GET", "/fhir/metadata", json_of(capabilities("Patient", "MedicationRequest", "MedicationDispense")))
    types = ("Patient", "MedicationRequest", "MedicationStatement", "MedicationDispense", "AllergyIntolerance")
    export = run(Order(server.base, types), access=Tokens("t1", not_granted=types[2:]))
    assert about(export) == [
        ("MedicationDispense", "the access token does not stand for reading it in full"),
        ("AllergyIntolerance", "the server does not say that it has this type"),
    ]


@pytest.mark.parametrize(
    ("types", "said", "gaps"),
    [
        (TYPES, ("Patient", "Condition", "Observation"), []),
        (TYPES, ("Patient", "Condition"), ["Observation"]),
        (("Patient", "Condition", "AllergyIntolerance"), ("AllergyIntolerance",), []),
        (("Patient", "Condition", "MedicationRequest", "MedicationStatement"), ("MedicationRequest",), []),
        (
            ("Patient", "Condition", "MedicationRequest", "MedicationStatement"),
            ("Patient",),
            ["MedicationRequest", "MedicationStatement"],
        ),
        (("Patient", "Condition", "Encounter", "Observation"), None, ["Encounter", "Observation"]),
    ],
)
def test_a_type_that_the_server_does_not_say_it_has_is_a_gap(
    server: ExportServer, run: Runs, types: tuple[str, ...], said: tuple[str, ...] | None, gaps: list[str]
) -> None:
    good(server)
    for kind in said or ():
        server.counts(kind, 0)
    server.on("GET", "/fhir/metadata", Answer(404) if said is None else json_of(capabilities(*said)))
    assert [gap.type for gap in run(Order(server.base, types)).coverage] == gaps


def test_an_export_without_patients_is_a_gap(server: ExportServer, run: Runs) -> None:
    server.exports(server.file("Condition", "b", C1))
    assert about(run()) == [("Patient", "no Patient came")]


def test_an_export_of_nothing_is_told_and_its_job_deleted(server: ExportServer, run: Runs) -> None:
    server.exports()
    failure = run.failure()
    assert (failure.message, failure.temporary) == (
        "the export holds no resources of the types that were asked for",
        False,
    )
    assert len(server.requests("DELETE", JOB)) == 1


def test_an_export_of_deletions_alone_is_one(server: ExportServer, run: Runs) -> None:
    gone = {"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Condition/c9"}}]}
    server.exports(deleted=[server.file("Bundle", "d", gone)])
    order = Order(server.base, TYPES, since="2026-01-01T00:00:00Z")
    assert list(deletions(run(order))) == ["Condition/c9"]


def test_nothing_that_changed_is_told(server: ExportServer, run: Runs) -> None:
    server.exports()
    failure = run.failure(Order(server.base, TYPES, since="2026-01-01T00:00:00Z"))
    assert failure.message.endswith("asked for that changed since 2026-01-01T00:00:00Z")


def test_an_export_of_which_no_file_can_be_had_is_told_and_can_be_made_again(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/files/a", Answer(410))
    server.on("GET", "/fhir/files/b", Answer(404))
    failure = run.failure()
    assert failure.temporary
    assert failure.message.startswith("none of the 2 files of the export came: ")
    good(server)
    assert run(resume=True).coverage == ()


@pytest.mark.parametrize(
    ("issue", "gaps"),
    [
        (outcome("fatal", "exception", diagnostics="Condition"), ["*"]),
        (outcome("error", "processing"), ["*"]),
        (outcome("error", "processing", diagnostics="Patient/p1 failed"), ["*"]),
        (outcome("error", "processing", diagnostics="Observation/o1 of Patient/p1 failed"), ["Observation"]),
        (outcome("error", "processing", details={"text": "no Observation"}), ["Observation"]),
        (outcome("error", "processing", expression=["Observation.code"]), ["Observation"]),
        (outcome("error", "processing", diagnostics="Observations failed"), ["*"]),
        (outcome("warning", "processing", diagnostics="Observation/o1 left out"), ["Observation"]),
        (outcome("warning", "not-supported", diagnostics="_elements ignored"), []),
        (outcome("information", "informational", diagnostics="Observation exported"), []),
        (outcome("unheard-of", "processing"), ["*"]),
        ({"resourceType": "OperationOutcome"}, ["*"]),
        (b"no JSON", ["*", "*"]),
    ],
)
@pytest.mark.parametrize("name", ["error", "outcome"])
def test_what_an_error_file_reports_is_a_gap_of_the_types_it_concerns(
    server: ExportServer, run: Runs, issue: Any, gaps: list[str], name: str
) -> None:
    good(server)
    listed = server.file("OperationOutcome", "e", issue, count=100)
    server.on("GET", STATUS, json_of(server.manifest(server.file("Patient", "a", P1), server.file("Condition", "b", C1),
                                                     **{name: [listed]})))  # fmt: skip
    export = run()
    assert [gap.type for gap in export.coverage] in (gaps, list(dict.fromkeys(gaps)))
    assert not any("p1" in text for _, text in about(export))
    assert len(export.findings) >= 1
    assert not list(export.folder.glob("*.error*"))


def test_issues_of_a_kind_are_counted_without_their_words(server: ExportServer, run: Runs) -> None:
    issues = [outcome("error", "processing", diagnostics=f"Condition/c{n} of Anna Example") for n in range(3)]
    good(server, error=[server.file("OperationOutcome", "e", *issues)])
    assert found(run()) == [("0001.error", 0, "error processing about Condition, 3 times")]


def test_an_error_file_that_cannot_be_had_makes_every_type_doubtful(server: ExportServer, run: Runs) -> None:
    good(server, error=[{"type": "OperationOutcome", "url": f"{server.base}/files/none"}])
    assert [gap.type for gap in run().coverage] == ["*"]


@pytest.mark.parametrize("entry", [{"type": "Condition"}, {"type": "../x", "url": "u"}, {"url": "u"}])
def test_an_entry_that_names_no_file_makes_every_type_doubtful(server: ExportServer, run: Runs, entry: Json) -> None:
    server.exports(server.file("Patient", "a", P1), entry)
    assert about(run()) == [("*", "an entry of the manifest names no file")]


@pytest.mark.parametrize(("count", "gaps"), [(0, []), (1, []), (2, ["Condition"])])
def test_fewer_resources_than_counted_are_a_gap_and_any_other_number_a_finding(
    server: ExportServer, run: Runs, count: int, gaps: list[str]
) -> None:
    server.exports(server.file("Patient", "a", P1), server.file("Condition", "b", C1, count=count))
    export = run()
    assert [gap.type for gap in export.coverage] == gaps
    assert (found(export) == []) == (count == 1)


def test_a_resource_of_another_type_is_a_finding(server: ExportServer, run: Runs) -> None:
    server.exports(server.file("Patient", "a", P1), server.file("Condition", "b", C1, O1, b'{"a": 1}'))
    export = run()
    assert found(export) == [
        ("0002.Condition.ndjson", 2, "the line is Observation, not Condition"),
        ("0002.Condition.ndjson", 3, "the line is of no type, not Condition"),
    ]
    assert export.coverage == ()


def test_an_error_among_the_resources_is_a_gap(server: ExportServer, run: Runs) -> None:
    server.exports(server.file("Patient", "a", P1), server.file("Condition", "b", outcome("error", "processing")))
    assert about(run()) == [("Condition", "0002.Condition.ndjson: an error stands among the resources")]


def test_a_line_that_cannot_be_read_is_a_gap_and_the_others_are_kept(server: ExportServer, run: Runs) -> None:
    server.exports(server.file("Patient", "a", P1), server.file("Condition", "b", b'{"broken', C1))
    export = run()
    assert about(export) == [("Condition", "0002.Condition.ndjson: a line cannot be read")]
    assert found(export) == [("0002.Condition.ndjson", 1, "the line is no JSON object, or not a whole one")]
    assert len(server.requests("GET", "/fhir/files/b")) == 1


def test_findings_of_one_file_are_bounded(server: ExportServer, run: Runs) -> None:
    server.exports(server.file("Patient", "a", P1), server.file("Condition", "b", *[O1] * 50))
    assert found(run())[20:] == [("0002.Condition.ndjson", 0, "30 further lines are not as they should be")]


def test_files_that_were_not_asked_for_are_left(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", STATUS, json_of(server.manifest(server.file("Patient", "a", P1), server.file("Claim", "x"))))
    export = run()
    assert [f.type for f in export.files] == ["Patient"]
    assert found(export) == [("", 0, "a file of Claim was not asked for")]
    assert server.requests("GET", "/fhir/files/x") == []


# ---- transfers that break


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("unsized", [False, True])
def test_a_file_that_breaks_off_is_fetched_anew(server: ExportServer, run: Runs, packed: bool, unsized: bool) -> None:
    good(server)
    body = ndjson([P1, P2], packed)
    server.on("GET", "/fhir/files/a", Answer(200, body, cut=40, unsized=unsized), Answer(200, body))
    export = run()
    assert (export.files[0].lines, export.coverage, export.findings) == (2, (), ())
    assert export.files[0].path.read_bytes() == body


def test_a_file_that_breaks_off_every_time_is_a_gap_and_not_kept(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/files/b", Answer(200, ndjson([C1, C1]), cut=30))
    export = run()
    assert about(export) == [("Condition", "a file could not be had: the connection to the server broke off")]
    assert sorted(path.name for path in export.folder.iterdir()) == ["0001.Patient.ndjson", NAME]
    assert len(server.requests("GET", "/fhir/files/b")) == 1 + Limits().retries


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_file_is_asked_for_again_after_a_servers_error(server: ExportServer, run: Runs, status: int) -> None:
    good(server)
    fault = json_of(outcome("error", "exception"), status)
    server.on("GET", "/fhir/files/b", *[fault] * Limits().retries, Answer(200, ndjson([C1])))
    export = run()
    assert (len(export.files), export.coverage) == (2, ())


def test_a_page_of_a_gateway_is_not_kept_as_data(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/files/b", Answer(200, b"<html>\n<body>\nPlease sign in\n</body>\n</html>\n"))
    export = run()
    told = "a file could not be had: what came is no file of resources"
    assert ([f.type for f in export.files], about(export)) == (["Patient"], [("Condition", told)])
    assert found(export) == [("0002.Condition.ndjson", 0, told)]


def test_a_file_that_is_forbidden_without_a_token_is_told_as_that(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/files/b", Answer(403))
    assert about(run()) == [("Condition", "a file could not be had: the server answered 403")]


def test_what_stands_before_a_broken_last_line_is_kept(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/files/b", Answer(200, ndjson([C1]) + b'{"resourceType": "Cond'))
    export = run()
    assert export.files[1].lines == 1
    assert ("Condition", "0002.Condition.ndjson: the file ended before it was whole") in about(export)
    assert found(export) == [("0002.Condition.ndjson", 2, "the line is no JSON object, or not a whole one")]


def test_gzip_that_is_broken_is_a_gap(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", "/fhir/files/b", Answer(200, b"\x1f\x8b" + b"\x07" * 50))
    assert about(run()) == [("Condition", "a file could not be had: a file cannot be unpacked")]


@pytest.mark.parametrize("status", [404, 410, 403])
def test_a_file_that_vanished_is_looked_for_in_a_new_manifest(server: ExportServer, run: Runs, status: int) -> None:
    first, second = server.file("Condition", "b", C1), server.file("Condition", "c", C1)
    server.exports(server.file("Patient", "a", P1), first)
    manifests = [json_of(server.manifest(server.file("Patient", "a", P1), entry)) for entry in (first, second)]
    server.on("GET", STATUS, *manifests)
    server.on("GET", "/fhir/files/b", Answer(status))
    export = run()
    assert (len(export.files), export.coverage) == (2, ())
    assert len(server.requests("GET", JOB)) == 2


def test_the_manifest_is_fetched_anew_only_once(server: ExportServer, run: Runs) -> None:
    good(server)
    more = server.file("Condition", "b", C1, count=1), server.file("Condition", "c", C1)
    server.on("GET", STATUS, json_of(server.manifest(server.file("Patient", "a", P1), *more)))
    server.on("GET", "/fhir/files/a", Answer(404))
    server.on("GET", "/fhir/files/b", Answer(404))
    export = run()
    assert {reason for _, reason in about(export)} == {
        "a file could not be had: the server does not have the file any more",
        "no Patient came",
    }
    assert len(server.requests("GET", JOB)) == 2


def test_files_that_are_gone_with_their_job_are_fetched_from_another_job(server: ExportServer, run: Runs) -> None:
    good(server)
    files = server.file("Patient", "a", P1, P2), server.file("Condition", "b", C1)
    fresh = server.file("Patient", "a", P1, P2), server.file("Condition", "c", C1)
    server.on(
        "GET", STATUS, json_of(server.manifest(*files)), Answer(404), json_of(server.manifest(*fresh)), Answer(404)
    )
    server.on("GET", "/fhir/files/b", Answer(404))
    export = run()
    assert ([(f.type, f.lines) for f in export.files], export.coverage) == ([("Patient", 2), ("Condition", 1)], ())
    assert len(server.requests("GET", "/fhir/Patient/$export")) == 2


def test_files_that_are_gone_with_every_job_are_gaps(server: ExportServer, run: Runs) -> None:
    good(server)
    manifest = json_of(server.manifest(server.file("Patient", "a", P1), server.file("Condition", "b", C1)))
    server.on("GET", STATUS, manifest, Answer(404), manifest, Answer(404))
    server.on("GET", "/fhir/files/b", Answer(404))
    told = "a file could not be had: the server does not have the file any more"
    assert about(run()) == [("Condition", told)]
    assert len(server.requests("GET", "/fhir/Patient/$export")) == 2


def test_a_new_manifest_with_other_files_is_not_mixed_with_the_old(server: ExportServer, run: Runs) -> None:
    files = server.file("Patient", "a", P1), server.file("Condition", "b", C1, count=1)
    other = server.file("Observation", "o", O1)
    server.exports(*files)
    server.on("GET", STATUS, json_of(server.manifest(*files)), json_of(server.manifest(*files, other)))
    server.on("GET", "/fhir/files/b", Answer(404))
    export = run()
    assert [f.type for f in export.files] == ["Patient"]
    assert "Condition" in {gap.type for gap in export.coverage}


@pytest.mark.parametrize(("room", "gaps"), [(0, []), (-1, ["Condition"])])
def test_no_more_bytes_are_kept_than_allowed(server: ExportServer, run: Runs, room: int, gaps: list[str]) -> None:
    server.exports(server.file("Patient", "a", P1), server.file("Condition", "b", C1, packed=True))
    size = len(ndjson([P1])) + len(ndjson([C1])) + room
    export = run(limits=Limits(seconds=1000.0, max_bytes=size))
    assert [gap.type for gap in export.coverage] == gaps


# ---- manifests in pages, deletions


def test_a_manifest_in_pages_is_read_to_its_end(server: ExportServer, run: Runs) -> None:
    server.exports(
        server.file("Patient", "a", P1), link=[{"relation": "next", "url": f"{server.base}/$export-poll-status?page=2"}]
    )
    second = server.manifest(server.file("Condition", "b", C1), error=[server.file("OperationOutcome", "e")])
    server.on("GET", f"{JOB}?page=2", Answer(202), json_of(second))
    export = run()
    assert [(f.type, f.path.name) for f in export.files] == [
        ("Patient", "0001.Patient.ndjson"),
        ("Condition", "0002.Condition.ndjson"),
    ]


def test_pages_in_a_circle_are_an_error(server: ExportServer, run: Runs) -> None:
    good(server, link=[{"relation": "next", "url": server.origin + STATUS}])
    assert "circle" in run.failure().message


def test_deletions_are_told_apart_from_data(server: ExportServer, run: Runs) -> None:
    gone = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"request": {"method": "DELETE", "url": "Condition/c9"}},
            {"request": {"method": "PUT", "url": "Condition/c8"}},
            {"request": {"method": "DELETE", "url": "Patient/p9"}},
        ],
    }
    good(server, deleted=[server.file("Bundle", "d", gone, packed=True)])
    export = run(Order(server.base, TYPES, since="2026-01-01T00:00:00Z"))
    assert list(deletions(export)) == ["Condition/c9", "Patient/p9"]
    assert [source.name for source in find_inputs(export.folder)] == ["0001.Patient.ndjson", "0002.Condition.ndjson"]


# ---- runs that were ended


class Ended(BaseException):
    """The process ends."""


def end_at(run: Runs, text: str) -> Callable[[str], None]:
    def progress(told: str) -> None:
        if text in told:
            raise Ended

    return progress


def test_a_run_that_was_ended_while_waiting_goes_on_with_its_job(server: ExportServer, run: Runs) -> None:
    good(server)
    done = json_of(server.manifest(server.file("Patient", "a", P1), server.file("Condition", "b", C1)))
    server.on("GET", STATUS, Answer(202, headers={"X-Progress": "half"}), done)
    with pytest.raises(Ended):
        run(progress=end_at(run, "half"))
    assert server.requests("DELETE", JOB) == []
    assert [f.lines for f in run(resume=True).files] == [1, 1]
    assert len(server.requests("GET", "/fhir/Patient/$export")) == 1


def test_a_run_that_was_ended_between_files_fetches_the_others(server: ExportServer, run: Runs) -> None:
    good(server)
    with pytest.raises(Ended):
        run(progress=end_at(run, "0002.Condition"))
    assert (run.folder / "0001.Patient.ndjson").exists()
    export = run(resume=True)
    assert ([f.lines for f in export.files], export.coverage) == ([2, 1], ())
    assert len(server.requests("GET", "/fhir/files/a")) == 1
    assert len(server.requests("DELETE", JOB)) == 1


def test_a_file_whose_note_was_cut_is_fetched_again_and_the_others_are_not(server: ExportServer, run: Runs) -> None:
    server.exports(*(server.file("Patient", f"f{n}", P1 | {"id": f"p{n}"}) for n in range(4)))
    with pytest.raises(Ended):
        run(progress=end_at(run, "0004.Patient"))
    journal = run.folder / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-30])
    with pytest.raises(Ended):  # once more, behind the line that was cut
        run(progress=end_at(run, "0004.Patient"), resume=True)
    assert [f.lines for f in run(resume=True).files] == [1, 1, 1, 1]
    assert [len(server.requests("GET", f"/fhir/files/f{n}")) for n in range(4)] == [1, 1, 2, 3]
    assert not journal.exists()


def test_the_state_is_not_written_anew_for_each_of_many_files(
    server: ExportServer, run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.exports(*(server.file("Patient", f"f{n}", P1 | {"id": f"p{n}"}) for n in range(40)))
    saved: list[int] = []
    save = export_state.save
    monkeypatch.setattr(
        export_state, "save", lambda state, folder: (saved.append(len(state.parts)), save(state, folder))
    )
    assert len(run().files) == 40
    assert len(saved) < 6
    assert saved[-1] == 40


def test_a_run_that_is_whole_is_not_asked_for_again(server: ExportServer, run: Runs) -> None:
    good(server, error=[server.file("OperationOutcome", "e", outcome("error", "processing"))])
    first = run()
    count = len(server.asked)
    assert run(resume=True) == first
    assert len(server.asked) == count


def test_a_file_of_a_whole_run_that_was_lost_is_fetched_again_from_a_new_job(server: ExportServer, run: Runs) -> None:
    good(server)
    run().files[1].path.unlink()
    assert [f.lines for f in run(resume=True).files] == [2, 1]
    assert len(server.requests("GET", "/fhir/Patient/$export")) == 2


def test_a_job_that_is_gone_when_it_is_resumed_is_started_anew(server: ExportServer, run: Runs) -> None:
    good(server)
    done = json_of(server.manifest(server.file("Patient", "a", P1)))
    server.on("GET", STATUS, Answer(202, headers={"X-Progress": "half"}), Answer(404), done)
    with pytest.raises(Ended):
        run(progress=end_at(run, "half"))
    assert [f.type for f in run(resume=True).files] == ["Patient"]
    assert len(server.requests("GET", "/fhir/Patient/$export")) == 2


def test_a_failed_run_begins_anew_when_it_is_resumed(server: ExportServer, run: Runs) -> None:
    good(server)
    server.on("GET", STATUS, Answer(400), json_of(server.manifest(server.file("Patient", "a", P1))))
    run.failure()
    assert [f.type for f in run(resume=True).files] == ["Patient"]


def test_a_folder_that_holds_something_is_not_written_to(server: ExportServer, run: Runs) -> None:
    good(server)
    run()
    assert "is not empty" in run.failure().message
    other = Order(server.base, ("Patient",))
    assert "another export" in run.failure(other, resume=True).message
    (run.folder / NAME).write_text("{}")
    assert "no export that could be resumed" in run.failure(resume=True).message


def test_the_state_holds_no_token(server: ExportServer, run: Runs) -> None:
    good(server, requiresAccessToken=True)
    run(access=Tokens("very-secret-token"))
    assert b"very-secret-token" not in (run.folder / NAME).read_bytes()


def test_a_folder_that_is_a_file_is_told(server: ExportServer, run: Runs) -> None:
    run.folder.write_text("x")
    assert "cannot be used" in run.failure().message


def test_gaps_fit_what_a_screening_takes(server: ExportServer, run: Runs) -> None:
    server.exports(server.file("Condition", "b", C1))
    assert run().coverage == (Gap("Patient", "no Patient came"),)
