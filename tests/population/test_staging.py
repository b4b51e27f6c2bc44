"""A FHIR server as a source by search: the same answers as from files, resumed after a kill, failures told."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from service.cli import main
from service.commands import screen as screen_command
from service.demo import AS_OF, patient_files
from service.demo.fhir_endpoint import fhir_endpoint
from service.demo.store import demo_store
from service.population import staging
from service.screening import Screening
from tests.builders import PATINA, SINAI
from tests.population.conftest import Screen

BROKEN: set[str] = set()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The sample patients on a server of this process; types in BROKEN fail."""
    app = Flask("records")
    base: list[str] = []

    @app.before_request
    def fail() -> tuple[str, int] | None:
        from flask import request

        kind = request.path.split("/")[2] if request.path.count("/") > 1 else ""
        return ("{}", 403) if kind in BROKEN or request.path in BROKEN else None

    app.register_blueprint(fhir_endpoint(demo_store(), lambda: base[0]), url_prefix="/fhir")
    running = make_server("127.0.0.1", 0, app, threaded=True)
    base.append(f"http://127.0.0.1:{running.port}/fhir")
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield base[0]
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(autouse=True)
def _whole() -> Iterator[None]:
    yield
    BROKEN.clear()


@pytest.fixture
def expected(screening: Screening) -> dict[str, dict[str, str]]:
    """The grades that `evaluate` gives."""
    from datetime import date

    found = {}
    for path in patient_files():
        result = screening.screen(screening.read(path.read_bytes(), path.name), date.fromisoformat(AS_OF))
        found[result.patient] = {trial.trial: trial.grade for trial in result.results}
    return found


def grades(results: list[dict]) -> dict[str, dict[str, str]]:  # type: ignore[type-arg]
    return {r["patient"]: {t["trial"]: t["grade"] for t in r["results"]} for r in results if "results" in r}


def test_all_patients_by_search(screen: Screen, server: str, expected: dict[str, dict[str, str]]) -> None:
    ran = screen(server, as_of=AS_OF)
    assert (ran.code, grades(ran.results)) == (0, expected)


def test_patients_of_a_query(screen: Screen, server: str) -> None:
    ran = screen(server, "--query", "Patient?_id=anna", as_of=AS_OF)
    assert [result["patient"] for result in ran.results] == ["Patient/anna"]


