"""The distribution: built from the tree, installed alone with the locked requirements, and everything in it works."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
import requests

from service import __version__
from service.demo import AS_OF
from tests.live.servers import clean_environment

pytestmark = pytest.mark.live
ROOT = Path(__file__).parents[2]
NOT_OURS = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", ".demo", "__pycache__", "*.egg-info", "artefacts", "build", "dist"
)
TRIALS = {"HIC-2000023405", "NCT02947685", "NCT03304080", "NCT03709082"}
CODE = {".py", ".pyc"}


def run(*command: str | Path, cwd: Path) -> str:
    """stdout of a program that succeeds, run outside the tree."""
    own = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"}
    ended = subprocess.run(list(map(str, command)), cwd=cwd, env=own, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("made")
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, symlinks=True, ignore=NOT_OURS)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", tree, cwd=folder)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(made: Path) -> Path:
    return made / f"trialhook-{__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A folder with an environment of its own in `venv`: the locked requirements, the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    pip = (folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=folder)
    run(*pip, "--no-deps", "--no-index", wheel, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def patients(home: Path) -> Path:
    """The demo's patients as the wheel brings them."""
    return installed(home) / "demo/patients"


def trialhook(home: Path, *arguments: str | Path) -> str:
    return run(home / "venv/bin/trialhook", *arguments, cwd=home)


def installed(home: Path) -> Path:
    place = run(home / "venv/bin/python", "-c", "import service; print(service.__path__[0])", cwd=home)
    return Path(place.strip())


def data_files(names: Iterator[PurePosixPath] | Iterator[Path]) -> set[str]:
    """Every file of the package that is no code."""
    return {str(name) for name in names if name.suffix not in CODE and "__pycache__" not in name.parts}


# -- what is in it


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    ours = [path.relative_to(ROOT) for path in (ROOT / "service").rglob("*") if path.is_file()]
    with zipfile.ZipFile(wheel) as archive:
        packed = [PurePosixPath(name) for name in archive.namelist() if name.startswith("service/")]
    assert data_files(iter(packed)) == data_files(iter(ours))
    assert {str(p) for p in packed if p.suffix == ".py"} == {str(p) for p in ours if p.suffix == ".py"}


def test_the_wheel_has_nothing_else_but_its_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {PurePosixPath(name).parts[0] for name in archive.namelist()}
        licences = {PurePosixPath(name).name for name in archive.namelist() if "/licenses/" in name}
    assert tops == {"service", f"trialhook-{__version__}.dist-info"}
    assert licences == {"LICENSE", "NOTICE"}


def test_the_source_distribution_has_what_its_checks_need(made: Path) -> None:
    with tarfile.open(made / f"trialhook-{__version__}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        described = archive.extractfile(f"trialhook-{__version__}/openapi.yaml")
        assert described is not None
        assert described.read() == (ROOT / "service/openapi.yaml").read_bytes()
    wanted = {"Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "README.md", "SECURITY.md"}
    wanted |= {"tests/builders.py", "supply/licences.toml", "docs/rules.md", "bench/__main__.py"}
    wanted |= {".github/workflows/ci.yml", "docs/threats.md", "docs/licences.md", "requirements-spark.lock"}
    assert wanted <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".git/", ".venv", "artefacts"))]


# -- that it works


def test_what_is_installed_is_the_wheel_and_fits_together(home: Path) -> None:
    assert installed(home).is_relative_to(home / "venv")
    assert __version__ in trialhook(home, "--version")
    assert "No broken requirements" in run(home / "venv/bin/python", "-m", "pip", "check", cwd=home)


def test_a_demo_patient_is_evaluated_as_here(home: Path, patients: Path) -> None:
    asked = ("evaluate", patients / "anna.json", "--as-of", AS_OF, "--format", "json")
    here = run(sys.executable, "-m", "service", *asked, cwd=ROOT)
    assert json.loads(trialhook(home, *asked)) == json.loads(here)


def test_the_trials_are_listed_and_pass_their_cases(home: Path) -> None:
    listed = [json.loads(line) for line in trialhook(home, "trials", "list", "--format", "json").splitlines()]
    assert {trial["id"] for trial in listed} == TRIALS
    trialhook(home, "trials", "test")


def test_a_folder_is_screened_with_a_report(home: Path, patients: Path) -> None:
    source, out = home / "source", home / "out"
    source.mkdir()
    for name in ("anna", "berta", "clara"):
        shutil.copy(patients / f"{name}.json", source)
    trialhook(home, "screen", source, "--out", out, "--as-of", AS_OF, "--format", "ndjson,csv", "--report")
    results = [json.loads(line) for line in (out / "results.ndjson").read_text("utf-8").splitlines()]
    assert {result["patient"] for result in results} == {"Patient/anna", "Patient/berta", "Patient/clara"}
    assert all({found["trial"] for found in result["results"]} == TRIALS for result in results)
    assert "<style" in (out / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def demo(home: Path) -> Iterator[str]:
    """The base address of `trialhook serve --demo` out of the wheel."""
    command = [home / "venv/bin/trialhook", "serve", "--demo", "--port", "0", "--workers", "1"]
    own = {"PATH": os.environ["PATH"], "TMPDIR": str(home)}
    with subprocess.Popen(command, cwd=home, env=own, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next((line for line in process.stderr if line.startswith("trialhook demo: ")), "")
            assert line, f"the demo ended with {process.wait(10)}"
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield line.split()[-1].rstrip("/")
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(40)
            process.kill()


def test_the_demo_is_ready(demo: str) -> None:
    assert requests.get(f"{demo}/readyz", timeout=30).json() == {
        "status": "ready",
        "version": __version__,
        "trials": len(TRIALS),
    }


def test_a_hook_call_gives_cards_and_their_link_opens_the_explanation(demo: str) -> None:
    call = {
        "hook": "patient-view",
        "hookInstance": "1f6f3b0a-6f0e-4c57-8a55-0a7a5c3b9f01",
        "fhirServer": f"{demo}/fhir",
        "context": {"userId": "Practitioner/1", "patientId": "anna"},
        "extension": {"org.trialhook.request": {"asOf": AS_OF}},
    }
    answer = requests.post(f"{demo}/cds-services/trial-match", json=call, timeout=60)
    cards = answer.json()["cards"]
    assert len(cards) == len(TRIALS)
    page = requests.get(cards[0]["links"][0]["url"], timeout=30)
    assert page.status_code == 200
    assert requests.get(f"{demo}/static/trialhook.css", timeout=30).ok


@pytest.mark.parametrize("path", ["/", "/demo/patients", "/docs", "/docs/swagger-ui-bundle.js", "/static/docs.js"])
def test_pages_and_their_files_are_there(demo: str, path: str) -> None:
    assert requests.get(f"{demo}{path}", timeout=30).status_code == 200


def test_the_interface_is_described_as_in_the_tree(demo: str) -> None:
    served = requests.get(f"{demo}/openapi.yaml", timeout=30)
    assert served.content == (ROOT / "openapi.yaml").read_bytes()
