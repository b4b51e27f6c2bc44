"""CI runs what developers run, with no more rights than it needs and with pinned actions."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
MAY_WRITE = {("release.yml", "release")}


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return found


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(workflow).values() for step in job["steps"]]


def test_there_are_two() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
class TestEachWorkflow:
    def test_actions_are_pinned_to_a_whole_version(self, workflow: Path) -> None:
        used = [step["uses"] for step in steps(workflow) if "uses" in step]
        assert used
        assert [name for name in used if not re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", name)] == []

    def test_jobs_read_and_only_the_release_writes(self, workflow: Path) -> None:
        assert yaml.safe_load(workflow.read_text("utf-8"))["permissions"] == {"contents": "read"}
        writing = {(workflow.name, name) for name, job in jobs(workflow).items() if "permissions" in job}
        assert writing <= MAY_WRITE

    def test_there_are_no_secrets(self, workflow: Path) -> None:
        assert "secrets." not in workflow.read_text("utf-8")

    def test_the_checkout_leaves_no_token_behind(self, workflow: Path) -> None:
        checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
        assert len(checkouts) == len(jobs(workflow))
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)

    def test_every_job_has_an_end(self, workflow: Path) -> None:
        assert all(job["timeout-minutes"] <= 60 for job in jobs(workflow).values())

    def test_make_targets_are_there(self, workflow: Path) -> None:
        called = {
            run.removeprefix("make ") for step in steps(workflow) if (run := step.get("run", "")).startswith("make ")
        }
        assert called
        assert called <= TARGETS
