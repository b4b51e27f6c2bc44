"""`trialhook screen` against a real FHIR server: by search, of a Group, and by Bulk Data export, open and with tokens,
the grades are those of `trialhook evaluate` on the same records."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from service.demo import AS_OF, patient_bundles, patient_files
from tests.builders import as_json
from tests.live.servers import fhir_server

pytestmark = pytest.mark.live

Grades = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that holds the sample patients, a Group of two of them, and one of a patient of few types."""
    with fhir_server(tmp_path_factory.mktemp("fhir")) as address:
        groups = [
            {
                "resourceType": "Group",
                "id": group,
                "type": "person",
                "actual": True,
                "member": [{"entity": {"reference": f"Patient/{name}"}} for name in names],
            }
            for group, names in (("two", ("anna", "karla")), ("one", ("dora",)))
        ]
        resources = [entry["resource"] for bundle in patient_bundles() for entry in bundle["entry"]]
        for some in (resources, groups):
            entries = [
                {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in some
            ]
            body = as_json({"resourceType": "Bundle", "type": "transaction", "entry": entries})
            sent = requests.post(address, data=body, headers={"Content-Type": "application/fhir+json"}, timeout=120)
            sent.raise_for_status()
        yield address


def trialhook(*arguments: str) -> "subprocess.CompletedProcess[str]":
    own = {name: value for name, value in os.environ.items() if not name.startswith("TRIALHOOK_")}
    command = [sys.executable, "-m", "service", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=own, check=False)


def grades(lines: str) -> Grades:
    results = [json.loads(line) for line in lines.splitlines()]
    return {r["patient"]: {t["trial"]: t["grade"] for t in r["results"]} for r in results}


@pytest.fixture(scope="module")
def expected() -> Grades:
    files = [str(path) for path in patient_files()]
    return grades(trialhook("evaluate", *files, "--as-of", AS_OF, "--format", "json").stdout)


def screened(base: str, out: Path, *options: str) -> tuple[int, Grades, dict[str, Any], str]:
    ran = trialhook("screen", base, "--out", str(out), "--as-of", AS_OF, "--progress", "plain", *options)
    results = out / "results.ndjson"
    summary = json.loads((out / "summary.json").read_text()) if (out / "summary.json").exists() else {}
    return ran.returncode, grades(results.read_text()) if results.exists() else {}, summary, ran.stderr


def test_by_search(base: str, expected: Grades, tmp_path: Path) -> None:
    code, found, summary, err = screened(base, tmp_path / "out")
    assert (code, found, summary.get("gaps")) == (0, expected, []), err


def test_of_a_group(base: str, expected: Grades, tmp_path: Path) -> None:
    code, found, _, err = screened(base, tmp_path / "out", "--group", "two")
    assert (code, found) == (0, {name: expected[name] for name in ("Patient/anna", "Patient/karla")}), err


@pytest.mark.parametrize("options", [(), ("--group", "two")], ids=["all", "a group"])
def test_by_bulk_data(base: str, expected: Grades, tmp_path: Path, options: tuple[str, ...]) -> None:
    code, found, summary, err = screened(base, tmp_path / "out", "--bulk", "--longest-wait", "2", *options)
    wanted = expected if not options else {name: expected[name] for name in ("Patient/anna", "Patient/karla")}
    assert (code, summary.get("gaps")) == (0, []), err
    assert found == wanted


def test_a_type_that_an_export_of_a_group_leaves_out_is_counted_for_each_patient(
    base: str, expected: Grades, tmp_path: Path
) -> None:
    """The server holds Procedures, but none of this group's, and says so only where it is searched."""
    code, found, summary, err = screened(base, tmp_path / "out", "--bulk", "--longest-wait", "2", "--group", "one")
    assert (code, summary.get("gaps")) == (0, []), err
    assert found == {"Patient/dora": expected["Patient/dora"]}


def test_what_was_fetched_does_not_stay(base: str, tmp_path: Path) -> None:
    screened(base, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "errors.ndjson", "manifest.json", "results.ndjson", "summary.json",
    ]  # fmt: skip
