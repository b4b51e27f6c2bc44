"""The names that trial files use, over the value sets and inputs of an installation: `criteria.lexicon.Lexicon`."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from service.criteria.cancer import Cancer
from service.criteria.drugs import Drugs, Nameless
from service.criteria.lexicon import ClassInfo, DiagnosisInfo, InputInfo, ProcedureInfo
from service.criteria.therapy import Therapy
from service.criteria.wording import any_of
from service.mappers import units
from service.mappers.entries import SECTIONS, texts, vocabulary_entries
from service.mappers.inputs import EFFORTS, Inputs
from service.mappers.spelling import naming_words, regimen_name
from service.mappers.terminology import Terminology


class Vocabulary:
    """Implements the Lexicon. Names are read from vocabulary.yaml and from files of that name in further folders."""

    def __init__(self, terminology: Terminology, inputs: Inputs, folders: Iterable[Path] = ()) -> None:
        self._terminology = terminology
        self._inputs = inputs
        self._entries: dict[str, dict[str, dict[str, Any]]] = {section: {} for section in SECTIONS}
        for name, text in texts("vocabulary.yaml", folders):
            for section, entries in vocabulary_entries(text, name, self._known).items():
                self._entries[section] |= entries
        self._diagnoses = {n: self._diagnosis(n, e) for n, e in self._entries["diagnoses"].items()}
        self._procedures = {n: self._procedure(n, e) for n, e in self._entries["procedures"].items()}
        self._therapies = {n: self._therapy(n, e) for n, e in self._entries["therapies"].items()}
        self._cancers = {n: self._cancer(n, e) for n, e in self._entries["cancers"].items()}

    @property
    def regimens(self) -> dict[str, frozenset[str]]:
        """The drugs of regimens, by the names that texts tell them by; those of one name may be of either."""
        found: dict[str, frozenset[str]] = {}
        for entry in self._entries["regimens"].values():
            for name in entry["names"]:
                spelled = regimen_name(name)
                found[spelled] = found.get(spelled, frozenset()) | self._group(entry["of"])
        return found

    @property
    def unnamed(self) -> frozenset[str]:
        """Texts that say of a drug no more than that it is one, as they are compared."""
        names = (name for entry in self._entries["unnamed"].values() for name in entry["names"])
        return frozenset(part for name in names for part in naming_words(name))

    # -- the port

    def input(self, name: str) -> InputInfo:
        found = self._inputs.by_name[name]
        ends = [end for pair in found.usable for end in pair]
        usable = (min(ends), max(ends)) if ends else None
        answers = "answer" in found.reads
        return InputInfo(name, found.label, found.unit, found.window, found.order, usable, found.ranges, answers)

    def scale(self, input_name: str, unit: str) -> Decimal:
        found = self._inputs.by_name[input_name]
        if any(unit == other for other, _, _ in found.conversions):
            raise ValueError(f"a limit of {input_name} is written in {found.unit}; results in {unit} are converted")
        try:
            return units.factor(unit, found.unit, found.molar_mass)
        except units.UnitError:
            raise ValueError(f"{unit} does not fit {input_name}, which is measured in {found.unit}") from None

    def diagnosis(self, name: str) -> DiagnosisInfo:
        return self._diagnoses[name]

    def procedure(self, name: str) -> ProcedureInfo:
        return self._procedures[name]

    def classes(self, name: str) -> ClassInfo:
        entry = self._entries["classes"][name]
        prefix = str(entry["prefix"])
        answers = (a.removeprefix(prefix) for a in self._terminology.concepts("answer") if a.startswith(prefix))
        grades = frozenset(int(grade) for grade in answers if grade.isdecimal())
        return ClassInfo(name, entry["label"], entry["input"], prefix, tuple(entry["illness"]), grades)

    def drugs(self, *names: str) -> Drugs:
        labels = [self._drug_label(name) for name in names]
        parts = tuple((name, frozenset(self._ingredients(name))) for name in names)
        ingredients = frozenset(i for _, own in parts for i in own)
        return Drugs(ingredients, any_of(labels), names[0], self._nameless(ingredients), parts)

    def therapy(self, name: str) -> Therapy:
        return self._therapies[name]

    def cancer(self, name: str) -> Cancer:
        return self._cancers[name]

    def order(self, name: str) -> tuple[str, str, str] | None:
        need = self._entries["needs"].get(name)
        found = self._inputs.by_name.get(need["order_of"] if need else name)
        return found.order if found else None

    def effort(self, name: str) -> int:
        need = self._entries["needs"].get(name)
        found = self._inputs.by_name.get(need["order_of"] if need else name)
        return EFFORTS.index(found.effort) if found else 0

    def title(self, name: str) -> str:
        """What a reader calls something that is missing: an input, a diagnosis, a procedure, a therapy or a drug."""
        if need := self._entries["needs"].get(name):
            return str(need["title"])
        if found := self._inputs.by_name.get(name):
            return found.title
        for section in ("diagnoses", "procedures", "therapies"):
            if entry := self._entries[section].get(name):
                return str(entry["label"])
        try:
            return self._drug_label(name)
        except KeyError:
            return name.replace("-", " ")

    def names(self, kind: str) -> list[str]:
        match kind:
            case "input":
                return sorted(self._inputs.by_name)
            case "answer":
                return sorted(self._terminology.concepts("answer"))
            case "drug":
                single = self._terminology.concepts("drug") | self._terminology.concepts("drugclass")
                return sorted(single | set(self._entries["drugs"]))
        section = {"diagnosis": "diagnoses", "class": "classes", "therapy": "therapies"}.get(kind, f"{kind}s")
        return sorted(self._entries[section])

    # -- reading it

    def _known(self, family: str) -> Collection[str]:
        """What an entry of vocabulary.yaml may name."""
        match family:
            case "input":
                return self._inputs.by_name.keys()
            case "drug":
                return self._terminology.concepts("drug") | self._terminology.concepts("drugclass")
        return self._terminology.concepts(family)

    def _ingredients(self, name: str) -> frozenset[str]:
        entry = self._entries["drugs"].get(name)
        if entry is not None:
            return frozenset(i for part in entry["of"] for i in self._terminology.ingredients(part))
        return self._terminology.ingredients(name)

    def _drug_label(self, name: str) -> str:
        entry = self._entries["drugs"].get(name)
        if entry is not None:
            return str(entry["label"])
        value_sets = self._terminology.value_sets
        found = value_sets.get(f"drugclass-{name}") or value_sets[f"drug-{name}"]
        return str(found.get("title") or name.replace("-", " "))

    def _group(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(i for name in names for i in self._ingredients(name))

    def _diagnosis(self, name: str, entry: dict[str, Any]) -> DiagnosisInfo:
        observed = tuple((i, frozenset(answers)) for i, answers in entry.get("observed", {}).items())
        return DiagnosisInfo(name, entry["label"], tuple(entry["conditions"]), entry.get("reading", "has"), observed)

    def _procedure(self, name: str, entry: dict[str, Any]) -> ProcedureInfo:
        return ProcedureInfo(name, entry["label"], tuple(entry["procedures"]))

    def _therapy(self, name: str, entry: dict[str, Any]) -> Therapy:
        everything = self._group([*entry["of"], *entry.get("for_men", ())])
        return Therapy(
            drugs=Drugs(self._group(entry["of"]), entry["label"], name),
            for_men=self._group(entry.get("for_men", ())),
            endocrine=self._group(entry.get("endocrine", ())),
            other_uses=tuple((drug, frozenset(forms)) for drug, forms in entry.get("other_uses", {}).items()),
            conditions=tuple(entry.get("conditions", ())),
            nameless=self._nameless(everything),
            everything=everything,
        )

    def _nameless(self, drugs: frozenset[str]) -> tuple[Nameless, ...]:
        """What tells of some of these drugs without a name."""
        kinds = []
        for entry in self._entries["nameless"].values():
            may_be = self._group(entry["may_be"])
            if not may_be.isdisjoint(drugs):
                told = [frozenset(entry.get(key, ())) for key in ("conditions", "histories", "procedures")]
                kinds.append(Nameless(told[0], told[1], told[2], may_be, may_be <= drugs))
        return tuple(kinds)

    def _cancer(self, name: str, entry: dict[str, Any]) -> Cancer:
        sites = {f"site:{site}" for site in entry.get("distant_sites", ())}
        conditions = {f"condition:{c}" for c in entry.get("distant", ())}
        parts = {
            key: frozenset(entry.get(key, ()))
            for key in ("diagnosis", "says_metastatic", "history", "distant", "regional", "unclear", "another")
        }
        own = parts["diagnosis"] | parts["says_metastatic"]
        return Cancer(
            name=name,
            label=entry["label"],
            own=own,
            ever=own | parts["history"],
            spreads=parts["distant"] | parts["says_metastatic"],
            distant_sites=frozenset(sites | conditions),
            own_results=tuple(entry.get("own_results", ())),
            **parts,
        )
