"""A result as CDS Hooks cards: a rendering that adds no rule. One card a trial that is not certainly out of question.

Structure and limits are those of CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/#card-attributes).
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from service.criteria.catalogue import Trial
from service.criteria.results import Change, CriterionResult, Needed, PatientResult, TrialResult
from service.criteria.wording import counted
from service.render.markdown import escaped

MAX_SUMMARY = 139
SHOWN_LINES = 6
MAX_ORDERS = 3
EXTENSION = "org.trialhook.result"
REASON_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
TOPIC_SYSTEM = "https://trialhook.org/fhir/CodeSystem/card-topic"


class Coding(msgspec.Struct, frozen=True):
    system: str
    code: str
    display: str


OVERRIDE_REASONS = (
    Coding(REASON_SYSTEM, "patient-ineligible", "The patient is not eligible"),
    Coding(REASON_SYSTEM, "patient-refuses", "The patient does not want to take part"),
    Coding(REASON_SYSTEM, "patient-contraindication", "There is a contraindication"),
    Coding(REASON_SYSTEM, "need-more-info", "More information is needed first"),
    Coding(REASON_SYSTEM, "wrong-time-workflow", "Not the moment for it"),
    Coding(REASON_SYSTEM, "service-not-available", "The trial is not available here"),
)


class Source(msgspec.Struct, frozen=True):
    label: str
    topic: Coding
    url: str | UnsetType = UNSET


class Link(msgspec.Struct, frozen=True, rename="camel"):
    label: str
    url: str
    type: Literal["absolute", "smart"]
    app_context: str | UnsetType = UNSET


class Action(msgspec.Struct, frozen=True, rename="camel"):
    type: Literal["create", "update", "delete"]
    description: str
    resource: dict[str, Any] | UnsetType = UNSET
    resource_id: str | UnsetType = UNSET


class Suggestion(msgspec.Struct, frozen=True):
    label: str
    uuid: str
    actions: tuple[Action, ...]


class Card(msgspec.Struct, frozen=True, rename="camel"):
    uuid: str
    summary: str
    indicator: Literal["info", "warning", "critical"]
    detail: str
    source: Source
    links: tuple[Link, ...]
    selection_behavior: Literal["any", "at-most-one"] | UnsetType
    suggestions: tuple[Suggestion, ...] | UnsetType
    override_reasons: tuple[Coding, ...]
    extension: dict[str, Any]


class Cards(msgspec.Struct, frozen=True):
    cards: tuple[Card, ...]


class Desk(msgspec.Struct, frozen=True):
    """What a site's cards have in common: where the service is reached, a SMART app, whether only open trials show."""

    public_url: str
    smart_app_url: str = ""
    only_open: bool = False


def cards(
    result: PatientResult, trials: Mapping[str, Trial], desk: Desk, explain_url: Callable[[str], str]
) -> tuple[Card, ...]:
    """The cards of one result, open trials first, then by grade. `explain_url` gives the page of a trial by its id."""
    shown = [r for r in result.results if r.grade != "certainly-not"]
    if desk.only_open:
        shown = [r for r in shown if trials[r.trial].is_open]
    shown.sort(key=lambda r: not trials[r.trial].is_open)  # a stable sort: the result's own order within each
    return tuple(_card(result, r, trials[r.trial], desk, explain_url(r.trial)) for r in shown)


def card_uuid(trial: str) -> str:
    """A new uuid that tells which trial its card is about, so that feedback needs no list of all cards shown."""
    return str(UUID(bytes=_mark(trial) + os.urandom(12), version=4))


def trial_of(uuid: str, trials: Iterable[str]) -> str:
    """The trial of a card's uuid; empty for any other uuid."""
    try:
        mark = UUID(uuid).bytes[:4]
    except ValueError:
        return ""
    return next((trial for trial in trials if _mark(trial) == mark), "")


def _mark(trial: str) -> bytes:
    return hashlib.blake2b(trial.encode(), digest_size=4).digest()


