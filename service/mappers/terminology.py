"""Which codes mean what: FHIR R4 ValueSets compiled into one look-up a family of concepts.

A ValueSet's id is `<family>-<concept>`; families are observation, answer, condition, procedure, drug, drugclass, site.
Codes are listed, or, for ICD-10, given by prefix with an `is-a` filter. A folder of a site's own ValueSets replaces
those of the same id and adds others. Codes count under their own system only; the same code without a system, or
under another one, is ambiguous and decides nothing alone. The same in short is a folder's codes.yaml.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec

from service.errors import TrialError
from service.mappers import wire
from service.mappers.code_systems import (
    ATC,
    ICD10,
    ICD10CM,
    LOINC,
    NDC,
    PREFIX_SYSTEMS,
    RXNORM,
    SHORT_NAMES,
    SNOMED,
    canonical_system,
)
from service.mappers.concepts import in_short, in_words, shown
from service.mappers.expressions import focus_of
from service.mappers.mentions import clauses, mentions
from service.mappers.site_codes import FILE as SITE_CODES
from service.mappers.site_codes import site_codes
from service.mappers.spelling import disease_name, drug_name, naming_words, plain, steps, treatment_name
from service.mappers.value_sets import (
    DEPOT_STRENGTH,
    DOSE_FORM,
    FAMILIES,
    MAY_MEAN,
    SPOKEN_NAME,
    check_value_set,
    prefix_of,
)

__all__ = [
    "ATC",
    "FAMILIES",
    "ICD10",
    "ICD10CM",
    "LOINC",
    "NDC",
    "RXNORM",
    "SNOMED",
    "CodeIndex",
    "Found",
    "Terminology",
    "canonical_system",
    "icd_code",
]


@lru_cache(16384)
def icd_code(code: str) -> str:
    """An ICD-10 code without dot and in capitals."""
    return code.strip().upper().replace(".", "")


class DrugForm(msgspec.Struct, frozen=True, gc=False):
    """What a drug's product code tells besides its ingredient: dose form group and a depot's strength in mg."""

    form: str = ""
    strength: Decimal | None = None


class Found(msgspec.Struct, frozen=True, gc=False):
    """What a CodeableConcept says in one family."""

    sure: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    coded: bool = False
    any: bool = False


NOT_FOUND = Found()


def _merged(parts: list[Found]) -> Found:
    sure = tuple(dict.fromkeys(c for part in parts for c in part.sure))
    ambiguous = tuple(dict.fromkeys(c for part in parts for c in part.ambiguous if c not in sure))
    coded = any(part.coded for part in parts)
    return Found(sure, ambiguous, coded, bool(sure or ambiguous)) if sure or ambiguous or coded else NOT_FOUND


class CodeIndex:
    """The codes of one family: code -> system -> concepts, and prefixes for the hierarchical systems."""

    def __init__(self, canonical: Callable[[str], str] = canonical_system) -> None:
        """`canonical` gives a code system's one spelling, or that of the one for which it stands."""
        self._canonical = canonical
        self.by_code: dict[str, dict[str, tuple[str, ...]]] = {}
        self._prefixes: dict[str, dict[str, dict[str, bool]]] = {}
        self.known: dict[tuple[str | None, str], Found] = {}  # codings seen before; bounded
        self.systems: set[str] = set()

    def add(self, system: str, code: str, concept: str) -> None:
        self.systems.add(system)
        key = icd_code(code) if system in (ICD10CM, ICD10) else code
        if system in PREFIX_SYSTEMS:
            # a listed code of a hierarchical system stands for itself alone: recorded as a full-length prefix
            self._prefixes.setdefault(system, {}).setdefault(f"{key}$", {})[concept] = True
            return
        systems = self.by_code.setdefault(key, {})
        systems[system] = (*systems.get(system, ()), concept)

    def exclude(self, system: str, code: str, concept: str) -> None:
        """Take one code away again from a concept."""
        if system in PREFIX_SYSTEMS:
            key = icd_code(code) if system in (ICD10CM, ICD10) else code
            self._prefixes.setdefault(system, {}).setdefault(f"{key}$", {})[concept] = False
            return
        systems = self.by_code.get(code, {})
        systems[system] = tuple(name for name in systems.get(system, ()) if name != concept)
        if not systems[system]:
            del systems[system]

    def add_prefix(self, system: str, prefix: str, concept: str, included: bool) -> None:
        self.systems.add(system)
        key = icd_code(prefix) if system in (ICD10CM, ICD10) else prefix.upper()
        self._prefixes.setdefault(system, {}).setdefault(key, {})[concept] = included

    def found(self, system: str | None, code: str) -> Found:
        """What one coding says: sure under its own system, ambiguous under none or another."""
        key = (system, code)
        known = self.known.get(key)
        if known is None:
            if len(self.known) > 200_000:
                self.known.clear()
            known = self.known[key] = self._find(system, code)
        return known

    def _find(self, system: str | None, code: str) -> Found:
        sure = self.exact(system, code)
        if sure:
            return Found(sure, (), True, True)
        coded = system is not None and self._canonical(system) in self.systems
        if system is not None and self._canonical(system) == SNOMED and (focus := focus_of(code))[0]:
            return self._of_expression(*focus)
        ambiguous = self.anywhere(code, system)
        return Found((), ambiguous, coded, bool(ambiguous)) if ambiguous or coded else NOT_FOUND

    def _of_expression(self, focus: tuple[str, ...], whole: bool) -> Found:
        """What an expression says: that of its focus concepts, not for sure where it is refined."""
        names = tuple(dict.fromkeys(name for code in focus for name in self.exact(SNOMED, code)))
        return Found(names if whole else (), () if whole else names, SNOMED in self.systems, bool(names))

    def exact(self, system: str | None, code: str) -> tuple[str, ...]:
        """The concepts of a code under its own system."""
        if system is None:
            return ()
        systems = self.by_code.get(code)
        if systems is not None:
            found = systems.get(system) or systems.get(self._canonical(system))
            if found:
                return found
        if self._prefixes:
            own = self._canonical(system)
            if own in self._prefixes:
                return self._match_prefix(own, code)
        return ()

    def anywhere(self, code: str, told: str | None = None) -> tuple[str, ...]:
        """The concepts a code has under any system: what it would say if the system were right. Under an international
        system that is `told`, the beginning of a code says nothing of a site's own systems."""
        found: list[str] = []
        for concepts in self.by_code.get(code, {}).values():
            found += concepts
        international = told is not None and self._canonical(told) in SHORT_NAMES.values()
        for system in self._prefixes:
            if _shaped_like(system, code) if system in PREFIX_SYSTEMS else not international:
                found += self._match_prefix(system, code)
        return tuple(dict.fromkeys(found))

    def _match_prefix(self, system: str, code: str) -> tuple[str, ...]:
        if len(code) > _LONGEST_CODE:
            return ()
        whole = icd_code(code) if system in (ICD10CM, ICD10) else code.strip().upper()
        table = self._prefixes[system]
        verdicts: dict[str, bool] = {}
        for length in range(1, len(whole) + 1):  # a longer prefix overrules a shorter one
            verdicts.update(table.get(whole[:length], {}))
        verdicts.update(table.get(f"{whole}$", {}))
        return tuple(concept for concept, included in verdicts.items() if included)


