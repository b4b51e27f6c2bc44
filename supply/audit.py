"""Known vulnerabilities of the pinned dependencies, by pip-audit, where "none known" and "not asked" stay apart.

pip-audit ends with success also where it could learn nothing about any package; its report tells which it passed over.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from importlib.util import find_spec
from pathlib import Path

from packaging.utils import canonicalize_name

from supply.pins import Pin


class Verdict(IntEnum):
    """How an audit ended; the numbers are exit codes."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_AUDITED = 3


class NotInstalled(RuntimeError):
    """pip-audit is not there."""


@dataclass(frozen=True)
class Ended:
    """What pip-audit left behind."""

    report: str
    errors: str


@dataclass(frozen=True)
class Audit:
    """Packages that were looked up, the vulnerabilities found (`name version: advisory …`), those not looked up."""

    asked: int
    vulnerabilities: tuple[str, ...]
    not_asked: tuple[str, ...]
    problem: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.vulnerabilities:
            return Verdict.VULNERABLE
        return Verdict.NOT_AUDITED if self.not_asked or self.problem or not self.asked else Verdict.CLEAN

    def told(self) -> list[str]:
        """The outcome in lines for a person."""
        lines = [f"VULNERABLE: {found}" for found in self.vulnerabilities]
        if self.problem:
            lines.append(f"NOT AUDITED: {self.problem}")
        elif self.not_asked:
            lines.append(f"NOT AUDITED: nothing could be learned about {len(self.not_asked)} packages")
            lines.append(f"  {', '.join(self.not_asked)}")
        if self.verdict is Verdict.NOT_AUDITED:
            lines.append("  This is no clean result. The vulnerability data must be in reach.")
        if not self.problem:
            lines.append(f"{self.asked} packages looked up, {len(self.vulnerabilities)} known vulnerabilities")
        return lines


def run(lock: Path) -> Ended:
    """pip-audit on a lock file; it asks for nothing but the vulnerability data. NotInstalled where it is missing."""
    if find_spec("pip_audit") is None:
        raise NotInstalled("pip-audit is not installed; `make install` does that")
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    ended = subprocess.run([*command, "--format", "json", "-r", str(lock)], capture_output=True, text=True, check=False)
    return Ended(ended.stdout, ended.stderr)


def judge(ended: Ended, pins: Sequence[Pin]) -> Audit:
    """The audit of the pins that apply to this platform; a package that the report leaves out was not asked about."""
    wanted = {pin.name for pin in pins if pin.applies}
    try:
        entries = json.loads(ended.report)["dependencies"]
        looked_up = {canonicalize_name(entry["name"]): entry for entry in entries if "vulns" in entry}
    except (ValueError, KeyError, TypeError):
        return Audit(0, (), tuple(sorted(wanted)), f"pip-audit made no report ({_kind(ended.errors)})")
    found = [_line(entry, advisory) for entry in looked_up.values() for advisory in entry["vulns"]]
    return Audit(len(looked_up), tuple(sorted(found)), tuple(sorted(wanted - set(looked_up))))


def _line(entry: dict[str, object], advisory: dict[str, object]) -> str:
    fixed = advisory.get("fix_versions")
    repaired = f"fixed in {', '.join(map(str, fixed))}" if isinstance(fixed, list) and fixed else "no fixed version"
    return f"{entry['name']} {entry['version']}: {advisory['id']}, {repaired}"


def _kind(errors: str) -> str:
    """The kind of the last error. Its text may hold the address of a proxy."""
    lines = errors.strip().splitlines()
    return lines[-1].partition(":")[0].strip()[:80] if lines else "no message"
