"""What writing to a server leaves in the folder of a screening, and what is said of it."""

from pathlib import Path
from typing import Any

import click
import msgspec

from service.population import ledger as ledgers
from service.population import outputs
from service.population.ledger import write_whole
from service.population.run import Run, results
from service.population.screening_list import ScreeningList
from service.population.write_back import may_write, write_back
from service.population.written import TrialWritten, Written
from service.settings import Settings

_NOTHING = {"retired": "its List is closed", "draft": "it is a draft that nobody has checked"}


class Destination(msgspec.Struct, frozen=True):
    """The server to write to, and the one that the patients come from, if they come from one."""

    base: str
    source: str = ""

    def check(self, settings: Settings) -> None:
        """NotAllowed at the start where nothing could be written at the end."""
        may_write(self.base, self.source, settings)

    def write(self, run: Run, settings: Settings, suppress_below: int = 0) -> int:
        """Write the candidates of a finished screening; how many errors there were, each a row in errors.ndjson."""
        written = _written(self, run, settings, dry=False)
        path = run.out / "errors.ndjson"
        kept = b"".join(msgspec.json.encode(row) + b"\n" for row in outputs.error_rows(run.out))
        write_whole(path, kept + b"".join(msgspec.json.encode(row) + b"\n" for row in written.errors))
        _note(run.out / "summary.json", written, hidden=suppress_below > 1)
        for line in _lines(written, "wrote"):
            outputs.say(line)
        return len(written.errors)

    def describe(self, run: Run, settings: Settings) -> None:
        """What would be written. Of a finished screening the server is asked what it holds, and nothing is sent."""
        ledger = ledgers.load(run.out)
        if ledger is None or ledger.phase != "done":
            click.echo(f"would write to {self.base}: for each trial a List, for each candidate a ResearchSubject")
            for trial in run.trials.trials:
                click.echo(f"  {trial.id}: List with the identifier {trial.id}")
            return
        for line in _lines(_written(self, run, settings, dry=True), "would write"):
            click.echo(line)


def _written(destination: Destination, run: Run, settings: Settings, *, dry: bool) -> Written:
    trials, found = run.trials.trials, ScreeningList(run.trials.trials)
    for result in results(run.out):
        found.add(result)
    return write_back(
        destination.base, trials, found, lambda: results(run.out), settings, source=destination.source, dry=dry
    )


def _note(path: Path, written: Written, *, hidden: bool) -> None:
    """The counts, in summary.json; none of them where small counts are hidden, for they are counts of patients too."""
    summary: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    trials = [_hidden(each) if hidden else each for each in written.trials]
    summary["writeBack"] = {"server": written.server, "errors": len(written.errors), "trials": trials}
    write_whole(path, msgspec.json.format(msgspec.json.encode(summary), indent=2))


def _hidden(told: TrialWritten) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(told)
    return {key: None if isinstance(value, int) else value for key, value in plain.items()}


def _lines(written: Written, verb: str) -> list[str]:
    lines = [f"{verb} to {written.server}"]
    for told in written.trials:
        if told.list in _NOTHING:
            lines.append(f"  {told.trial}: nothing, {_NOTHING[told.list]}")
            continue
        counts = [
            (told.created, "new"),
            (told.updated, "changed"),
            (told.ruled_out, "no longer fitting"),
            (told.unchanged, "as they were"),
            (told.left_alone, "left as a person moved them on"),
            (told.failed, "failed"),
        ]
        subjects = ", ".join(f"{count:,} {what}" for count, what in counts if count) or "no candidate"
        lines.append(f"  {told.trial}: {subjects}; List {told.list}")
    if written.errors:
        lines.append(
            f"  {len(written.errors):,} not written, listed in errors.ndjson; the same command goes on with them"
        )
    return lines
