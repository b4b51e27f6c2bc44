"""A decision judged anew from its input, by the trial versions it names, and compared bit by bit."""

from datetime import date
from typing import Any, Literal

import msgspec

from service import __version__
from service.criteria.results import PatientResult
from service.decisions.asked import Answer, Asked, answer, answer_text
from service.decisions.entry import Basis, Decision
from service.decisions.inputs import Inputs
from service.decisions.keys import Keys
from service.decisions.versions import TrialVersions
from service.errors import RecordError
from service.screening import Screening

Verdict = Literal["same", "differs", "not-reproduced"]


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is not as it was logged, or not at hand. `what`: input, key, trial-version, settings, value-sets,
    trialhook, answer, grade; `entry` for a line that is none, `population` for a screening: it is screened again, not
    replayed."""

    what: str
    name: str = ""
    logged: Any = None
    here: Any = None


class Replayed(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of one decision. `because` may name differences also where the answer is the same."""

    decision: str
    verdict: Verdict
    time: str = ""
    endpoint: str = ""
    as_of: str = ""
    because: tuple[Difference, ...] = ()


class Replay:
    """Everything that judging again takes. `basis` is what this installation's settings contribute to answers."""

    def __init__(self, screening: Screening, basis: Basis, keys: Keys, versions: TrialVersions, inputs: Inputs) -> None:
        self._screening = screening
        self._basis = basis
        self._keys = keys
        self._versions = versions
        self._inputs = inputs

    def of(self, decision: Decision) -> Replayed:
        """Judge it as it was judged then. SourceError where an input that is at hand cannot be read."""
        found = self._changed(decision)
        verdict: Verdict = "not-reproduced"
        missing = self._missing_versions(decision)
        try:
            about = self._about(decision)
            if about is None:
                what = "population" if decision.question == "population" else "input"
                found.append(Difference(what, logged=decision.input))
        except KeyError:
            about = None
            found.append(Difference("key", logged=decision.key))
        if about is not None and not missing:
            day = date.fromisoformat(decision.as_of).toordinal()
            try:
                plan = self._versions.plan(decision.trials)
                made = answer(self._screening, plan, about, decision.question, day)
            except RecordError as problem:
                found.append(Difference("answer", logged=decision.answer, here=problem.code))
                verdict = "differs"
            else:
                verdict, differences = self._compared(decision, made)
                found += differences
        return Replayed(
            decision.decision, verdict, decision.time, decision.endpoint, decision.as_of, (*missing, *found)
        )

    def _about(self, decision: Decision) -> Asked | None:
        if decision.question == "population":
            return None
        return self._inputs.of(decision, self._versions.queries(decision.trials))

    def _compared(self, decision: Decision, made: Answer) -> tuple[Verdict, list[Difference]]:
        here = self._keys[decision.key].answer(answer_text(made, decision.trialhook))
        if here == decision.answer:
            return "same", []
        found = [Difference("answer", logged=decision.answer, here=here)]
        if isinstance(made, PatientResult):
            grades = {result.trial: result.grade for result in made.results}
            found += [
                Difference("grade", trial.id, trial.grade, grades.get(trial.id))
                for trial in decision.trials
                if trial.grade != grades.get(trial.id)
            ]
        return "differs", found

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
