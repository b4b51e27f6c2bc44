"""What the deployments say of settings, versions, commands and times is what the code says."""

import json
import re
from pathlib import Path

import click
import pytest
import yaml

from service import __version__
from service.commands.screen import command as screen
from service.commands.serve import command as serve
from service.server import GRACE_SECONDS, KEEP_ALIVE_SECONDS
from service.settings import SETTINGS
from tests.deploy.places import CHART, DEPLOY, DOCKERFILE, ROOT, instructions, read_yaml

UNITS = sorted(DEPLOY.glob("*.service"))
FILES = [DOCKERFILE, ROOT / "docs" / "deploy.md", *sorted(path for path in DEPLOY.rglob("*") if path.is_file())]


def variables(text: str) -> set[str]:
    return set(re.findall(r"TRIALHOOK_[A-Z]+(?:_[A-Z]+)*", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_variable_named_is_a_setting(path: Path) -> None:
    known = {setting.variable for setting in SETTINGS} | {f"{setting.variable}_FILE" for setting in SETTINGS}
    assert variables(path.read_text("utf-8")) <= known


def test_the_check_of_variables_would_find_one_that_is_none() -> None:
    assert variables("TRIALHOOK_{{ $name }} TRIALHOOK_AUTH=x ${TRIALHOOK_NO_SUCH}") == {
        "TRIALHOOK_AUTH",
        "TRIALHOOK_NO_SUCH",
    }


def test_the_image_sets_no_setting() -> None:
    """A variable of the image would forbid the one that names a file, since only one of them may be set."""
    assert not [text for word, text in instructions() if word == "ENV" and variables(text)]


def test_versions_agree() -> None:
    chart = read_yaml(CHART / "Chart.yaml")
    compose = read_yaml(DEPLOY / "compose.yaml")
    own = {entry["image"] for entry in compose["services"].values() if entry["image"].startswith("trialhook")}
    assert chart["version"] == chart["appVersion"] == __version__
    assert ("ARG", f"VERSION={__version__}") in instructions()
    assert own == {f"trialhook:{__version__}"}


def test_the_image_runs_as_the_user_that_the_chart_names() -> None:
    user = [text for word, text in instructions() if word == "USER"][-1]
    pod = (CHART / "templates" / "_pod.tpl").read_text("utf-8")
    named = re.findall(r"(runAsUser|runAsGroup|fsGroup): (\d+)", pod)
    assert user == "10001:10001"
    assert named == [("runAsUser", "10001"), ("runAsGroup", "10001"), ("fsGroup", "10001")]


# -- commands


def accepted(command: click.Command, arguments: list[str]) -> dict[str, object]:
    """The parameters that a command reads from arguments, without running it."""
    with command.make_context(command.name, list(arguments)) as context:
        return context.params


def test_the_image_starts_the_service_in_exec_form() -> None:
    found = dict(instructions())
    assert json.loads(found["ENTRYPOINT"]) == ["trialhook"]
    name, *options = json.loads(found["CMD"])
    assert name == serve.name
    assert accepted(serve, options)["port"] == int(found["EXPOSE"]) == 8080
    assert f"'127.0.0.1', {found['EXPOSE']}" in found["HEALTHCHECK"]
    assert found["STOPSIGNAL"] == "SIGTERM"


def chart_arguments(name: str) -> list[str]:
    """The arguments of a template with sample values in place of what the chart fills in."""
    text = (CHART / "templates" / name).read_text("utf-8")
    text = re.sub(r"\{\{-?\s*(range|end)[^}]*\}\}", "", text)
    if flow := re.search(r"args: (\[.*\])$", text, re.M):
        return list(yaml.safe_load(re.sub(r"\{\{.*?\}\}", "2", flow[1])))
    block = re.search(r"args:\n((?:\s+- .*\n|\s*\n)+)", text)
    assert block
    return [re.sub(r"\{\{.*?\}\}", "2", line.strip()[2:]) for line in block[1].splitlines() if line.strip()]


def test_the_chart_gives_the_service_options_that_it_knows() -> None:
    name, *options = chart_arguments("deployment.yaml")
    assert name == serve.name
    assert accepted(serve, options) | {"host": "0.0.0.0", "port": 8080} == accepted(serve, options)


def test_the_chart_gives_the_screening_options_that_it_knows() -> None:
    name, *options = [option for option in chart_arguments("screening.yaml") if option != "2"]
    further = read_yaml(CHART / "values.yaml")["screening"]["options"]
    assert name == screen.name
    read = accepted(screen, ["source", *options, *further])
    assert read["resume"] is True
    assert read["report"] is True
    assert read["formats"] == ("ndjson", "csv")
    assert str(read["out"]) == "/screenings/$(JOB_NAME)"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_start_commands_that_there_are(unit: Path) -> None:
    text = unit.read_text("utf-8").replace("\\\n", " ")
    start = re.search(r"^ExecStart=.*?/opt/trialhook/bin/trialhook (\w+) (.*?)'?$", text, re.M)
    assert start
    arguments = start[2].replace("$(date +%%F)", "day").replace('"', "").split()
    assert accepted({"serve": serve, "screen": screen}[start[1]], arguments)


# -- times and sizes


def seconds(pattern: str, path: Path) -> int:
    found = re.search(pattern, path.read_text("utf-8"))
    assert found
    return int(found[1])


def test_a_stop_leaves_the_requests_in_flight_their_time() -> None:
    chart = CHART / "templates" / "deployment.yaml"
    pause = seconds(r"time\.sleep\((\d+)\)", chart)
    assert seconds(r"terminationGracePeriodSeconds: (\d+)", chart) > pause + GRACE_SECONDS
    assert seconds(r"TimeoutStopSec=(\d+)", DEPLOY / "trialhook.service") > GRACE_SECONDS
    assert seconds(r"stop_grace_period: (\d+)s", DEPLOY / "compose.yaml") > GRACE_SECONDS
    assert seconds(r"GRACE_SECONDS=(\d+)", DEPLOY / "build-and-try.sh") > GRACE_SECONDS


def test_the_proxy_suits_the_service() -> None:
    nginx = DEPLOY / "nginx.conf"
    largest = int(next(setting.default for setting in SETTINGS if setting.name == "MAX_BODY"))
    assert seconds(r"keepalive_timeout (\d+)s", nginx) < KEEP_ALIVE_SECONDS
    assert seconds(r"client_max_body_size (\d+)m", nginx) * 2**20 > largest
