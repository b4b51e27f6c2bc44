"""A trial run as docs/deploy.md has it, command by command, on a container engine and with a FHIR server of its own.

The images that compose would fetch have to be there: `docker compose -f deploy/compose.yaml pull database fhir`, and
`docker pull` of the base.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.deploy.places import DEPLOY, ROOT, read_yaml
from tests.docs.pages import blocks

pytestmark = pytest.mark.live
FILE = DEPLOY / "compose.yaml"
COMPOSE = read_yaml(FILE)
SERVICE = "http://127.0.0.1:8080"
DATABASE = ("exec", "-T", "database", "psql", "--username=trialhook", "--tuples-only", "--no-align", "--command")
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def commands() -> list[str]:
    """The scripts of the page's section, in order."""
    text = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    section = re.search(r"^## A trial run\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section
    return [block.text for block in blocks(section[1]) if block.language == "sh"]


def images() -> list[str]:
    """Those that come from elsewhere."""
    base = re.search(r"\$\{BASE:-(.+)\}", COMPOSE["services"]["trialhook"]["build"]["args"]["BASE"])
    assert base
    named = {entry["image"] for entry in COMPOSE["services"].values() if not entry["image"].startswith("trialhook:")}
    return [*sorted(named), os.environ.get("BASE", base[1])]


def docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60)


def check_that_it_can_be_tried() -> None:
    if not shutil.which("docker") or docker("compose", "version").returncode:
        pytest.skip("docker compose is not here")
    if docker("info", "--format", "{{.ServerVersion}}").returncode:
        pytest.skip("no container engine answers")
    if absent := [image for image in images() if docker("image", "inspect", image).returncode]:
        pytest.skip(f"the engine has no image {', '.join(absent)}")
    for port in (8080, 8090):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"something else listens on port {port}")


class TrialRun:
    """The page's commands, in a project whose name is not that of a trial run that may be there."""

    def __init__(self) -> None:
        self.project = f"trialhook-{uuid.uuid4().hex[:8]}"
        self._environment = os.environ | {"COMPOSE_PROJECT_NAME": self.project}
        if os.path.exists(CA_BUNDLE):
            self._environment.setdefault("CA_BUNDLE", CA_BUNDLE)

    def shell(self, script: str) -> str:
        """What a script prints; it ends where a command fails."""
        done = subprocess.run(
            ["bash", "-eu", "-c", script], cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def compose(self, *arguments: str) -> str:
        command = ["docker", "compose", "-f", str(FILE), *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def left(self) -> list[str]:
        """What there is of containers, volumes and networks of the project."""
        label = f"label=com.docker.compose.project={self.project}"
        asked = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [line for ask in asked for line in docker(*ask, "--quiet", "--filter", label).stdout.splitlines()]


@pytest.fixture(scope="module")
def started() -> Iterator[TrialRun]:
    check_that_it_can_be_tried()
    run = TrialRun()
    try:
        run.shell(commands()[0])
        yield run
    finally:
        run.compose("--profile", "screen", "down", "--volumes", "--timeout", "40")


@pytest.fixture(scope="module")
def cards(started: TrialRun) -> list[dict[str, Any]]:
    """The answer to the page's call."""
    found: list[dict[str, Any]] = json.loads(started.shell(commands()[1]))["cards"]
    return found


def wait_until_ready() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if requests.get(f"{SERVICE}/readyz", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.5)
    pytest.fail("not ready after a minute")


def link(cards: list[dict[str, Any]]) -> str:
    return next(str(entry["url"]) for entry in cards[0]["links"] if entry["url"].startswith(SERVICE))


def test_the_sample_patients_are_on_the_server(started: TrialRun) -> None:
    found = requests.get("http://127.0.0.1:8090/fhir/Patient?_summary=count", timeout=30).json()
    ended = json.loads(started.compose("ps", "--all", "--format", "json", "sample-patients"))
    assert (found["total"], ended["State"], ended["ExitCode"]) == (12, "exited", 0)


def test_the_service_brought_its_database_up_to_date(started: TrialRun) -> None:
    tables = started.compose(*DATABASE, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'").split()
    assert {"alembic_version", "feedback", "shown", "explanation"} <= set(tables)
    assert "✓ database answers" in started.shell(f"docker compose -f {FILE} exec -T trialhook trialhook doctor")


def test_a_call_gets_cards_from_what_the_fhir_server_holds(cards: list[dict[str, Any]]) -> None:
    assert cards
    opened = requests.get(link(cards), timeout=30)
    assert opened.ok
    assert "could not be asked" not in opened.text


def test_feedback_and_links_outlast_a_restart(started: TrialRun, cards: list[dict[str, Any]]) -> None:
    told = {"card": cards[0]["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-21T12:00:00Z"}
    sent = requests.post(f"{SERVICE}/cds-services/trial-match/feedback", json={"feedback": [told]}, timeout=30)
    assert sent.ok
    started.compose("restart", "trialhook")
    wait_until_ready()
    assert started.compose(*DATABASE, "SELECT outcome FROM feedback").split() == ["overridden"]
    assert requests.get(link(cards), timeout=30).ok


def test_without_its_database_it_is_not_ready_and_then_it_is_again(started: TrialRun) -> None:
    started.compose("stop", "database")
    assert requests.get(f"{SERVICE}/readyz", timeout=30).status_code == 503
    assert requests.get(f"{SERVICE}/healthz", timeout=30).ok
    started.compose("start", "database")
    wait_until_ready()


def test_everyone_on_the_server_is_screened(started: TrialRun) -> None:
    summary = started.shell(commands()[2])
    assert json.loads(summary[summary.index("{") :])["patients"] == 12


def test_it_stops_when_told_to_and_nothing_is_left(started: TrialRun) -> None:
    """The last one: nothing runs after it."""
    started.compose("stop", "trialhook")
    ended = json.loads(started.compose("ps", "--all", "--format", "json", "trialhook"))
    assert (ended["State"], ended["ExitCode"]) == ("exited", 0)
    assert started.left()
    started.shell(commands()[-1])
    assert started.left() == []
