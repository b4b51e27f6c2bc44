"""Condition as a diagnosis. https://hl7.org/fhir/R4/condition.html"""

import re
from collections.abc import Callable, Iterable

import msgspec

from service.criteria.facts import Diagnosis, Person, Stage
from service.criteria.spans import Span
from service.mappers import wire
from service.mappers.concepts import code_of, texts
from service.mappers.dates import Calendar, at_age, at_ages, between
from service.mappers.expressions import sites_of
from service.mappers.terminology import ICD10, ICD10CM, SNOMED, Terminology, canonical_system

VERIFICATIONS = frozenset({"unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"})
_CATEGORIES = ("encounter-diagnosis", "problem-list-item")
_STATUSES = frozenset({"active", "recurrence", "relapse", "inactive", "remission", "resolved"})
# Secondary malignancies without a site, and those that are no distant spread of a neighbouring primary.
_GENERAL = ("metastasis-unspecified", "metastasis-unclear-node")
_NEAR = frozenset({"metastasis-regional-node", "metastasis-breast", "metastasis-chest-wall"})
# Cancers and spread whose code does not tell where.
_UNTOLD = frozenset({"malignancy-general", "metastasis-unspecified", "metastasis-unclear", "metastasis-other"})
# Codes of the meninges also stand for dural spread; a text that says which completes them.
_LEPTOMENINGEAL = re.compile(r"leptomening|carcinomatous meningitis|meningeal carcinomatosis|meningitis carcinomatosa")
_RELATED = ("related-primary-cancer-condition", "related-condition", "condition-related", "condition-dueto")


class _Extension(msgspec.Struct, gc=False):
    url: str | None = None
    valueReference: wire.Reference | None = None


