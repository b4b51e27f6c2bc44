"""The audit: "nothing known" is said only where every package was looked up."""

import json
from pathlib import Path
from typing import Any

import pytest

from supply import __main__ as supply
from supply import audit
from supply.audit import Ended, Verdict, judge
from supply.pins import Pin

PINS = (Pin("a", "1", True, ()), Pin("b", "2", True, ()), Pin("c", "3", False, ()))
A: dict[str, Any] = {"name": "a", "version": "1", "vulns": []}
B: dict[str, Any] = {"name": "b", "version": "2", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (2)"}
HOLE = {"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"], "aliases": []}


def report(*entries: dict[str, Any]) -> Ended:
    return Ended(json.dumps({"dependencies": entries, "fixes": []}), "No known vulnerabilities found\n")


def test_every_package_looked_up_and_nothing_known_is_clean() -> None:
    found = judge(report(A, B), PINS)
    assert found.verdict is Verdict.CLEAN == 0
    assert found.told() == ["2 packages looked up, 0 known vulnerabilities"]


def test_a_known_vulnerability_is_named_with_its_repair() -> None:
    found = judge(report(A | {"vulns": [HOLE]}, B), PINS)
    assert found.verdict is Verdict.VULNERABLE == 1
    assert found.told()[0] == "VULNERABLE: a 1: PYSEC-2026-1, fixed in 1.1, 2.0"


def test_a_vulnerability_without_repair_says_so() -> None:
    found = judge(report(A | {"vulns": [HOLE | {"fix_versions": []}]}, B), PINS)
    assert found.told()[0] == "VULNERABLE: a 1: PYSEC-2026-1, no fixed version"


def test_a_success_that_skipped_everything_is_not_audited() -> None:
    found = judge(report({"name": "a", "skip_reason": "not found"}, SKIPPED), PINS)
    assert found.verdict is Verdict.NOT_AUDITED == 3
    assert found.told()[0] == "NOT AUDITED: nothing could be learned about 2 packages"


@pytest.mark.parametrize("ended", [report(A, SKIPPED), report(A)], ids=["skipped", "left out"])
def test_a_single_package_that_was_not_looked_up_spoils_it(ended: Ended) -> None:
    found = judge(ended, PINS)
    assert found.verdict is Verdict.NOT_AUDITED
    assert found.not_asked == ("b",)


def test_a_vulnerability_counts_more_than_a_gap() -> None:
    found = judge(report(A | {"vulns": [HOLE]}, SKIPPED), PINS)
    assert found.verdict is Verdict.VULNERABLE
    assert "NOT AUDITED: nothing could be learned about 1 packages" in found.told()


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"dependencies": null}'])
def test_without_a_report_nothing_was_audited(text: str) -> None:
    found = judge(Ended(text, "Traceback …\nrequests.exceptions.ProxyError: http://user:password@proxy\n"), PINS)
    assert found.verdict is Verdict.NOT_AUDITED
    assert found.told()[0] == "NOT AUDITED: pip-audit made no report (requests.exceptions.ProxyError)"
    assert "password" not in "\n".join(found.told())


def test_nothing_to_audit_is_no_clean_result() -> None:
    assert judge(report(), ()).verdict is Verdict.NOT_AUDITED


# -- the command


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text("a==1 \\\n    --hash=sha256:00\nb==2 \\\n    --hash=sha256:00\n")
    return path


@pytest.mark.parametrize(
    ("ended", "code"),
    [(report(A, B), 0), (report(A | {"vulns": [HOLE]}, B), 1), (report(A, SKIPPED), 3), (Ended("", ""), 3)],
)
def test_the_exit_code_tells_the_outcomes_apart(
    lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ended: Ended, code: int
) -> None:
    monkeypatch.setattr(audit, "run", lambda _: ended)
    assert supply.main(["audit", "--lock", str(lock)]) == code
    told = capsys.readouterr()
    assert bool(told.err) == (code != 0)
    assert ("NOT AUDITED" in told.err) == (code == 3)


def test_a_missing_pip_audit_is_wrong_use(
    lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "find_spec", lambda _: None)
    assert supply.main(["audit", "--lock", str(lock)]) == 2
    assert "make install" in capsys.readouterr().err


@pytest.mark.live
def test_pip_audit_itself_out_of_reach_of_its_data_is_not_audited(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(lock.parent))
    assert supply.main(["audit", "--lock", str(lock)]) == 3
