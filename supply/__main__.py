"""`python -m supply licences|sbom|audit`.

Exit codes: 0 in order; 1 something is wrong; 2 wrong use; 3 (audit) the vulnerability data could not be reached.
"""

import argparse
import sys
from pathlib import Path

from service import __version__
from supply import audit, licences
from supply.pins import Pin, WrongLock, read_pins

LOCK = Path("requirements.lock")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m supply", description="What the distribution is made of.")
    parser.add_argument("task", choices=["licences", "sbom", "audit"])
    parser.add_argument("--lock", type=Path, default=LOCK, help="the lock file (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="where the page or the bill of materials is written")
    asked = parser.parse_args(arguments)
    try:
        pins = read_pins(asked.lock)
    except WrongLock as problem:
        return _failed([str(problem)], 2)
    if asked.task == "licences":
        return _licences(pins, asked.out or licences.PAGE)
    return _sbom(pins, asked.out) if asked.task == "sbom" else _audit(pins, asked.lock)


def _licences(pins: tuple[Pin, ...], out: Path) -> int:
    policy = licences.read_policy()
    found = licences.licences_of(pins, policy)
    for entry in found:
        print(f"{entry.name:24} {entry.licence or '?'}")
    if wrong := licences.problems(found, policy):
        return _failed(wrong, 1)
    out.write_text(licences.page(found, policy), "utf-8")
    return 0


def _sbom(pins: tuple[Pin, ...], out: Path | None) -> int:
    from supply import sbom

    text = sbom.bill(__version__, pins, licences.licences_of(pins, licences.read_policy()))
    if out is None:
        sys.stdout.write(text)
        return 0
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, "utf-8")
    return 0


def _audit(pins: tuple[Pin, ...], lock: Path) -> int:
    try:
        found = audit.judge(audit.run(lock), pins)
    except audit.NotInstalled as problem:
        return _failed([str(problem)], 2)
    return _failed(found.told(), found.verdict) if found.verdict else _told(found.told())


def _told(lines: list[str]) -> int:
    print("\n".join(lines))
    return 0


def _failed(lines: list[str], code: int) -> int:
    print("\n".join(lines), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