_LONGEST_CODE = 24  # of ICD-10 and ATC, written with blanks and dots
_ICD_SHAPE = re.compile(r"[A-Za-z]\d[0-9A-Za-z](?:\.?[0-9A-Za-z]{1,4})?\Z")
_ATC_SHAPE = re.compile(r"[A-Za-z]\d\d[A-Za-z]{2}\d\d\Z")


def _shaped_like(system: str, code: str) -> bool:
    return bool((_ATC_SHAPE if system == ATC else _ICD_SHAPE).match(code))


class Terminology:
    """All value sets of one installation. Built once; looked up from every record."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self.value_sets: dict[str, dict[str, Any]] = {}
        self._concepts: dict[str, frozenset[str]] = {}  # by family, once all value sets are there
        self._stand_for: dict[str, str] = {}  # code systems of the site, by the one whose codes theirs are
        self.indexes: dict[str, CodeIndex] = {family: CodeIndex(self.canonical_system) for family in FAMILIES}
        self.drug_forms: dict[tuple[str, str], DrugForm] = {}
        self.names: dict[str, dict[str, tuple[str, ...]]] = {family: {} for family in FAMILIES}
        self.classes: dict[str, frozenset[str]] = {}
        self.may_mean: dict[str, tuple[str, ...]] = {}  # codes that do not tell several drugs apart
        self.regimens: dict[str, frozenset[str]] = {}  # their drugs by regimen_name; a vocabulary tells them
        self.unnamed: frozenset[str] = frozenset()  # texts that tell no drug, by naming_words; as above
        for value_set in _load(files("service.mappers") / "valuesets"):
            self.value_sets[value_set["id"]] = value_set
        for folder in folders:
            for value_set in _load(folder):
                self.value_sets[value_set["id"]] = value_set
            site = site_codes(Path(folder))
            self._stand_for |= site.systems
            for value_set, also in site.value_sets:
                self.value_sets[value_set["id"]] = self._with_more(value_set) if also else value_set
        for value_set in self.value_sets.values():
            self._index(value_set)
        self._resolve_classes()
        self._name_pattern = {
            family: _pattern(names, family in ("condition", "procedure"))
            for family, names in self.names.items()
            if names
        }
        self._text_memo: dict[tuple[str, str], tuple[str, ...]] = {}
        self._names_of_codes: dict[tuple[str, str | None, str], str] = {}
        self._said_memo: dict[tuple[str, str], dict[str, bool]] = {}

    def _with_more(self, value_set: dict[str, Any]) -> dict[str, Any]:
        """The value set of that name with more codes and names."""
        known = self.value_sets.get(value_set["id"])
        if known is None:
            raise TrialError(f"{SITE_CODES}: {value_set['id']}: there is no such value set to add to")
        parts = {**known["compose"], "include": [*known["compose"]["include"], *value_set["compose"]["include"]]}
        names = [*known.get("extension", ()), *value_set["extension"]]
        return {**known, "compose": parts, "extension": names}

    def canonical_system(self, system: str) -> str:
        """One spelling a code system, and for one that stands for another that one's."""
        plain = canonical_system(system)
        return self._stand_for.get(plain, plain)

    def concepts(self, family: str) -> frozenset[str]:
        """The names of all concepts of a family."""
        known = self._concepts.get(family)
        if known is None:
            start = f"{family}-"
            known = self._concepts[family] = frozenset(i[len(start) :] for i in self.value_sets if i.startswith(start))
        return known

    def ingredients(self, name: str) -> frozenset[str]:
        """The ingredients of a drug class, or the one drug of that name. KeyError for an unknown name."""
        if name in self.classes:
            return self.classes[name]
        if f"drug-{name}" in self.value_sets:
            return frozenset({name})
        raise KeyError(name)

    def look_up(self, family: str, concept: wire.CodeableConcept | None) -> Found:
        """Which concepts a CodeableConcept means: any coding may match."""
        if concept is None or not concept.coding:
            return NOT_FOUND
        found = self.indexes[family].found
        if len(concept.coding) == 1:
            coding = concept.coding[0]
            return NOT_FOUND if coding is None or not coding.code else found(coding.system, coding.code)
        return _merged([found(c.system, c.code) for c in concept.coding if c is not None and c.code])

    def shown(self, family: str, concept: wire.CodeableConcept | None) -> str:
        """The words of a record for a reader. A code without any is told with the name that it has here, where it is
        none that speaks for itself, such as `IIA` or `POS`."""
        if concept is None:
            return ""
        if words := in_words(concept):
            return words
        for system, code in [(c.system, c.code) for c in concept.coding or () if c and c.code]:
            if sum(map(str.isdigit, code)) > 1 and (name := self._name_of(family, system, code)):
                return f"{name}, code {code}"
        return shown(concept)

    def _name_of(self, family: str, system: str | None, code: str) -> str:
        """The display that a value set gives a code, or its title where the code is one of a hierarchy."""
        found = self.indexes[family].found(system, code).sure
        if not found:
            return ""
        key = (family, system, code)
        known = self._names_of_codes.get(key)
        if known is None:
            value_set = self.value_sets[f"{family}-{found[0]}"]
            listed = (entry.get("display", "") for _system, own, entry in _codes(value_set, "include") if own == code)
            known = self._names_of_codes[key] = in_short(next(listed, "") or value_set.get("title", ""))
        return known

    def says_none_known(self, concept: wire.CodeableConcept | None) -> bool:
        """Whether a code says that no allergy, or no drug, is known."""
        return "none-known" in self.look_up("condition", concept).sure

    def rolled_up(self, drugs: Collection[str]) -> set[str]:
        """Those of one record's drugs that another of them is only filed under, as trastuzumab beside its conjugate."""
        if len(drugs) < 2:
            return set()
        together = [[drug for drug in group if drug in drugs] for group in self.may_mean.values()]
        return {drug for group in together for drug in group if any(drug in other and drug != other for other in group)}

    def spoken(self, family: str, text: str) -> tuple[str, ...]:
        """The concepts of a family whose names stand in a text as whole words."""
        pattern = self._name_pattern.get(family)
        if not text or pattern is None:
            return ()
        key = (family, text)
        known = self._text_memo.get(key)
        if known is None:
            if len(self._text_memo) > 20_000:
                self._text_memo.clear()
            names = self.names[family]
            spelled = _SPELLED.get(family, plain)(text)
            found = [c for m in pattern.finditer(spelled) for c in names[m[0]]]
            known = self._text_memo[key] = tuple(dict.fromkeys(found))
        return known

    def said(self, family: str, text: str) -> dict[str, bool]:
        """The diseases or treatments that a text says the patient has or had, each with whether it only says had."""
        pattern = self._name_pattern.get(family)
        if not text or pattern is None:
            return {}
        key = (family, text)
        known = self._said_memo.get(key)
        if known is None:
            if len(self._said_memo) > 20_000:
                self._said_memo.clear()
            known = self._said_memo[key] = self._read_clauses(family, text, pattern)
        return known

    def _read_clauses(self, family: str, text: str, pattern: re.Pattern[str]) -> dict[str, bool]:
        found: dict[str, bool] = {}
        for clause in clauses(text):
            for mention in mentions(_SPELLED[family](clause), pattern):
                for concept in self.names[family][mention.name.replace(",", "")]:
                    found[concept] = mention.past and found.get(concept, True)
        return found

    def drugs_named(self, text: str) -> set[str]:
        """The drugs that a text names, one by one or by their class: `CDK4/6 inhibitors`."""
        names = {*self.spoken("drug", text)}
        for group in self.spoken("drugclass", text):
            names |= self.classes[group]
        return self.possible_drugs(names)

    def possible_drugs(self, names: Iterable[str]) -> set[str]:
        """Drugs, each of those that a name may mean in its place."""
        return {meaning for name in names for meaning in self.may_mean.get(name, (name,))}

    def regimen(self, text: str) -> frozenset[str]:
        """The drugs of the regimens that a text names, where it, or a part of it, says nothing else."""
        return frozenset(drug for step in steps(text) for drug in self.regimens.get(step, ()))

    def names_a_drug(self, text: str) -> bool:
        """Whether a text has words at all, and says more than that it is some drug, such as that of a study."""
        return any(map(str.isalpha, text)) and not self.unnamed.issuperset(naming_words(text))

    def codes(self, family: str, concepts: Iterable[str]) -> frozenset[str]:
        """The codes that are listed for some concepts, without their systems."""
        names = frozenset(concepts)
        return frozenset(
            code
            for code, systems in self.indexes[family].by_code.items()
            if any(names.intersection(found) for found in systems.values())
        )

    def first_code(self, family: str, concept: str) -> tuple[str, str, str] | None:
        """The first code listed for a concept: system, code, display."""
        value_set = self.value_sets.get(f"{family}-{concept}")
        if value_set is None:
            return None
        excluded = {(system, code) for system, code, _entry in _codes(value_set, "exclude")}
        for system, code, entry in _codes(value_set, "include"):
            if (system, code) not in excluded:
                return system, code, entry.get("display", "")
        for system, code in _prefixes(value_set, "include"):
            return system, code, value_set.get("title", "")
        return None

    def _index(self, value_set: dict[str, Any]) -> None:
        family, _, concept = value_set["id"].partition("-")
        index, canonical = self.indexes[family], self.canonical_system
        for system, code, _entry in _codes(value_set, "include"):
            index.add(canonical(system), code, concept)
        for system, prefix in _prefixes(value_set, "include"):
            index.add_prefix(canonical(system), prefix, concept, True)
        for system, prefix in _prefixes(value_set, "exclude"):
            index.add_prefix(canonical(system), prefix, concept, False)
        for system, code, _entry in _codes(value_set, "exclude"):
            index.exclude(canonical(system), code, concept)
        if family == "drug":
            self._index_forms(value_set)
            if meanings := tuple(_extensions(value_set, MAY_MEAN)):
                self.may_mean[concept] = meanings
        for name in _extensions(value_set, SPOKEN_NAME):
            spoken = _SPELLED.get(family, plain)(name).replace(",", "")
            known = self.names[family].get(spoken, ())
            self.names[family][spoken] = known if concept in known else (*known, concept)

    def _index_forms(self, value_set: dict[str, Any]) -> None:
        for system, code, entry in _codes(value_set, "include"):
            form = next(iter(_extensions(entry, DOSE_FORM)), "")
            strength = next(iter(_extensions(entry, DEPOT_STRENGTH)), None)
            if form or strength:
                self.drug_forms[system, code] = DrugForm(str(form), _decimal(strength))

    def _resolve_classes(self) -> None:
        for name in self.concepts("drugclass"):
            self.classes[name] = frozenset(self._members(f"drugclass-{name}", ()))

    def _members(self, identifier: str, seen: tuple[str, ...]) -> set[str]:
        if identifier in seen:
            raise TrialError(f"ValueSet {identifier} includes itself")
        members: set[str] = set()
        for include in self.value_sets[identifier].get("compose", {}).get("include", ()):
            for url in include.get("valueSet", ()):
                other = url.rpartition("/")[2]
                if other not in self.value_sets and other.startswith("drug-"):
                    other = f"drugclass-{other[5:]}"
                if other not in self.value_sets:
                    raise TrialError(f"ValueSet {identifier} includes {url}, which is not there")
                if other.startswith("drug-"):
                    members.add(other[5:])
                else:
                    members |= self._members(other, (*seen, identifier))
        return members