def _card(result: PatientResult, found: TrialResult, trial: Trial, desk: Desk, explain: str) -> Card:
    return Card(
        uuid=card_uuid(trial.id),
        summary=summary(found, trial),
        indicator="info",
        detail=detail(found, trial),
        source=Source("Trialhook", _TOPIC, desk.public_url or UNSET),
        links=_links(trial, desk, explain),
        selection_behavior="any",
        suggestions=_suggestions(result, found, trial),
        override_reasons=OVERRIDE_REASONS,
        extension={EXTENSION: found},
    )


_TOPIC = Coding(TOPIC_SYSTEM, "clinical-trial-match", "Clinical trial match")


# -- words


def summary(found: TrialResult, trial: Trial) -> str:
    """One sentence of at most 139 characters: which trial, which phase, how it stands."""
    standing = _standing(found)
    closed = "" if trial.is_open else f" ({_closed(trial)})"
    name = trial.short_name if len(trial.short_name) <= 60 else trial.id
    said = f"{_draft(found)}{name}{_phase(trial)}: {standing}{closed}"
    return said if len(said) <= MAX_SUMMARY else f"{said[: MAX_SUMMARY - 1]}…"


def _standing(found: TrialResult) -> str:
    if found.grade == "certain":
        return "fits every criterion"
    if found.grade == "probable":
        left = sum(c.outcome == "review" for c in found.criteria)
        return f"probably eligible – {counted(left, 'question')} for a person" if left else "probably eligible"
    return f"may be eligible – {_missing(found)}"


def _missing(found: TrialResult) -> str:
    """How many criteria are unknown; as results, where a result each would settle them."""
    unknown = {c.id for c in found.criteria if c.outcome == "unknown"}
    measurable = {criterion for need in found.needed if need.order is not UNSET for criterion in need.settles}
    return f"{counted(len(unknown), 'result' if unknown <= measurable else 'item')} missing"


def _draft(found: TrialResult) -> str:
    return "Draft, not checked – " if found.status == "draft" else ""


def _phase(trial: Trial) -> str:
    numbers = [p.removeprefix("phase-") for p in trial.phases if p.startswith("phase-")]
    return f" (phase {'/'.join(numbers)})" if numbers else ""


def _closed(trial: Trial) -> str:
    told = _recruitment(trial)
    return told.replace("active not", "not") if "not recruiting" in told else f"not recruiting: {told}"


def _recruitment(trial: Trial) -> str:
    return trial.recruitment.replace("-", " ")


def detail(found: TrialResult, trial: Trial) -> str:
    """GitHub-flavoured Markdown without HTML: what is missing, what a person must judge, what fits."""
    parts = [f"**{escaped(trial.title)}**", f"{escaped(trial.id)}, {_recruitment(trial)}, {escaped(trial.sponsor)}"]
    if found.status == "draft":
        parts.append("**Draft:** nobody has checked all of this trial's rules against its protocol yet.")
    if found.arms is not UNSET:
        parts.append("; ".join(f"{escaped(a.arm)}: {_BY_ARM[a.grade]}" for a in found.arms))
    unknown = [c for c in found.criteria if c.outcome == "unknown"]
    review = [c for c in found.criteria if c.outcome == "review"]
    fits = [c for c in found.criteria if c.outcome == "pass" and c.basis == "recorded"]
    silent = sum(c.outcome == "pass" and c.basis == "no-record" for c in found.criteria)
    if found.changes_on is not None:
        parts.append(_change(found.changes_on, {c.id: c for c in found.criteria}))
    parts += _section("Missing or unclear", unknown)
    if found.smallest_sets is not UNSET and found.smallest_sets.worth_telling(found.needed):
        labels = {need.input: need.label or need.input for need in found.needed}
        parts.append(f"**Enough to settle it:** {escaped(', '.join(labels[name] for name in _enough(found)))}")
    parts += _section("For a person to judge", review, only_text=True)
    parts += _section("Fits", fits)
    if silent:
        parts.append(f"{counted(silent, 'criterion', 'criteria')} met because nothing to the contrary is on record.")
    return "\n\n".join(parts)


