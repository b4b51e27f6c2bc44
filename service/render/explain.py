"""A result as a web page that works without JavaScript: what stands in the way, what is missing, what a person judges,
what fits. It reads values and lays them out; nothing is decided here."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from msgspec import UNSET, UnsetType

from service.criteria.catalogue import Trial
from service.criteria.findings import Evidence
from service.criteria.results import Change, CriterionResult, Needed, PatientResult, TrialResult
from service.render.pages import SYSTEMS, environment

LinkFor = Callable[[str], str | None]

HEADLINES = {
    "certain": "Fits",
    "probable": "Probably fits",
    "possible": "May fit",
    "certainly-not": "Does not fit",
}
STATUS = {
    "draft": "This trial is a draft: nobody has checked all of its rules against the protocol yet.",
    "retired": "This trial file is retired: it is no longer in use.",
}
WHY = {
    "missing": "not on record",
    "stale": "too old",
    "conflict": "results contradict each other",
    "unusable": "the result on record cannot be used",
}
RECRUITMENT = {"unknown": "Recruitment status unknown"}
PHASES = {"early-phase-1": "Early phase 1", "not-applicable": "No phase"}
ACRONYMS = frozenset(
    {"alp", "alt", "anc", "ast", "cns", "cyp3a4", "dlco", "ecog", "er", "fev1", "fsh", "gi", "her2", "lh", "lvef"}
    | {"nyha", "pr", "recist"}
)
SPELT = {"cdk46": "CDK4/6", "hba1c": "HbA1c", "hemoglobin": "haemoglobin", "tdm1": "T-DM1"}
_SILENT = frozenset({"no-record"})
_NOT_CONCERNED = frozenset({"not-applicable"})
_RECORDED = frozenset({"recorded", "missing", "stale", "conflict", "unusable", "manual"})
_MISSING = "The record could answer these, but does not yet."
_JUDGED = "No record settles these; what is known is shown."
_WEB = re.compile(r"https?://[^\s/]|/(?![/\\])", re.IGNORECASE)


@dataclass(frozen=True)
class EvidenceRow:
    reference: str
    href: str
    date: str
    says: str
    used: bool
    why: str


@dataclass(frozen=True)
class CriterionView:
    """One criterion with its place in the source and the way that place was read."""

    id: str
    type: str
    text: str
    source: str
    reason: str
    interpretation: str
    site_default: str
    lifted: str
    rows: tuple[EvidenceRow, ...]

    @property
    def records(self) -> str:
        used = sum(row.used for row in self.rows)
        looked_at = counted(len(self.rows), "record", "records")
        return looked_at if used == len(self.rows) else f"{looked_at} looked at, {used or 'none'} used"


@dataclass(frozen=True)
class Part:
    """Criteria of one group under a common remark; `silent` where they rest on nothing being on record."""

    title: str
    criteria: tuple[CriterionView, ...]
    silent: bool = False


@dataclass(frozen=True)
class Group:
    """The criteria of one outcome: `key` names the colour and the sign, `anchor` the place on the page."""

    key: str
    anchor: str
    label: str
    title: str
    lead: str
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        return sum(len(part.criteria) for part in self.parts)


@dataclass(frozen=True)
class NeedView:
    name: str
    why: str
    last_date: str
    order: str
    order_name: str
    settles: tuple[tuple[str, str], ...]  # id and text of each criterion


@dataclass(frozen=True)
class Verdict:
    grade: str
    headline: str
    sentence: str
    change: str
    lifted: str
    closed: str


@dataclass(frozen=True)
class Page:
    """Everything that the template shows."""

    trial: Trial
    registry_href: str
    phase: str
    recruitment: str
    verdict: Verdict
    groups: tuple[Group, ...]
    needs: tuple[NeedView, ...]
    enough: str
    notices: tuple[str, ...]
    patient: str
    as_of: str
    as_of_words: str
    software: str


def explain_page(
    result: PatientResult,
    trial_result: TrialResult,
    trial: Trial,
    link_for: LinkFor | None = None,
    static: str = "../static",
) -> str:
    """The page of one trial for one patient, as HTML.

    `link_for` gives the address of a resource by its relative reference, or None; only http(s) addresses and paths of
    this host become links. `static` is where the style sheets are, relative to the page's own address.
    """
    page = view(result, trial_result, trial, link_for or _no_link)
    return _TEMPLATES.get_template("explain.html").render(page=page, static=static)


def expired_page(static: str = "../static") -> str:
    """What a link shows that has expired or was never given; the two are not told apart."""
    return _TEMPLATES.get_template("expired.html").render(static=static)


def view(result: PatientResult, trial_result: TrialResult, trial: Trial, link_for: LinkFor) -> Page:
    """The values of the page, in reading order."""
    groups = _groups(trial_result, trial, link_for)
    texts = {criterion.id: criterion.text for criterion in trial_result.criteria}
    return Page(
        trial=trial,
        registry_href=web_address(trial.registry_url),
        phase=phase(trial.phases),
        recruitment=recruitment(trial_result.recruitment),
        verdict=_verdict(trial_result, trial, groups, texts),
        groups=groups,
        needs=tuple(_need(need, texts) for need in trial_result.needed),
        enough=_enough(trial_result),
        notices=result.notices if result.notices is not UNSET else (),
        patient=result.patient,
        as_of=result.as_of,
        as_of_words=in_words(result.as_of),
        software=result.trialhook,
    )


def counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def in_words(day: str) -> str:
    """`2026-11-21` as `21 November 2026`; what is no whole date stays as it is."""
    try:
        read = date.fromisoformat(day)
    except ValueError:
        return day
    return f"{read.day} {read:%B %Y}"


def web_address(address: str | None) -> str:
    """The address where it leads to the web or to this host, else nothing: never a script."""
    return address if address and _WEB.match(address) else ""


def phase(phases: Iterable[str]) -> str:
    named = [PHASES.get(name, name.removeprefix("phase-")) for name in phases]
    numbers = [name for name in named if name.isdigit()]
    words = [name for name in named if not name.isdigit()]
    return ", ".join([*words, *([f"Phase {'/'.join(numbers)}"] if numbers else [])])


def recruitment(code: str) -> str:
    """A registry's recruitment code in words; `active-not-recruiting` has its comma."""
    words = code.replace("-", " ").replace("active not", "active, not")
    return RECRUITMENT.get(code, words[:1].upper() + words[1:])


