"""Prometheus' own tool takes the alert rules, and they fire when they should: PROMTOOL, or promtool on the path."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.places import DEPLOY

pytestmark = pytest.mark.live
CASES = Path(__file__).parents[1] / "deploy" / "alert_cases.yaml"
RULES = DEPLOY / "alerts" / "trialhook.yaml"


def promtool(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not found:
        pytest.skip("promtool is not here (Debian's package prometheus has it)")
    return subprocess.run([found, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def test_the_rules_are_rules() -> None:
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_when_they_should() -> None:
    done = promtool("test", "rules", CASES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_expectation_would_be_told(tmp_path: Path) -> None:
    text = CASES.read_text("utf-8").replace("../../deploy", str(DEPLOY)).replace("3% of the calls", "4% of the calls")
    (tmp_path / "cases.yaml").write_text(text, "utf-8")
    assert promtool("test", "rules", tmp_path / "cases.yaml").returncode != 0
