"""A screening's candidates written to a FHIR server: a List a trial, a ResearchSubject a candidate.

Run twice, it writes nothing twice; run after a failure, it goes on. It takes nothing away: a candidate who no longer
fits is marked so, and what a person decided or added is left as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from service.criteria.catalogue import Trial
from service.criteria.results import PatientResult
from service.fhir_client import FhirServers, NotAuthorized
from service.fhir_client.answers import Failure
from service.population.candidates import (
    Resource,
    entries_of,
    identifiers,
    is_open,
    list_of,
    listed,
    name_of,
    own_name,
    regraded,
    study_of,
    subject,
)
from service.population.screening_list import ScreeningList
from service.population.spill import ErrorRow, logical_id
from service.population.write_target import Conflict, Target, check_client, writing_access
from service.population.written import WRITE_BACK, TrialWritten, Written
from service.settings import Settings

T = TypeVar("T")
OUT = "certainly-not"
BATCH = 25  # identifiers in one search, so that its address stays short
ATTEMPTS = 5  # at a resource that others change at the same time
PATIENCE = 10  # failures in a row before the rest is not tried


class _Held(msgspec.Struct):
    """What a server holds for one trial: its List, and the ResearchSubjects on it that this screening does not name."""

    held: Resource | None
    others: Sequence[Resource]


class _Stopped(Exception):
    """The server takes nothing more; the rest is not tried."""


def write_back(
    base: str,
    trials: Iterable[Trial],
    found: ScreeningList,
    results: Callable[[], Iterator[PatientResult]],
    settings: Settings,
    *,
    source: str = "",
    dry: bool = False,
) -> Written:
    """Write the candidates to a server. `results` gives all results once more; `source` is a server that was named as
    the source and need not be listed to be written to. NotAllowed where the server may not be called."""
    allowed = [*settings.fhir_allowed, *([source] if source else [])]
    authorities = settings.certificate_authorities
    with FhirServers(allowed, settings.max_body, retries=4, pause=0.5, certificates=authorities) as servers:
        servers.at(base)
        target = Target(servers, base, writing_access(servers, base, settings), dry=dry)
        return Writer(target, base).write(list(trials), found, results)


class Writer:
    """Writes to one server, trial by trial."""

    def __init__(self, target: Target, base: str) -> None:
        self._target = target
        self._in_a_row = 0
        self.written = Written(base, [], [])

    def write(
        self, trials: list[Trial], found: ScreeningList, results: Callable[[], Iterator[PatientResult]]
    ) -> Written:
        try:
            self.written.trials += [TrialWritten(trial.id, list="draft") for trial in trials if _is_draft(trial)]
            trials = [trial for trial in trials if not _is_draft(trial)]
            held = {trial.id: self._held(trial, found) for trial in trials}
            out = _ruled_out(held, results)
            for trial in trials:
                if (of_trial := held[trial.id]) is not None:
                    self._write(trial, found, of_trial, out)
        except _Stopped as stop:
            self._error(f"{stop}; the rest was not tried, the same command goes on with it")
        return self.written

    # -- reading

    def _held(self, trial: Trial, found: ScreeningList) -> _Held | None:
        """None where it cannot be read: nothing is written then, for what a person did there is not known."""
        try:
            return self._trying(lambda: self._read(trial, found), writes=False)
        except Failure as failure:
            self.written.trials.append(TrialWritten(trial.id, failed=len(found.candidates(trial.id)), list="failed"))
            self._error(f"List for {trial.id}: {failure.problem}")
            return None

    def _read(self, trial: Trial, found: ScreeningList) -> _Held:
        held = self._target.named("List", trial.id)
        names = {name_of(trial.id, patient) for patient, _ in found.candidates(trial.id)}
        others: list[Resource] = []
        for some in _batches(list(entries_of(held or {}))):
            read = self._target.find("ResearchSubject", f"_id={','.join(some)}&_count={2 * BATCH}")
            others += [each for each in read if _is_ours(each, trial.id) and own_name(each) not in names]
        return _Held(held, others)

    # -- writing

    def _write(self, trial: Trial, found: ScreeningList, held: _Held, out: set[tuple[str, str]]) -> None:
        told = TrialWritten(trial.id, list="failed")  # until it is done
        self.written.trials.append(told)
        if held.held is not None and held.held.get("status") != "current":
            told.list = "retired"
            return
        grades = dict(self._candidates(trial, found.candidates(trial.id), told))
        for each in held.others:
            if (trial.id, _patient(each)) in out:
                grades |= self._rule_out(each, trial, told)
        if held.held is None and not grades:
            told.list = "none"
        else:
            told.list = self._list(trial, held.held, grades, found.as_of)

    def _candidates(
        self, trial: Trial, candidates: list[tuple[str, str]], told: TrialWritten
    ) -> Iterator[tuple[str, str]]:
        """The ids of the candidates' ResearchSubjects with their grades; none of those that a person has moved on."""
        for some in _batches(candidates):
            names = [name_of(trial.id, patient) for patient, _ in some]
            try:
                known = self._trying(partial(self._subjects, names), writes=False)
            except Failure as failure:
                told.failed += len(some)
                self._error(f"ResearchSubjects for {trial.id}: {failure.problem}")
                continue
            for patient, grade in some:
                made = self._candidate(trial, patient, grade, known.get(name_of(trial.id, patient), []), told)
                if made is not None and is_open(made):
                    yield made["id"], grade

    def _subjects(self, names: Sequence[str]) -> dict[str, list[Resource]]:
        known: dict[str, list[Resource]] = {}
        for each in self._target.find("ResearchSubject", f"{identifiers(names)}&_count={2 * BATCH}"):
            known.setdefault(own_name(each), []).append(each)
        return known

    def _candidate(
        self, trial: Trial, patient: str, grade: str, known: list[Resource], told: TrialWritten
    ) -> Resource | None:
        """The ResearchSubject of one candidate as it is now; None where it could not be written."""
        try:
            if len(known) > 1:
                raise Failure("several hold the identifier of this one; a person has to remove all but one")
            return self._trying(lambda: self._made(trial, patient, grade, known, told))
        except Failure as failure:
            told.failed += 1
            self._error(f"ResearchSubject for {trial.id}: {failure.problem}", patient)
            return None

    def _made(self, trial: Trial, patient: str, grade: str, known: list[Resource], told: TrialWritten) -> Resource:
        if known:
            return self._graded(known[0], grade, told)
        name = name_of(trial.id, patient)
        made, is_new = self._target.create(subject(trial.id, patient, grade, study_of(trial)), name)
        if not is_new:
            return self._graded(made, grade, told)
        told.created += 1
        return made

    def _graded(self, held: Resource, grade: str, told: TrialWritten) -> Resource:
        """Give a ResearchSubject its grade, unless a person has moved it on."""
        now, changed = self._changed(held, lambda each: regraded(each, grade) if is_open(each) else each)
        if not is_open(now):
            told.left_alone += 1
        elif changed:
            told.updated += 1
        else:
            told.unchanged += 1
        return now

    def _rule_out(self, held: Resource, trial: Trial, told: TrialWritten) -> dict[str, str]:
        """Mark one that was a candidate and fits no longer; its id with the grade, if it is still ours to mark."""
        passed_over = TrialWritten(trial.id)
        try:
            now = self._trying(lambda: self._graded(held, OUT, passed_over))
        except Failure as failure:
            told.failed += 1
            self._error(f"ResearchSubject for {trial.id}: {failure.problem}", f"Patient/{_patient(held)}")
            return {}
        told.left_alone += passed_over.left_alone
        told.ruled_out += passed_over.updated + passed_over.unchanged
        return {now["id"]: OUT} if is_open(now) else {}

    def _list(self, trial: Trial, held: Resource | None, grades: Mapping[str, str], as_of: str) -> str:
        try:
            return self._trying(lambda: self._listed(trial, held, grades, as_of))
        except Failure as failure:
            self._error(f"List for {trial.id}: {failure.problem}")
            return "failed"

    def _listed(self, trial: Trial, held: Resource | None, grades: Mapping[str, str], as_of: str) -> str:
        if held is None:
            made = listed(list_of(trial, trial.id, "working"), grades, as_of)
            held, is_new = self._target.create(made, trial.id)
            if is_new:
                return "created"
        _, changed = self._changed(held, lambda each: listed(each, grades, as_of) if _is_current(each) else each)
        return "updated" if changed else "unchanged"

    def _changed(self, held: Resource, change: Callable[[Resource], Resource]) -> tuple[Resource, bool]:
        """The resource after a change, and whether it took one. Where somebody else was faster, their version is
        changed."""
        for _ in range(ATTEMPTS):
            now = change(held)
            if now is held:
                return held, False
            try:
                self._target.update(now)
            except Conflict:
                read = self._target.read(held["resourceType"], held["id"])
                if read is None:
                    raise Failure("it was deleted while it was written") from None
                held = read
            else:
                return now, True
        raise Failure("others keep changing it at the same time", temporary=True)

    # -- what goes wrong

    def _trying(self, work: Callable[[], T], *, writes: bool = True) -> T:
        """The result of some requests; _Stopped where no token can be had, or one failure follows another. What is only
        read does not end a row of failures."""
        try:
            done = work()
        except NotAuthorized as problem:
            raise _Stopped(problem.message) from None
        except Failure as failure:
            self._in_a_row += 1
            if self._in_a_row >= PATIENCE:
                raise _Stopped(f"{self._in_a_row} failures one after the other, the last: {failure.problem}") from None
            raise
        if writes:
            self._in_a_row = 0
        return done

    def _error(self, reason: str, patient: str = "") -> None:
        self.written.errors.append(ErrorRow(WRITE_BACK, 0, reason, patient))


