"""A trial as a page in Markdown, for people: facts, every criterion with how it is judged in plain words and what stays
for a person, how the source was read, and the cases that hold it."""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from service.criteria.allergies import AllergyRule
from service.criteria.cancer import CancerRule
from service.criteria.catalogue import Criterion, Trial
from service.criteria.describing import describe, sentence
from service.criteria.drug_now import NoDrugNowRule
from service.criteria.evaluation import Rule
from service.criteria.for_a_person import ReviewRule
from service.criteria.rules import Concern
from service.criteria.since_metastasis import NoTherapySinceRule
from service.criteria.taken_over_time import SteadyDrugRule
from service.render.explain import phase, recruitment
from service.render.markdown import escaped
from service.sharing.cql import DRAFT

_STANDING = {
    "draft": "**A draft**: some of it was not checked by a person; its answers count for nothing.",
    "retired": "**Retired**: kept for the record, asked of nobody.",
}


class Graded(Protocol):
    """What is expected of a trial; an empty grade is not looked at."""

    @property
    def grade(self) -> str: ...


class Case(Protocol):
    """A patient beside the trial: outcomes by criterion, and what is expected of the trial."""

    @property
    def name(self) -> str: ...

    @property
    def outcomes(self) -> Mapping[str, str]: ...

    @property
    def expected(self) -> Graded: ...


def trial_page(trial: Trial, cases: Iterable[Case]) -> str:
    """The whole page. Everything that the trial's file says is escaped: its text stays text."""
    return "\n".join(_page(trial, list(cases))) + "\n"


def _page(trial: Trial, cases: list[Case]) -> Iterable[str]:
    yield f"# {escaped(trial.short_name)} ({escaped(trial.id)})"
    yield from ("", escaped(trial.title))
    if trial.standing != "active":
        yield from ("", _STANDING[trial.standing])
    if trial.example:
        yield from ("", "An example, not a real study.")
    yield from ("", *_table(("", ""), _facts(trial)))
    yield from _section("Arms", (f"{arm.name} ({arm.type}): {arm.description}" for arm in trial.arms))
    yield from _section("Sites", (", ".join(filter(None, (s.name, s.city, s.state, s.country))) for s in trial.sites))
    yield from _section("Results", (f"{r.result} ({r.citation}, {r.date})" for r in trial.results))
    yield from _section("How the source was read", trial.interpretations)
    for kind in ("inclusion", "exclusion"):
        asked = [criterion for criterion in trial.criteria if criterion.type == kind]
        if asked:
            head = ("Id", "Source", "What the trial asks", "How it is judged", "What stays for a person", "Read as")
            yield from ("", f"## {kind.capitalize()}", "", *_table(head, map(_criterion, asked)))
    if cases:
        yield from ("", "## Cases", "", *_table(("Patient", "Expected"), map(_case, cases)))


def _facts(trial: Trial) -> Iterable[tuple[str, ...]]:
    as_of = f" (as of {trial.recruitment_date})" if trial.recruitment_date else ""
    effect = " ".join(
        f"{word} {day}" for word, day in (("from", trial.effective_from), ("to", trial.effective_to)) if day
    )
    for name, value in (
        ("Phase", phase(trial.phases).removeprefix("Phase ")),
        ("Recruitment", recruitment(trial.recruitment) + as_of),
        ("Recruitment note", trial.recruitment_note),
        ("Sponsor", trial.sponsor),
        ("Registry", trial.registry_url),
        ("Version", trial.version),
        ("In effect", effect),
        ("Owner", trial.owner),
        ("Review by", trial.review_by),
        ("Written from", trial.source),
        ("Enrolled", trial.enrolled),
    ):
        if value:
            yield name, escaped(value)


def _section(title: str, lines: Iterable[str]) -> Iterable[str]:
    items = [f"- {escaped(line)}" for line in lines]
    return ["", f"## {title}", "", *items] if items else []


def _criterion(criterion: Criterion) -> tuple[str, ...]:
    manual = criterion.rule.outcomes() == {"review"}
    judged = "" if manual else escaped(sentence(criterion.rule))
    if criterion.draft:
        judged = f"{escaped(DRAFT)}, read from “{escaped(criterion.draft)}”: {judged}"
    text = escaped(criterion.text)
    if criterion.arms:
        text += f" (only for {escaped(', '.join(criterion.arms))})"
    person = escaped("; ".join(dict.fromkeys(_for_a_person(criterion.rule))))
    return _code(criterion.id), escaped(criterion.source), text, judged, person, escaped(criterion.interpretation)


def _for_a_person(rule: Rule) -> Iterable[str]:
    """What a person is asked, wherever in the rule it stands."""
    asked = list(_questions(rule))
    if not asked and "review" in rule.outcomes():
        return ["what the record does not settle"]
    return asked


def _questions(part: object) -> Iterable[str]:
    if isinstance(part, ReviewRule):
        yield part.question
    elif isinstance(part, Concern) and part.then == "review":
        yield f"{describe(part.sign)}{f': {part.because}' if part.because else ''}"
    elif isinstance(part, AllergyRule):
        yield f"an intolerance of {part.label}{', or an allergy to a related drug' if part.related else ''}"
    elif isinstance(part, SteadyDrugRule) and part.same_dose:
        yield "where a record of the drug began since then: whether the dose is the same"
    elif isinstance(part, CancerRule) and part.stage_3 == "review":
        yield "stage III without spread: whether it can be removed or irradiated with the aim of cure"
    elif isinstance(part, NoDrugNowRule) and part.outcome == "review":
        yield f"where {part.therapy.drugs.label} is being taken: whether it can stop"
    elif isinstance(part, NoTherapySinceRule) and part.local:
        yield "local treatment since then"
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _questions(getattr(part, name))
    elif isinstance(part, tuple):
        for item in part:
            yield from _questions(item)


def _case(case: Case) -> tuple[str, ...]:
    said = [f"{_code(name)}: {outcome}" for name, outcome in case.outcomes.items()]
    if case.expected.grade:
        said.append(f"the trial: {case.expected.grade}")
    return escaped(case.name), "; ".join(said)


def _code(name: str) -> str:
    """An id as code; one that holds odd signs as escaped text."""
    return f"`{name}`" if re.fullmatch(r"[\w.-]+", name) else escaped(name)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"
