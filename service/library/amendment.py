"""What an amendment changes: two versions of a trial compared criterion by criterion, in clinical words, and whether
each change lets in more patients or fewer."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import msgspec

from service.criteria.catalogue import Criterion, Trial
from service.criteria.describing import sentence
from service.library.loosening import Step, steps

Kind = Literal["added", "removed", "renamed", "tightened", "loosened", "changed", "words"]
Direction = Literal["", "tighter", "looser"]


class CriterionChange(msgspec.Struct, frozen=True, rename="camel"):
    """One criterion: what happened to it, in which words. `words` is a change that no rule notices."""

    id: str
    change: Kind
    says: tuple[str, ...]


class FactChange(msgspec.Struct, frozen=True, rename="camel"):
    """One fact of the trial, before and after; empty where it was not told."""

    fact: str
    before: str
    after: str


class Amendment(msgspec.Struct, frozen=True, rename="camel"):
    """Everything that differs between two versions of a trial."""

    criteria: tuple[CriterionChange, ...]
    facts: tuple[FactChange, ...]


def compare(old: Trial, new: Trial) -> Amendment:
    """Two versions: criteria in the new file's order, those that are gone last."""
    before, after = {c.id: c for c in old.criteria}, {c.id: c for c in new.criteria}
    left, come = [c for c in old.criteria if c.id not in after], [c for c in new.criteria if c.id not in before]
    renamed = dict(_renamed(left, come))
    found: list[CriterionChange] = []
    for name, criterion in after.items():
        if name in renamed:
            found.append(CriterionChange(name, "renamed", (f"was {renamed[name]}",)))
        elif name not in before:
            found.append(CriterionChange(name, "added", tuple(_whole(criterion))))
        else:
            found += _changes(before[name], criterion)
    gone = [c for c in left if c.id not in renamed.values()]
    found += [CriterionChange(c.id, "removed", tuple(_whole(c))) for c in gone]
    return Amendment(tuple(found), tuple(_facts(old, new)))


def _renamed(gone: Iterable[Criterion], come: Iterable[Criterion]) -> Iterator[tuple[str, str]]:
    """Criteria that have another id and are the same otherwise."""
    left = list(gone)
    for criterion in come:
        for old in left:
            if msgspec.structs.replace(old, id=criterion.id) == criterion:
                left.remove(old)
                yield criterion.id, old.id
                break


def _whole(criterion: Criterion) -> Iterator[str]:
    only = f", only for {', '.join(criterion.arms)}" if criterion.arms else ""
    yield f"{criterion.type}{only}: {criterion.text}"
    yield sentence(criterion.rule)


def _changes(old: Criterion, new: Criterion) -> Iterator[CriterionChange]:
    found = [*_frame(old, new), *steps(old.rule, new.rule)]
    words = list(_words(old, new))
    if found:
        yield CriterionChange(new.id, _kind(found), tuple(step.says for step in found) + tuple(words))
    elif words:
        yield CriterionChange(new.id, "words", tuple(words))


def _kind(found: Iterable[Step]) -> Kind:
    directions = {step.direction for step in found}
    if directions == {"tighter"}:
        return "tightened"
    return "loosened" if directions == {"looser"} else "changed"


def _frame(old: Criterion, new: Criterion) -> Iterator[Step]:
    """What stands around the rule and changes answers all the same."""
    if old.arms != new.arms:
        yield Step(_narrowed(old.arms, new.arms), f"asked for {_arms(old)} → {_arms(new)}")
    if bool(old.draft) != bool(new.draft):
        yield Step("", "a draft → checked" if old.draft else "checked → a draft")


def _narrowed(old: tuple[str, ...], new: tuple[str, ...]) -> Direction:
    if not old or (new and set(new) < set(old)):
        return "looser"
    return "tighter" if not new or set(new) > set(old) else ""


def _arms(criterion: Criterion) -> str:
    return ", ".join(criterion.arms) or "all arms"


def _words(old: Criterion, new: Criterion) -> Iterator[str]:
    for name in ("type", "text", "source", "interpretation"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name}: {before or '–'} → {after or '–'}"


# -- facts

_FACTS: tuple[tuple[str, Callable[[Trial], Any]], ...] = (
    ("short name", lambda t: t.short_name),
    ("title", lambda t: t.title),
    ("version", lambda t: t.version),
    ("status", lambda t: t.standing),
    ("phases", lambda t: ", ".join(t.phases)),
    ("recruitment", lambda t: t.recruitment),
    ("recruitment date", lambda t: t.recruitment_date),
    ("recruitment note", lambda t: t.recruitment_note),
    ("sponsor", lambda t: t.sponsor),
    ("registry", lambda t: t.registry_url),
    ("written from", lambda t: t.source),
    ("enrolled", lambda t: t.enrolled),
    ("owner", lambda t: t.owner),
    ("review by", lambda t: t.review_by),
    ("effective from", lambda t: t.effective_from),
    ("effective to", lambda t: t.effective_to),
)
_LISTS: tuple[tuple[str, Callable[[Trial], Iterable[str]]], ...] = (
    ("arm", lambda t: [f"{arm.name} ({arm.type}): {arm.description}" for arm in t.arms]),
    ("site", lambda t: [", ".join(filter(None, (s.name, s.city, s.state, s.country))) for s in t.sites]),
    ("publication", lambda t: [f"{p.result} ({p.citation}, {p.date})" for p in t.results]),
    ("read as", lambda t: t.interpretations),
)


def _facts(old: Trial, new: Trial) -> Iterator[FactChange]:
    for name, of in _FACTS:
        if of(old) != of(new):
            yield FactChange(name, of(old), of(new))
    for name, listed in _LISTS:
        before, after = list(listed(old)), list(listed(new))
        for text in (t for t in before if t not in after):
            yield FactChange(name, text, "")
        for text in (t for t in after if t not in before):
            yield FactChange(name, "", text)