def may_write(base: str, source: str, settings: Settings) -> None:
    """NotAllowed where the server is neither listed nor the source; SettingsError where no token could be asked for."""
    allowed = [*settings.fhir_allowed, *([source] if source else [])]
    with FhirServers(allowed, settings.max_body) as servers:
        servers.at(base)
        check_client(servers, settings)


def _ruled_out(
    held: Mapping[str, _Held | None], results: Callable[[], Iterator[PatientResult]]
) -> set[tuple[str, str]]:
    """Trial and patient of those on a List who were judged and fit no longer; who was not judged is not among them."""
    wanted = {(trial, _patient(each)) for trial, of in held.items() if of is not None for each in of.others}
    if not wanted:
        return set()
    return {
        (trial.trial, patient)
        for result in results()
        for patient in [logical_id(result.patient)]
        for trial in result.results
        if trial.grade == OUT and (trial.trial, patient) in wanted
    }


def _patient(resource: Mapping[str, Any]) -> str:
    return logical_id(str((resource.get("individual") or {}).get("reference") or ""))


def _is_draft(trial: Trial) -> bool:
    """Nobody has checked its rules: it is no ground for a list that others work with."""
    return trial.standing == "draft"


def _is_ours(resource: Mapping[str, Any], trial: str) -> bool:
    return own_name(resource) == name_of(trial, f"Patient/{_patient(resource)}")


def _is_current(held: Mapping[str, Any]) -> bool:
    return held.get("status") == "current"


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[first : first + BATCH] for first in range(0, len(items), BATCH))
