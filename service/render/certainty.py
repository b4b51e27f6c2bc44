"""What a trial's answers rest on besides the record: silence, the site's defaults, readings of an unclear source."""

from msgspec import UNSET, structs

from service.criteria.catalogue import Trial, Trials
from service.criteria.results import PatientResult, RestsOn, TrialResult


def explained(result: PatientResult, trials: Trials) -> PatientResult:
    """The result with what each trial's answers rest on."""
    return structs.replace(result, rests_on=tuple(rests_on(r, trials[r.trial]) for r in result.results))


def rests_on(result: TrialResult, trial: Trial) -> RestsOn:
    """What the answers of one trial rest on. Interpretations are told whatever the answer: they shape it either way."""
    return RestsOn(
        trial=result.trial,
        silence=tuple(c.id for c in result.criteria if c.outcome == "pass" and c.basis == "no-record"),
        site_defaults={c.id: c.site_default for c in result.criteria if c.site_default is not UNSET},
        interpretations={c.id: c.interpretation for c in trial.criteria if c.interpretation},
        of_the_trial=trial.interpretations,
    )