def input_name(name: str) -> str:
    """An input's name as a reader writes it, where its label is not at hand: `her2-antibody` is `HER2 antibody`."""
    words = [word.upper() if word in ACRONYMS else SPELT.get(word, word) for word in name.split("-")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def at_start(label: str) -> str:
    """A label as the start of a line; a first word with capitals of its own, such as hCG, keeps them."""
    first = label.partition(" ")[0]
    return label[:1].upper() + label[1:] if first.islower() else label


def _no_link(reference: str) -> str | None:
    return None


def _verdict(result: TrialResult, trial: Trial, groups: tuple[Group, ...], texts: dict[str, str]) -> Verdict:
    return Verdict(
        grade=result.grade,
        headline=HEADLINES[result.grade],
        sentence=" ".join(filter(None, [_sentence(result.grade, groups), _standing(result), _arms(result)])),
        change=_change(result.changes_on, texts) if result.changes_on else "",
        lifted=_lifted(result.failure, result.until),
        closed=_closed(result, trial),
    )


def _sentence(grade: str, groups: tuple[Group, ...]) -> str:
    count = {group.key: group.count for group in groups}
    silent = sum(len(part.criteria) for group in groups for part in group.parts if part.silent)
    if grade == "certainly-not":
        stands = "stands" if count["fail"] == 1 else "stand"
        return f"{counted(count['fail'], 'criterion', 'criteria')} {stands} in the way."
    if grade == "possible":
        undecided = counted(count["unknown"], "criterion", "criteria")
        return f"Nothing on record stands in the way, but {undecided} cannot be decided yet."
    left = (
        [f"{counted(count['review'], 'point is', 'points are')} left for a person to judge"] if count["review"] else []
    )
    if silent:
        left.append(f"{counted(silent, 'criterion fits', 'criteria fit')} only because nothing is on record")
    if not left:
        return "Every criterion is met by what is on record."
    return f"Nothing on record stands in the way; {' and '.join(left)}."


def _standing(result: TrialResult) -> str:
    return STATUS[result.status] if result.status is not UNSET else ""


def _arms(result: TrialResult) -> str:
    """How the patient stands with each arm, where they differ in what they ask for."""
    arms = result.arms if result.arms is not UNSET else ()
    return " ".join(f"{arm.arm}: {HEADLINES[arm.grade].lower()}." for arm in arms)


def _change(change: Change, texts: dict[str, str]) -> str:
    because = "; ".join(texts.get(name, name) for name in change.because)
    answer = HEADLINES[change.grade].lower()
    told = f"From {in_words(change.date)}, if nothing new is recorded, the answer will be “{answer}”"
    return f"{told}: {because}." if because else f"{told}."


def _lifted(failure: str | UnsetType, until: str | UnsetType) -> str:
    """How a fail may be lifted, in words; empty where nothing fails."""
    if failure is UNSET:
        return ""
    if failure == "until":
        return f"This ends with the calendar alone, on {in_words(str(until))}."
    if failure == "permanent":
        return "This is for good: what has happened cannot be undone."
    return "Another result or record could change this."


def _enough(result: TrialResult) -> str:
    """What would be enough together, where there are several ways or several data."""
    sets = result.smallest_sets
    if sets is UNSET or not sets.worth_telling(result.needed):
        return ""
    labels = {need.input: need.label or need.input for need in result.needed}
    return "; or ".join(" and ".join(labels[name] for name in names) for names in sets.probable)


def _closed(result: TrialResult, trial: Trial) -> str:
    if trial.is_open:
        return ""
    since = f" ({in_words(trial.recruitment_date)})" if trial.recruitment_date else ""
    return f"This trial is not open for enrolment. Registry status: {recruitment(result.recruitment).lower()}{since}."


def _groups(result: TrialResult, trial: Trial, link_for: LinkFor) -> tuple[Group, ...]:
    read_as = {criterion.id: criterion.interpretation for criterion in trial.criteria}

    def part(title: str, outcome: str, bases: frozenset[str] | None = None) -> tuple[Part, ...]:
        chosen = [c for c in result.criteria if c.outcome == outcome and (bases is None or c.basis in bases)]
        views = tuple(_criterion(c, read_as.get(c.id, ""), link_for) for c in chosen)
        return (Part(title, views, bases == _SILENT),) if views else ()

    passed = part("On record", "pass", _RECORDED) + part("Nothing on record", "pass", _SILENT)
    passed += part("Does not concern this patient", "pass", _NOT_CONCERNED)
    return (
        Group("fail", "in-the-way", "in the way", "What stands in the way", "", part("", "fail")),
        Group("unknown", "missing", "missing", "What is missing", _MISSING, part("", "unknown")),
        Group("review", "to-judge", "to judge", "For a person to judge", _JUDGED, part("", "review")),
        Group("pass", "fits", "fit", "What fits", "", passed),
    )


def _criterion(criterion: CriterionResult, interpretation: str, link_for: LinkFor) -> CriterionView:
    return CriterionView(
        id=criterion.id,
        type=criterion.type,
        text=criterion.text,
        source=criterion.source,
        reason=criterion.reason,
        interpretation=interpretation,
        site_default=criterion.site_default if criterion.site_default is not UNSET else "",
        lifted=_lifted(criterion.failure, criterion.until),
        rows=tuple(_evidence(evidence, link_for) for evidence in criterion.evidence),
    )


def _evidence(evidence: Evidence, link_for: LinkFor) -> EvidenceRow:
    return EvidenceRow(
        reference=evidence.reference,
        href=web_address(link_for(evidence.reference)),
        date=evidence.date if evidence.date is not UNSET else "",
        says=evidence.says,
        used=evidence.used,
        why=evidence.why if evidence.why is not UNSET else "",
    )


def _need(need: Needed, texts: dict[str, str]) -> NeedView:
    order = need.order if need.order is not UNSET else None
    return NeedView(
        name=at_start(need.label or need.input),
        why=WHY[need.why] if need.lacks is UNSET else "what is on record has none",
        last_date=need.last_date if need.last_date is not UNSET else "",
        order=f"{SYSTEMS.get(order.system, order.system)} {order.code}" if order else "",
        order_name=order.display if order else "",
        settles=tuple((name, texts[name]) for name in need.settles if name in texts),
    )


_TEMPLATES = environment()
