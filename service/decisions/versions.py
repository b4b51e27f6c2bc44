"""The trial versions that decisions name, found by digest among all the files that are at hand."""

import hashlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from service.criteria.catalogue import Trial, Trials, compile_trial
from service.criteria.plan import Plan
from service.decisions.entry import TrialVersion
from service.errors import TrialError
from service.prefetch import Query, queries
from service.screening import Screening


class TrialVersions:
    """Every YAML file in some folders, and below the built-in trials; of a file whose digest nobody asks for nothing
    but that is known."""

    def __init__(self, screening: Screening, folders: Iterable[Path]) -> None:
        self._screening = screening
        built_in = Path(str(files("service.criteria") / "trials"))
        self._files = dict(_digested(built_in, *folders))
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._queries: dict[tuple[str, ...], tuple[Query, ...]] = {}
        self._compiled: dict[str, Trial] = {}

    def missing(self, wanted: Iterable[TrialVersion]) -> list[TrialVersion]:
        """Those of which no file is at hand, or none that still can be read."""
        return [version for version in wanted if self._trial(version) is None]

    def here(self, identifier: str) -> Trial | None:
        """The version of a trial that the installation has."""
        return next((trial for trial in self._screening.trials.trials if trial.id == identifier), None)

    def plan(self, wanted: Iterable[TrialVersion]) -> Plan:
        """The questions of just these versions, none of which may be missing."""
        found = [trial for version in wanted if (trial := self._trial(version)) is not None]
        key = tuple(trial.digest for trial in found)
        if key not in self._plans:
            self._plans[key] = Plan(Trials(tuple(found)))
        return self._plans[key]

    def queries(self, wanted: Iterable[TrialVersion]) -> tuple[Query, ...]:
        """What was asked of a FHIR server for these versions; for those of the installation where one is missing."""
        versions, screening = list(wanted), self._screening
        key = tuple(version.digest for version in versions)
        if key not in self._queries:
            plan = screening.plan if self.missing(versions) else self.plan(versions)
            self._queries[key] = tuple(queries(plan, screening.inputs, screening.terminology))
        return self._queries[key]

    def _trial(self, version: TrialVersion) -> Trial | None:
        digest = version.digest
        if digest not in self._compiled and digest in self._files:
            path = self._files[digest]
            try:
                text = path.read_text("utf-8")
                self._compiled[digest] = compile_trial(text, str(path), self._screening.vocabulary)
            except (TrialError, OSError, UnicodeDecodeError):
                del self._files[digest]  # a format of another time
        found = self._compiled.get(digest)
        return found if found is not None and found.id == version.id else None


def _digested(*folders: Path) -> Iterable[tuple[str, Path]]:
    for folder in folders:
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*.yaml")):
            try:
                yield hashlib.sha256(path.read_text("utf-8").encode()).hexdigest(), path
            except (OSError, UnicodeDecodeError):
                continue
