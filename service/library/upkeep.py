"""What in the library wants somebody's attention: trials that are due for review, drafts, versions not in effect."""

from collections.abc import Iterator

from service.criteria.catalogue import Trial, Trials, in_effect


def upkeep(trial: Trial, trials: Trials, used: Trials) -> Iterator[str]:
    """Why a trial does not answer where none is named, and what is to be done about it."""
    day = trials.day
    drafts = sum(bool(criterion.draft) for criterion in trial.criteria)
    if drafts:
        yield f"{drafts} of {len(trial.criteria)} criteria not checked yet"
    elif trial.standing == "draft":
        yield "a draft"
    if trial.standing == "retired":
        yield "retired"
    if day and not in_effect(trial, day):
        yield f"in effect from {trial.effective_from}" if trial.effective_from > day else f"ended {trial.effective_to}"
    elif trial.standing == "active" and trial not in used.trials:
        yield "not enabled here"
    if trial.review_by and trial.review_by < day:
        yield f"review was due {trial.review_by}"
    yield from _next_version(trial, trials)


def _next_version(trial: Trial, trials: Trials) -> Iterator[str]:
    later = [t.effective_from for t in trials.others if t.id == trial.id and t.effective_from > trial.effective_from]
    if later:
        yield f"next version from {min(later)}"
