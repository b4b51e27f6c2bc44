"""The compose file, the units and what goes into the image."""

import fnmatch
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.places import CHART, DEPLOY, ROOT, instructions, read_yaml

COMPOSE = read_yaml(DEPLOY / "compose.yaml")
OWN = {name: entry for name, entry in COMPOSE["services"].items() if entry["image"].startswith("trialhook:")}
UNITS = sorted((*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")))


# -- compose


@pytest.mark.parametrize("name", OWN)
def test_our_containers_are_hardened(name: str) -> None:
    entry = OWN[name]
    assert entry["read_only"] is True
    assert entry["cap_drop"] == ["ALL"]
    assert entry["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in entry


def published() -> list[str]:
    return [port for entry in COMPOSE["services"].values() for port in entry.get("ports", [])]


def test_a_trial_run_is_open_to_its_own_machine_only() -> None:
    assert published()
    assert all(port.startswith("127.0.0.1:") for port in published())


def test_the_database_and_the_service_agree_on_the_password() -> None:
    files = {name: DEPLOY / entry["file"] for name, entry in COMPOSE["secrets"].items()}
    password = files["database-password"].read_text().strip()
    database = COMPOSE["services"]["database"]["environment"]
    address = f"postgresql://{database['POSTGRES_USER']}:{password}@database/{database['POSTGRES_DB']}"
    assert files["database-url"].read_text().strip() == address


def test_what_is_mounted_and_named_is_there() -> None:
    for entry in COMPOSE["services"].values():
        for volume in entry.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).is_file()
        assert set(entry.get("secrets", [])) <= COMPOSE["secrets"].keys()
        assert set(entry.get("depends_on", {})) <= COMPOSE["services"].keys()


def composer() -> list[str]:
    """The command for compose files that is there; skips where there is none."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    pytest.skip("docker compose is not here")


def test_compose_understands_the_file() -> None:
    command = [*composer(), "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


# -- the image


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern that fits it, or a folder above it, decides."""
    out = False
    names = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").removeprefix("**/")
            if any(fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(Path(name).name, pattern) for name in names):
                out = not line.startswith("!")
    return out


def copied() -> set[str]:
    """What the Dockerfile copies from the folder that it is built in."""
    texts = [text for word, text in instructions() if word == "COPY" and not text.startswith("--from=")]
    return {source for text in texts for source in text.split()[:-1]}


def test_what_the_image_is_built_from_is_there_and_let_in() -> None:
    assert "service" in copied()
    for source in copied():
        assert (ROOT / source).exists()
        assert not ignored(source)


@pytest.mark.parametrize(
    "path", [".git/config", ".venv/bin/python", "deploy/compose.yaml", "service/__pycache__/x.pyc", "secret.env"]
)
def test_what_has_no_place_in_the_image_is_kept_out(path: str) -> None:
    assert ignored(path)


def test_the_image_is_installed_by_hash_and_runs_without_root() -> None:
    runs = " ".join(text for word, text in instructions() if word == "RUN")
    assert re.findall(r"--require-hashes[^;]*-r (\S+?);", runs) == ["build.lock", "requirements.lock"]
    last = [word for word, _ in instructions()]
    assert last.index("USER") > len(last) - last[::-1].index("FROM") - 1


# -- systemd


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_well_formed(unit: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    for other in UNITS:  # the command that they start is not installed here
        text = other.read_text().replace("/opt/trialhook/bin/trialhook", str(shutil.which("env")))
        (tmp_path / other.name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)]
    checked = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"SYSTEMD_LOG_LEVEL": "warning"})
    assert (checked.returncode, [line for line in checked.stderr.splitlines() if "trialhook" in line]) == (0, [])


def directives(unit: Path) -> dict[str, str]:
    lines = [line.partition("=") for line in unit.read_text().splitlines() if re.match(r"[A-Z]\w+=", line)]
    return {name: value for name, _, value in lines}


def test_both_units_are_hardened_alike() -> None:
    service, screen = (directives(DEPLOY / name) for name in ("trialhook.service", "trialhook-screen.service"))
    protections = {
        name for name in service if name.startswith(("Protect", "Private", "Restrict", "NoNew", "System", "Memory"))
    } - {"MemoryMax", "RestartPreventExitStatus", "PrivateUsers"}  # the screening reads what a group may read
    assert len(protections) > 20
    assert {name: service[name] for name in protections} == {name: screen.get(name) for name in protections}


# -- what an orchestrator does with an exit code


def test_a_wrong_setting_is_not_tried_again() -> None:
    job = (CHART / "templates" / "screening.yaml").read_text()
    assert "FailJob\n            onExitCodes: {operator: In, values: [1, 2]}" in job
    restart: dict[str, Any] = {path.name: directives(path).get("RestartPreventExitStatus") for path in UNITS}
    assert restart == {
        "trialhook.service": "2",
        "trialhook-screen.service": "1 2",
        "trialhook-screen.timer": None,
    }
