"""A decision judged anew from its input, by the trial versions it names, and compared bit by bit."""

from collections.abc import Iterable, Iterator
from datetime import date

from service import __version__
from service.criteria.plan import Plan
from service.criteria.results import PatientResult
from service.decisions.asked import Answer, answer, answer_text
from service.decisions.entry import Basis, Decision
from service.decisions.inputs import Inputs
from service.decisions.keys import Key, Keys
from service.decisions.screenings import Screenings
from service.decisions.verdicts import Compared, Difference, Replayed
from service.decisions.versions import TrialVersions
from service.errors import RecordError
from service.screening import Screening


class Replay:
    """Everything that judging again takes. `basis` is what this installation's settings contribute to answers."""

    def __init__(
        self,
        screening: Screening,
        basis: Basis,
        keys: Keys,
        versions: TrialVersions,
        inputs: Inputs,
        screenings: Screenings,
    ) -> None:
        self._screening = screening
        self._basis = basis
        self._keys = keys
        self._versions = versions
        self._inputs = inputs
        self._screenings = screenings

    def of(self, decision: Decision) -> Replayed:
        """Judge it as it was judged then. SourceError where an input that is at hand cannot be read."""
        missing = self._missing_versions(decision)
        verdict, found = self._judged(decision, None if missing else self._versions.plan(decision.trials))
        because = (*missing, *self._changed(decision), *found)
        return Replayed(decision.decision, verdict, decision.time, decision.endpoint, decision.as_of, because)

    def _judged(self, decision: Decision, plan: Plan | None) -> Compared:
        """`plan` is None where versions of trials are missing: then only what else is missing is told."""
        try:
            key = self._keys[decision.key]
        except KeyError:
            return "not-reproduced", [Difference("key", logged=decision.key)]
        judged = self._population if decision.question == "population" else self._answer
        return judged(decision, key, plan)

    def _answer(self, decision: Decision, key: Key, plan: Plan | None) -> Compared:
        about = self._inputs.of(decision, self._versions.queries(decision.trials))
        if about is None:
            return _unknown_input(decision)
        if plan is None:
            return "not-reproduced", []
        day = date.fromisoformat(decision.as_of).toordinal()
        try:
            made = answer(self._screening, plan, about, decision.question, day)
        except RecordError as problem:
            return "differs", [Difference("answer", logged=decision.answer, here=problem.code)]
        return _compared(decision, key.answer(answer_text(made, decision.trialhook)), _regraded(decision, made))

    def _population(self, decision: Decision, key: Key, plan: Plan | None) -> Compared:
        past = self._screenings.of(decision, key)
        if past is None:
            return _unknown_input(decision)
        if past.changed or plan is None:
            return "not-reproduced", list(past.changed)
        made = self._screenings.again(past, decision, plan.trials)
        if key.input(made.inputs) != decision.input:  # changed while it was screened
            return _unknown_input(decision)
        return _compared(decision, key.answer(made.results), _recounted(decision, made.grades))

    def _missing_versions(self, decision: Decision) -> list[Difference]:
        found = []
        for version in self._versions.missing(decision.trials):
            trial = self._versions.here(version.id)
            here = {"version": trial.version, "digest": trial.digest} if trial else None
            logged = {"version": version.version, "digest": version.digest}
            found.append(Difference("trial-version", version.id, logged, here))
        return found

    def _changed(self, decision: Decision) -> list[Difference]:
        """What else bears on answers and is not as it was."""
        then, now, found = decision.basis, self._basis, []
        pairs = (("TIMEZONE", then.timezone, now.timezone), ("ULN", then.uln, now.uln))
        found += [Difference("settings", name, logged, here) for name, logged, here in pairs if logged != here]
        if then.digest != now.digest and not found:
            found.append(Difference("value-sets", logged=then.digest, here=now.digest))
        if then.recruitment != now.recruitment:
            found.append(Difference("settings", "RECRUITMENT", then.recruitment, now.recruitment))
        if decision.trialhook != __version__:
            found.append(Difference("trialhook", logged=decision.trialhook, here=__version__))
        return found


def _unknown_input(decision: Decision) -> Compared:
    return "not-reproduced", [Difference("input", logged=decision.input)]


def _compared(decision: Decision, here: str, grades: Iterable[Difference]) -> Compared:
    if here == decision.answer:
        return "same", []
    return "differs", [Difference("answer", logged=decision.answer, here=here), *grades]


def _regraded(decision: Decision, made: Answer) -> Iterator[Difference]:
    if isinstance(made, PatientResult):
        grades = {result.trial: result.grade for result in made.results}
        for trial in decision.trials:
            if trial.grade != grades.get(trial.id):
                yield Difference("grade", trial.id, trial.grade, grades.get(trial.id))


def _recounted(decision: Decision, grades: dict[str, dict[str, int]]) -> Iterator[Difference]:
    for trial in decision.trials:
        logged, here = decision.grades.get(trial.id, {}), grades.get(trial.id, {})
        if logged != here:
            yield Difference("grade", trial.id, logged, here)
