"""The value sets that a shared trial needs: those of the installation that its rules name, and unions of drugs."""

import re
from typing import Any

from service.criteria.drugs import LOCAL_FORMS
from service.mappers.terminology import Terminology
from service.mappers.value_sets import BASE

Json = dict[str, Any]
_MAX_ID = 64  # characters of a FHIR id


def url_of(identifier: str) -> str:
    """The canonical address of a value set of ours."""
    return f"{BASE}/ValueSet/{identifier}"


def fhir_id(name: str) -> str:
    """A name as the id of a resource: letters, digits, dash and dot, 64 of them."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name)[:_MAX_ID]


class ValueSets:
    """Hands out value sets by id and remembers which were asked for. Ids are those of the installation; a set of drugs
    that is neither one drug nor a class gets a ValueSet of its own under the trial's id."""

    def __init__(self, terminology: Terminology, trial: str) -> None:
        self._terminology = terminology
        self._trial = trial
        self._asked: dict[str, Json] = {}
        self._unions: dict[tuple[str, ...], str] = {}
        classes = sorted(terminology.classes.items(), reverse=True)
        self._classes = {frozenset(members): name for name, members in classes}
        self._drugs: set[str] = set()

    def named(self, identifier: str) -> str:
        """A value set of the installation. KeyError for one that is not there."""
        value_set = self._terminology.value_sets[identifier]
        self._asked[identifier] = value_set
        for include in value_set["compose"]["include"]:
            for url in include.get("valueSet", ()):
                self.named(url.rpartition("/")[2])
        return identifier

    def of_drugs(self, ingredients: frozenset[str], name: str) -> str:
        """The value set of some ingredients: of the one drug, of the class with just these, else a union."""
        ingredients = frozenset(ingredients)
        self._drugs |= ingredients
        if len(ingredients) == 1:
            return self.named(f"drug-{next(iter(ingredients))}")
        if ingredients in self._classes:
            return self.named(f"drugclass-{self._classes[ingredients]}")
        members = tuple(self.named(f"drug-{drug}") for drug in sorted(ingredients))
        return self._union(members, name, name.replace("-", " "))

    def of(self, family: str, names: frozenset[str], title: str) -> str:
        """The value set of some concepts of a family: the one, else a union."""
        if len(names) == 1:
            return self.named(f"{family}-{next(iter(names))}")
        members = tuple(self.named(f"{family}-{name}") for name in sorted(names))
        return self._union(members, f"{family}-{title}", title)

    def of_answers_but(self, wanted: frozenset[str]) -> str:
        """The union of every known answer but some; `not-known` is none."""
        others = sorted(self._terminology.concepts("answer") - wanted - {"not-known"})
        members = tuple(self.named(f"answer-{name}") for name in others)
        return self._union(members, f"answers-but-{'-'.join(sorted(wanted))}", "other answers")

    def local_forms(self) -> str:
        """Products of the drugs asked for so far that do not reach the rest of the body: ointments, eye drops. Empty
        where there are none."""
        index = self._terminology.indexes["drug"]
        found: dict[str, list[Json]] = {}
        for (system, code), form in sorted(self._terminology.drug_forms.items()):
            if form.form in LOCAL_FORMS and not self._drugs.isdisjoint(index.exact(system, code)):
                found.setdefault(system, []).append({"code": code})
        if not found:
            return ""
        includes = [{"system": system, "concept": concepts} for system, concepts in found.items()]
        return self._add("local-forms", "drugs in forms that do not reach the rest of the body", includes)

    def resources(self) -> list[Json]:
        """Every value set that was asked for, by id."""
        return [self._asked[name] for name in sorted(self._asked)]

    def names(self) -> list[str]:
        return sorted(self._asked)

    def _union(self, members: tuple[str, ...], name: str, title: str) -> str:
        if members not in self._unions:
            includes = [{"valueSet": [self._asked[member]["url"]]} for member in members]
            self._unions[members] = self._add(name, title, includes)
        return self._unions[members]

    def _add(self, name: str, title: str, includes: list[Json]) -> str:
        identifier = self._free(f"{self._trial}-{name}")
        words = re.split(r"[^A-Za-z0-9]+", identifier)
        self._asked[identifier] = {
            "resourceType": "ValueSet",
            "id": identifier,
            "url": url_of(identifier),
            "name": "".join(word[:1].upper() + word[1:] for word in words),
            "title": title,
            "status": "active",
            "experimental": False,
            "compose": {"include": includes},
        }
        return identifier

    def _free(self, wanted: str) -> str:
        """An id that nothing else has."""
        plain = fhir_id(wanted)
        number, name = 1, plain
        while name in self._asked:
            number += 1
            name = f"{plain[: _MAX_ID - 4]}-{number}"
        return name