class DiagnosisMapper:
    """Maps the Conditions of one patient; the birth date turns an Age into a date."""

    def __init__(self, terminology: Terminology, calendar: Calendar) -> None:
        self._terminology = terminology
        self._calendar = calendar

    def coded(self, condition: wire.Condition) -> tuple[tuple[str, ...], tuple[str, ...], str]:
        """-> (sure concepts, ambiguous concepts, why they are ambiguous). The body site completes a general code."""
        found = self._terminology.look_up("condition", condition.code)
        sure, maybe, why = found.sure, found.ambiguous, "a code without a system, under a wrong one, or refined"
        if sure and (body_sites := _body_sites(condition)):
            sure, perhaps = self._placed(sure, body_sites)
            if perhaps:
                maybe, why = (*maybe, *perhaps), "its body site has no code that is known"
        if "metastasis-meninges-unclear" in sure and _LEPTOMENINGEAL.search(texts(condition.code).lower()):
            sure = tuple("metastasis-leptomeninges" if c == "metastasis-meninges-unclear" else c for c in sure)
        if sure and _UNTOLD.issuperset(sure) and (named := self._told_besides(sure, condition)):
            return sure, (*named, *maybe), "a general code whose text names it"
        return sure, maybe, why

    def _told_besides(self, sure: tuple[str, ...], condition: wire.Condition) -> list[str]:
        """What the text of a general code says that its code does not."""
        said = self._terminology.said("condition", texts(condition.code))
        return [concept for concept in said if concept not in sure]

    def _placed(
        self, sure: tuple[str, ...], body_sites: list[wire.CodeableConcept]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """-> concepts with their site; those that a site named without a usable code may make of them."""
        sites = self.sites(body_sites)
        if sites:
            return _with_sites(sure, sites), ()
        named = frozenset(c for site in body_sites for c in _perhaps(self._terminology, "site", site))
        placed = tuple(c for c in _with_sites(sure, named) if c not in sure)
        if not any(c in _NEAR for c in placed):
            return sure, placed
        return tuple(c for c in sure if c not in _GENERAL), (*(c for c in sure if c in _GENERAL), *placed)

    def named(self, condition: wire.Condition) -> tuple[str, ...]:
        """Concepts that a text names where no code says anything. ICD-10 is known completely: its silence is one."""
        if self._is_icd(condition.code):
            return ()
        return tuple(self._terminology.said("condition", texts(condition.code)))

    def _says_past(self, condition: wire.Condition) -> bool:
        """Whether the text, where nothing else tells, names only what is over: `History of pneumonia`."""
        if self._is_icd(condition.code):
            return False
        said = self._terminology.said("condition", texts(condition.code))
        return bool(said) and all(said.values())

    def _is_icd(self, concept: wire.CodeableConcept | None) -> bool:
        codings = (concept.coding if concept else None) or ()
        canonical = self._terminology.canonical_system
        return any(c and c.system and canonical(c.system) in (ICD10, ICD10CM) for c in codings)

    def sites(self, body_sites: list[wire.CodeableConcept] | None) -> frozenset[str]:
        if not body_sites:
            return frozenset()
        return frozenset(c for site in body_sites for c in self._terminology.look_up("site", site).sure)

    def map(
        self, condition: wire.Condition, ref: str, person: Person, date_of: Callable[[str], Span | None]
    ) -> Diagnosis | None:
        """The diagnosis, or None where it was entered in error. `date_of` tells when a stage's assessment was made."""
        verification = code_of(condition.verificationStatus, VERIFICATIONS)
        if verification == "entered-in-error":
            return None
        status = code_of(condition.clinicalStatus, _STATUSES)
        looked_up = self._terminology.look_up("condition", condition.code)
        found = looked_up.sure or looked_up.ambiguous  # a code under a wrong system that says "remission" is no more
        if "says-recurrence" in looked_up.sure and status in ("", "active"):
            status = "recurrence"
        text = texts(condition.code)
        past = "says-history" in found or (not found and self._says_past(condition))
        return Diagnosis(
            ref=ref,
            says=self._terminology.shown("condition", condition.code) or "a Condition without a code",
            verification="refuted"
            if verification == "refuted"
            else "confirmed"
            if verification in ("", "confirmed")
            else "provisional",
            status=status if status in _STATUSES else "",
            status_unread=bool(status) and status not in _STATUSES,
            code_says="remission" if "says-remission" in found else "history" if past else "",
            onset=self._onset(condition, person),
            recorded=self._calendar.read(condition.recordedDate),
            abated=self._abated(condition, person),
            abated_between=condition.abatementPeriod is not None or condition.abatementRange is not None,
            abated_somehow=condition.abatementString is not None,
            encounter_only=_encounter_only(condition.category),
            sites=self.sites(_body_sites(condition)),
            stages=tuple(self._stages(condition.stage, date_of)) if condition.stage else (),
            text=text,
            related=tuple(_related(condition.extension)) if condition.extension else (),
            perhaps_again="says-recurrence" not in found
            and "says-recurrence" in self._terminology.said("condition", text),
        )

    def _onset(self, condition: wire.Condition, person: Person) -> Span | None:
        if condition.onsetDateTime is not None:
            return self._calendar.read(condition.onsetDateTime)
        if condition.onsetPeriod is not None:
            return between(*self._calendar.period(condition.onsetPeriod))
        if condition.onsetAge is not None:
            return at_age(person.birth, condition.onsetAge)
        if condition.onsetRange is not None:
            return at_ages(person.birth, condition.onsetRange)
        return None

    def _abated(self, condition: wire.Condition, person: Person) -> Span | None:
        if condition.abatementDateTime is not None:
            return self._calendar.read(condition.abatementDateTime)
        if condition.abatementPeriod is not None:
            return between(*self._calendar.period(condition.abatementPeriod))
        if condition.abatementAge is not None:
            return at_age(person.birth, condition.abatementAge)
        if condition.abatementRange is not None:
            return at_ages(person.birth, condition.abatementRange)
        return None

    def _stages(self, stages: list[wire.ConditionStage], date_of: Callable[[str], Span | None]) -> Iterable[Stage]:
        for stage in stages:
            answers = frozenset(self._terminology.look_up("answer", stage.summary).sure)
            doubt = ""
            if not answers:
                answers = frozenset(_perhaps(self._terminology, "answer", stage.summary))
                doubt = "a stage without a code that is known"
            dates = [d for r in stage.assessment or () if r.reference and (d := date_of(r.reference))]
            if answers:
                yield Stage(
                    answers,
                    min(dates, key=lambda d: d.start, default=None),
                    self._terminology.shown("answer", stage.summary),
                    doubt,
                )


def _body_sites(condition: wire.Condition) -> list[wire.CodeableConcept]:
    """The body sites, with those that the code itself tells as an expression."""
    sites = list(condition.bodySite or ())
    for coding in (condition.code and condition.code.coding) or ():
        if coding and coding.code and "=" in coding.code and canonical_system(coding.system or "") == SNOMED:
            sites += [wire.CodeableConcept([wire.Coding(SNOMED, site)]) for site in sites_of(coding.code)]
    return sites


def _perhaps(terminology: Terminology, family: str, concept: wire.CodeableConcept | None) -> tuple[str, ...]:
    """What a CodeableConcept may mean by a code without its system, or by its words."""
    found = terminology.look_up(family, concept)
    return found.ambiguous or (() if found.sure else terminology.spoken(family, texts(concept)))


def _with_sites(sure: tuple[str, ...], sites: frozenset[str]) -> tuple[str, ...]:
    """A general malignancy of the breast is a breast cancer; a secondary one without a site has that of bodySite."""
    out = list(sure)
    if "malignancy-general" in sure and sites & {"breast", "left-breast", "right-breast"}:
        out.append("breast-cancer")
    for general in _GENERAL:
        if general in sure:
            placed = [f"metastasis-{site}" for site in sorted(sites) if site not in ("left", "right", "bilateral")]
            if placed:
                out.remove(general)
                out += ["metastasis-breast" if "breast" in p else p for p in placed]
    return tuple(dict.fromkeys(out))


def _encounter_only(categories: list[wire.CodeableConcept] | None) -> bool:
    if not categories:
        return False
    codes = {code_of(category, (name,)) for category in categories for name in _CATEGORIES}
    return "encounter-diagnosis" in codes and "problem-list-item" not in codes


def _related(raw: msgspec.Raw) -> Iterable[str]:
    """Conditions that this one is said to come from (mCODE's related condition and FHIR's own)."""
    if not bytes(raw):
        return
    try:
        extensions = msgspec.json.decode(raw, type=list[_Extension])
    except msgspec.ValidationError:
        return
    for extension in extensions:
        url = (extension.url or "").lower()
        if extension.valueReference and extension.valueReference.reference and url.endswith(_RELATED):
            yield extension.valueReference.reference
