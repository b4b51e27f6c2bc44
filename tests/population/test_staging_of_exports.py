"""A Bulk Data export as a source: the same results as from its files, whatever of it has to be had otherwise."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from service.population import staging
from tests.builders import RxNorm, as_json, medication
from tests.population.conftest import Ran, Screen
from tests.population.export_server import Answer, ExportServer, Json, capabilities, json_of, outcome
from tests.population.sources import population, resources

MEDICATIONS = [r for r in resources(population().values()) if r["resourceType"] == "Medication"]
OTHERS: dict[str, list[Json]] = {}
for _resource in resources(population().values()):
    if _resource["resourceType"] not in ("Medication", "Specimen"):
        OTHERS.setdefault(_resource["resourceType"], []).append(_resource)
SILENT = ("AllergyIntolerance", "Procedure")


@pytest.fixture
def server() -> Iterator[ExportServer]:
    """Exports a population's resources, but no Medications."""
    made = ExportServer()
    made.exports(*(made.file(kind, kind, *found) for kind, found in OTHERS.items()))
    made.on("GET", "/fhir/metadata", json_of(capabilities(*OTHERS, "Medication", *SILENT)))
    for kind in SILENT:
        made.counts(kind, 0)
    yield made
    made.close()


@pytest.fixture
def expected(screen: Screen, tmp_path: Path) -> Ran:
    """The same resources as files."""
    source = tmp_path / "source"
    source.mkdir()
    for kind, found in (*OTHERS.items(), ("Medication", MEDICATIONS)):
        (source / f"{kind}.ndjson").write_bytes(b"".join(as_json(each) + b"\n" for each in found))
    return screen(source, out="expected")


def exports_all(server: ExportServer, *medications: Json) -> None:
    """The export of the whole system holds these Medications."""
    link = {"Content-Location": f"{server.base}/job/2"}
    server.on("GET", "/fhir/$export", Answer(202, headers=link))
    server.on("GET", "/fhir/job/2", json_of(server.manifest(server.file("Medication", "all", *medications))))
    server.on("DELETE", "/fhir/job/2", Answer(202))


def test_medications_that_an_export_leaves_out_are_read(server: ExportServer, screen: Screen, expected: Ran) -> None:
    server.on("GET", "/fhir/Medication/shared", json_of(MEDICATIONS[0]))
    ran = screen(server.base, "--bulk")
    assert (ran.code, ran.errors, ran.results) == (0, [], expected.results)


def test_medications_that_cannot_be_read_are_exported_from_the_whole_system(
    server: ExportServer, screen: Screen, expected: Ran
) -> None:
    exports_all(server, medication(RxNorm.VERAPAMIL, id="other"), *MEDICATIONS)
    ran = screen(server.base, "--bulk")
    assert (ran.code, ran.errors, ran.results) == (0, [], expected.results)
    assert server.requests("GET", "/fhir/$export")[0].query == {"_type": ["Medication"]}
    assert len(server.requests("DELETE", "/fhir/job/2")) == 1


def test_medications_that_cannot_be_had_are_told(server: ExportServer, screen: Screen, expected: Ran) -> None:
    server.on("GET", "/fhir/$export", json_of(outcome("error", "forbidden"), 403))
    ran = screen(server.base, "--bulk")
    assert ran.code == 1
    assert [row["reason"] for row in ran.errors] == [
        "the server does not export its Medications: the server does not export: it answered 403 (error forbidden)",
        "Medication/shared cannot be read: the server answered 404",
    ]
    assert ran.results != expected.results


def test_the_whole_system_is_not_exported_where_medications_cannot_be_named(
    server: ExportServer, screen: Screen
) -> None:
    server.on("GET", "/fhir/$export", json_of(outcome("error", "invalid"), 400))
    screen(server.base, "--bulk")
    assert [asked.query for asked in server.requests("GET", "/fhir/$export")] == [{"_type": ["Medication"]}]


def test_the_level_is_part_of_the_question(server: ExportServer, screen: Screen) -> None:
    link = {"Content-Location": f"{server.base}/job/3"}
    server.on("GET", "/fhir/$export", Answer(202, headers=link))
    files = [server.file(kind, kind, *found) for kind, found in OTHERS.items()]
    server.on("GET", "/fhir/job/3", json_of(server.manifest(*files, server.file("Medication", "m", *MEDICATIONS))))
    server.on("DELETE", "/fhir/job/3", Answer(202))
    assert screen(server.base, "--bulk", "--level", "system").code == 0
    assert server.requests("GET", "/fhir/Patient/$export") == []
    ran = screen(server.base, "--bulk", "--level", "patient", "--resume")
    assert (ran.code, "level was system" in ran.err) == (2, True)


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def test_files_of_an_export_that_was_killed_while_they_were_taken_are_not_mixed_with_those_of_another(
    server: ExportServer, screen: Screen, expected: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("GET", "/fhir/Medication/shared", json_of(MEDICATIONS[0]))
    move, left = staging.shutil.move, [2]

    def killed(path: Path, target: Path) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        move(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(staging.shutil, "move", killed)
        with pytest.raises(Killed):
            screen(server.base, "--bulk")
    anew = [(kind, found[n : n + 2]) for kind, found in OTHERS.items() for n in range(0, len(found), 2)]
    server.exports(*(server.file(kind, f"{n}-anew", *found) for n, (kind, found) in enumerate(anew)))
    server.on("GET", "/fhir/metadata", json_of(capabilities(*OTHERS, "Medication", *SILENT)))
    ran = screen(server.base, "--bulk", "--resume")
    assert (ran.code, ran.results) == (0, expected.results)
    assert ran.summary["resources"] == expected.summary["resources"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--level", "system"), "--level goes with --bulk"),
        (("--longest-wait", "5"), "--longest-wait goes with --bulk"),
        (("--level", "patient", "--bulk", "--group", "g"), "not with --group"),
    ],
)
def test_what_is_of_an_export_is_refused_for_a_search_and_a_level_for_a_group(
    screen: Screen, options: tuple[str, ...], told: str
) -> None:
    with pytest.raises(click.UsageError, match=told):
        screen("https://fhir.example.org/r4", *options)
