"""Progress of a long run, on stderr: bars on a terminal, plain lines elsewhere, JSON lines where asked for."""

import sys
import time
from typing import IO, Any, Literal, Protocol

import msgspec

Form = Literal["auto", "bars", "plain", "json", "none"]
EVERY_SECONDS = 5.0


class Progress(Protocol):
    """Told what is being done and how far it is; `unit` is what is counted."""

    def phase(self, name: str, total: int, unit: str) -> None: ...

    def advance(self, number: int = 1, **counts: int) -> None: ...

    def note(self, text: str) -> None: ...

    def close(self) -> None: ...


def progress(form: Form, stream: IO[str] | None = None) -> Progress:
    out: IO[str] | None = stream or sys.stderr
    if form == "none" or out is None:  # stderr is closed
        return Silent()
    if form == "json":
        return Lines(out, as_json=True)
    if form == "bars" or (form == "auto" and out.isatty()):
        return Bars(out)
    return Lines(out)


def _told(count: int, name: str) -> str:
    """`1 patient`, `1,234 patients`; names are plurals."""
    return f"{count:,} {name.removesuffix('s') if count == 1 else name}"


class Silent:
    def phase(self, name: str, total: int, unit: str) -> None:
        pass

    def advance(self, number: int = 1, **counts: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class Discreet(Silent):
    """Progress in bytes and parts alone: nothing is said of how many patients there are."""

    def __init__(self, told: Progress) -> None:
        self._told = told
        self._counted = True

    def phase(self, name: str, total: int, unit: str) -> None:
        self._counted = unit != "patients"
        if self._counted:
            self._told.phase(name, total, unit)

    def advance(self, number: int = 1, **counts: int) -> None:
        if self._counted:
            self._told.advance(number)

    def note(self, text: str) -> None:
        self._told.note(text)

    def close(self) -> None:
        self._told.close()


class Lines(Silent):
    """A line now and then, and one at the end of each phase."""

    def __init__(self, out: IO[str], as_json: bool = False) -> None:
        self._out = out
        self._json = as_json
        self._name, self._unit, self._total, self._done = "", "", 0, 0
        self._counts: dict[str, int] = {}
        self._began = self._told = 0.0

    def phase(self, name: str, total: int, unit: str) -> None:
        self._finish()
        self._name, self._unit, self._total, self._done, self._counts = name, unit, total, 0, {}
        self._began = self._told = time.monotonic()

    def advance(self, number: int = 1, **counts: int) -> None:
        self._done += number
        for name, count in counts.items():
            self._counts[name] = self._counts.get(name, 0) + count
        if time.monotonic() - self._told > EVERY_SECONDS:
            self._tell()

    def note(self, text: str) -> None:
        self._write(msgspec.json.encode({"note": text}).decode() if self._json else text)

    def close(self) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._name and (self._done or self._total):  # of what never began nothing is said
            self._tell()
        self._name = ""

    def _tell(self) -> None:
        self._told = now = time.monotonic()
        took = max(now - self._began, 1e-6)
        left = took / self._done * (self._total - self._done) if self._done and self._total else None
        if self._json:
            told = {"phase": self._name, "done": self._done, "total": self._total, "unit": self._unit, **self._counts}
            told |= {"seconds": round(took, 1), "secondsLeft": None if left is None else round(left, 1)}
            self._write(msgspec.json.encode(told).decode())
            return
        counts = "".join(f", {_told(count, name)}" for name, count in self._counts.items())
        rest = f", about {left:,.0f} s left" if left and self._done < self._total else ""
        done = f"{self._done:,} of {self._total:,} {self._unit}" if self._total else _told(self._done, self._unit)
        self._write(f"{self._name}: {done}{counts}, {took:,.0f} s{rest}")

    def _write(self, text: str) -> None:
        try:
            print(text, file=self._out, flush=True)
        except (OSError, ValueError):
            self._name = ""  # nobody listens any more, or the log's disk is full; the run goes on


class Bars(Silent):
    """Bars of rich."""

    def __init__(self, out: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"), TimeElapsedColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        self._bars = RichProgress(*columns, console=Console(file=out))
        self._bars.start()
        self._counts: dict[str, int] = {}
        self._task: Any = None

    def phase(self, name: str, total: int, unit: str) -> None:
        self._counts = {}
        self._task = self._bars.add_task(name, total=total or None, counts=unit)

    def advance(self, number: int = 1, **counts: int) -> None:
        if self._task is None:
            return
        for name, count in counts.items():
            self._counts[name] = self._counts.get(name, 0) + count
        shown = ", ".join(_told(count, name) for name, count in self._counts.items())
        self._bars.update(self._task, advance=number)
        if shown:
            self._bars.update(self._task, counts=shown)

    def note(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        self._bars.stop()