def test_killed_and_resumed(
    screen: Screen, server: str, expected: dict[str, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "CHUNK", 5)
    whole, left = staging.write_whole, [4]

    class Killed(BaseException):
        pass

    def counted(path: Path, data: bytes) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1
        whole(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(staging, "write_whole", counted)
        with pytest.raises(Killed):
            screen(server, as_of=AS_OF)
    assert (tmp_path / "out" / "work").stat().st_mode & 0o77 == 0  # patients' data are in it
    ran = screen(server, "--resume", as_of=AS_OF)
    assert grades(ran.results) == expected
    assert len(ran.results) == len(expected)


def test_a_search_that_is_refused_is_no_silence(screen: Screen, server: str) -> None:
    BROKEN.add("AllergyIntolerance")
    ran = screen(server, "--query", "Patient?_id=anna", as_of=AS_OF)
    criteria = {c["id"]: c for t in ran.results[0]["results"] if t["trial"] == "NCT03304080" for c in t["criteria"]}
    assert (criteria["allergy"]["outcome"], criteria["allergy"]["basis"]) == ("unknown", "missing")
    (row,) = ran.errors
    assert (ran.code, row["file"], row["line"], row["patient"]) == (1, "search", 0, "Patient/anna")
    assert row["reason"].startswith("AllergyIntolerance resources: ")
    assert ran.summary["errors"]["total"] == 0  # of results: she has one
    assert len(ran.results) == 1


def test_a_server_that_lists_no_patients(screen: Screen, server: str) -> None:
    BROKEN.add("/fhir/Patient")
    assert "the list of patients is not complete" in screen(server, as_of=AS_OF).err


def test_another_question_to_the_server_is_refused(screen: Screen, server: str) -> None:
    screen(server, "--query", "Patient?_id=anna", as_of=AS_OF)
    ran = screen(server, "--query", "Patient?_id=dora", "--resume", as_of=AS_OF)
    assert (ran.code, "query was Patient?_id=anna" in ran.err) == (2, True)


def test_a_finished_run_is_not_asked_again(screen: Screen, server: str) -> None:
    first = screen(server, as_of=AS_OF)
    BROKEN.add("/fhir/Patient")
    again = screen(server, "--resume", as_of=AS_OF)
    assert (again.code, len(again.results)) == (0, len(first.results))


@pytest.mark.parametrize(
    "options",
    [
        ("--group", "g"),
        ("--bulk",),
        ("--level", "system"),
        ("--since", "2026-01-01T00:00:00Z"),
        ("--longest-wait", "5"),
    ],
)
def test_a_servers_options_are_refused_for_files(screen: Screen, tmp_path: Path, options: tuple[str, ...]) -> None:
    import click

    with pytest.raises(click.UsageError, match="go with a FHIR base URL"):
        screen(tmp_path, *options)


@pytest.mark.parametrize(
    ("source", "options", "told"),
    [
        ("ftp://example.org/export", (), "a FHIR base URL"),
        ("https://fhir.example.org/r4", ("--query", "Observation?code=x"), "such as Patient.gender=female"),
    ],
)
def test_what_no_source_can_be_is_wrong_use(screen: Screen, source: str, options: tuple[str, ...], told: str) -> None:
    import click

    with pytest.raises(click.UsageError, match=told):
        screen(source, *options)


@pytest.mark.parametrize("form", ["plain", "json"])
@pytest.mark.parametrize("refused", [True, False])
def test_a_list_that_is_refused_is_no_patient_fetched(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    server: str,
    form: str,
    refused: bool,
) -> None:
    BROKEN.update({"/fhir/Patient"} if refused else ())
    given = ["--out", str(tmp_path / "out"), "--as-of", AS_OF, "--query", "Patient?_id=anna", "--progress", form]
    monkeypatch.setattr("sys.argv", ["trialhook", "screen", server, *given])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capfd.readouterr().err
    assert ended.value.code == (3 if refused else 0)
    assert ("the list of patients is not complete" in said) == refused
    fetched = '"phase":"fetching","done":1' if form == "json" else "fetching: 1 patient,"
    assert (fetched in said) == ("fetching" in said) == (not refused)


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def test_a_killed_run_that_is_not_resumed_is_refused_and_keeps_what_it_fetched(
    screen: Screen, server: str, expected: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(screen_command, "screen", die)
        with pytest.raises(Killed):
            screen(server, as_of=AS_OF)
    BROKEN.add("/fhir/Patient")  # nothing has to be fetched again
    ran = screen(server, as_of=AS_OF)
    assert (ran.code, "go on with --resume" in ran.err) == (2, True)
    assert grades(screen(server, "--resume", as_of=AS_OF).results) == expected


def test_patients_fetched_for_other_trials_are_not_taken_for_those_of_these(
    screen: Screen, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = staging.write_whole

    def until_a_chunk(path: Path, data: bytes) -> None:
        whole(path, data)
        if path.name.startswith(".chunk"):
            raise Killed

    monkeypatch.setattr(staging, "CHUNK", 5)
    with monkeypatch.context() as patched:
        patched.setattr(staging, "write_whole", until_a_chunk)
        with pytest.raises(Killed):
            screen(server, "--trial", PATINA, as_of=AS_OF)
    ran = screen(server, "--resume", "--trial", SINAI, as_of=AS_OF)
    assert (ran.code, "asked the server something else" in ran.err) == (2, True)
    assert screen(server, "--resume", "--trial", PATINA, as_of=AS_OF).code == 0


def test_what_was_wrong_with_the_list_before_is_not_told_of_the_list_that_is_read_again(
    screen: Screen, server: str, expected: dict[str, dict[str, str]]
) -> None:
    BROKEN.add("/fhir/Patient")
    assert screen(server, as_of=AS_OF).code == 2
    BROKEN.clear()
    ran = screen(server, "--resume", as_of=AS_OF)
    assert (ran.code, ran.errors, grades(ran.results)) == (0, [], expected)