def _load(folder: Traversable | Path) -> Iterator[dict[str, Any]]:
    """Every ValueSet below a folder, alone or in Bundles, in the order of the files' names."""
    for path in sorted(_json_files(folder), key=str):
        try:
            found = msgspec.json.decode(path.read_bytes())
        except OSError as problem:
            raise TrialError(f"{path}: cannot be read: {problem.strerror}") from None
        except (msgspec.DecodeError, RecursionError) as problem:
            raise TrialError(f"{path}: not JSON: {problem}") from None
        for place, value_set in _value_sets(found, str(path)):
            check_value_set(value_set, str(path), place)
            yield value_set


def _value_sets(found: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The ValueSets of a file with their places in it."""
    if not isinstance(found, dict) or found.get("resourceType") != "Bundle":
        yield "", found
        return
    entries = found.get("entry", [])
    if not isinstance(entries, list):
        raise TrialError(f"{name}: entry: a list was expected")
    for i, entry in enumerate(entries):
        yield f"entry[{i}].resource", entry.get("resource") if isinstance(entry, dict) else entry


def _json_files(folder: Traversable | Path) -> Iterator[Traversable | Path]:
    for path in folder.iterdir():
        if path.is_dir():
            yield from _json_files(path)
        elif path.name.endswith(".json"):
            yield path


def _codes(value_set: dict[str, Any], part: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for include in value_set["compose"].get(part, ()):
        for entry in include.get("concept", ()):
            yield canonical_system(include["system"]), entry["code"], entry


def _prefixes(value_set: dict[str, Any], part: str) -> Iterator[tuple[str, str]]:
    for include in value_set["compose"].get(part, ()):
        for rule in include.get("filter", ()):
            yield canonical_system(include["system"]), prefix_of(rule)


def _extensions(element: dict[str, Any], url: str) -> Iterator[Any]:
    for extension in element.get("extension", ()):
        if extension.get("url") == url:
            for key, value in extension.items():
                if key.startswith("value"):
                    yield value["value"] if isinstance(value, dict) else value


def _decimal(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


# of any other family: plain
_SPELLED = {"drug": drug_name, "drugclass": drug_name, "condition": disease_name, "procedure": treatment_name}


def _pattern(names: Iterable[str], listed: bool = False) -> re.Pattern[str]:
    """Any of some names as whole words, the longest first; with `listed`, commas may stand between their words. What
    names begin with stands once in it: one name after the other, thousands would be tried at each word of a text."""
    tree: _Tree = {}
    for name in names:
        node = tree
        for letter in name:
            node = node.setdefault(letter, {})
        node[""] = {}
    return re.compile(rf"(?<![a-z0-9]){_any_of(tree, ',? ' if listed else ' ')}(?![a-z0-9])")


_Tree = dict[str, "_Tree"]  # by letter; the empty one where a name ends


def _any_of(tree: _Tree, between: str) -> str:
    """The pattern of every way down a tree."""
    ways = [
        (between if letter == " " else re.escape(letter)) + _any_of(below, between)
        for letter, below in tree.items()
        if letter
    ]
    if not ways:
        return ""
    return f"(?:{'|'.join(ways)}){'?' if '' in tree else ''}" if len(ways) > 1 or "" in tree else ways[0]