_LATER = {
    "certain": "fits every criterion",
    "probable": "is probably eligible",
    "possible": "may be eligible, but something is missing",
    "certainly-not": "is not eligible",
}


_BY_ARM = {
    "certain": "fits",
    "probable": "probably fits",
    "possible": "may fit",
    "certainly-not": "does not fit",
}


def _change(change: Change, criteria: Mapping[str, CriterionResult]) -> str:
    """What the calendar alone will change, and by which criteria."""
    because = "; ".join(escaped(criteria[name].text if name in criteria else name) for name in change.because[:3])
    more = f"; and {len(change.because) - 3} more" if len(change.because) > 3 else ""
    return f"**From {change.date}**, if nothing new is recorded, the patient {_LATER[change.grade]}: {because}{more}"


def _section(title: str, criteria: Sequence[CriterionResult], only_text: bool = False) -> list[str]:
    if not criteria:
        return []
    lines = [f"- {escaped(c.text if only_text else c.reason)}" for c in criteria[:SHOWN_LINES]]
    if len(criteria) > SHOWN_LINES:
        lines.append(f"- and {len(criteria) - SHOWN_LINES} more: see the explanation")
    return [f"**{title}** ({len(criteria)})", "\n".join(lines)]


# -- links and suggestions


def _links(trial: Trial, desk: Desk, explain: str) -> tuple[Link, ...]:
    links = [Link("Explanation: every criterion with its evidence", explain, "absolute")]
    if desk.smart_app_url:
        context = msgspec.json.encode({"trial": trial.id}).decode()
        links.append(Link("Open in the trials app", desk.smart_app_url, "smart", context))
    links.append(Link(f"Registry: {trial.id}", trial.registry_url, "absolute"))
    return tuple(links)


def _suggestions(result: PatientResult, found: TrialResult, trial: Trial) -> tuple[Suggestion, ...]:
    enough = _enough(found)
    wanted = [need for need in found.needed if need.input in enough]
    # criteria that also hang on what nobody can order, such as therapy not yet given: no order settles them yet
    waiting = {criterion for need in wanted if need.order is UNSET for criterion in need.settles}
    orders = [need for need in wanted if need.order is not UNSET and not waiting.issuperset(need.settles)][:MAX_ORDERS]
    refer = Suggestion(
        f"Ask the research team about {trial.id}",
        card_uuid(trial.id),
        (Action("create", f"Create a task for the research team to check {trial.id}", _task(result, found, trial)),),
    )
    return (refer, *(_order(result, need, trial) for need in orders))


def _enough(found: TrialResult) -> Collection[str]:
    """The inputs of the smallest set that could settle the trial; all that are needed where no set is known."""
    sets = found.smallest_sets.probable if found.smallest_sets is not UNSET else ()
    return sets[0] if sets else [need.input for need in found.needed]


def _task(result: PatientResult, found: TrialResult, trial: Trial) -> dict[str, Any]:
    """A Task (R4) that asks the research team to check the patient for a trial."""
    return {
        "resourceType": "Task",
        "status": "draft",
        "intent": "proposal",
        "priority": "routine",
        "code": {"text": "Check eligibility for a clinical trial"},
        "description": f"{trial.id} {trial.short_name}: {_standing(found)} as of {result.as_of}",
        "for": {"reference": result.patient},
        "input": [{"type": {"text": "Trial"}, "valueUri": trial.registry_url}],
    }


def _order(result: PatientResult, need: Needed, trial: Trial) -> Suggestion:
    order = need.order
    assert not isinstance(order, UnsetType)
    name = order.display or need.label or need.input
    if need.lacks is not UNSET:  # the same result again would be of no use
        name = f"{name} with its {need.lacks}"
    resource = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "code": {"coding": [{"system": order.system, "code": order.code, "display": order.display}], "text": name},
        "subject": {"reference": result.patient},
        "reasonCode": [{"text": f"Missing for the eligibility check of {trial.id}"}],
    }
    action = Action("create", f"Draft an order: {name}", resource)
    return Suggestion(f"Order what is missing: {name}", card_uuid(trial.id), (action,))
