"""What trial files can name, with the codes that each name stands for: inputs, diagnoses, procedures, drugs,
answers."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from docs_site.markdown import code, page, table
from service.criteria.lexicon import DiagnosisInfo, ProcedureInfo
from service.mappers.code_systems import SHORT_NAMES, canonical_system
from service.mappers.inputs import Input
from service.render.markdown import escaped
from service.screening import Screening

_SHORT = {address: short for short, address in SHORT_NAMES.items()}
_OWNERS = (
    "Codes have owners and terms of their own: see [Notice](../project/notice.md). Labels are the project's own words, "
    "but for LOINC's names."
)
_FOLDED = 12  # so many codes stand open; longer lists are folded


def inputs_page(screening: Screening) -> str:
    vocabulary = screening.vocabulary
    return page(
        "# Inputs",
        "What results feed. `trialhook trials names input` lists the same with a site's own. A value is judged in the "
        "unit given here, whatever the record's own; one outside “can be” is taken for a mistake and decides nothing.",
        _OWNERS,
        *(part for name in vocabulary.names("input") for part in _input(screening, screening.inputs.by_name[name])),
    )


def _input(screening: Screening, found: Input) -> Iterator[str]:
    usable = ", ".join(f"{low:f} to {high:f}" for low, high in found.usable)
    facts = (
        ("read as", ", ".join(sorted(found.reads))),
        ("unit", code(found.unit) if found.unit not in ("", "1") else ""),
        ("can be", usable),
        ("fresh for", f"{found.window.number} {found.window.unit}, where a trial says nothing" if found.window else ""),
        ("upper limit of normal", "the laboratory's own, else the site's" if found.ranges else ""),
        ("what it takes", found.effort),
    )
    concepts = [
        name for name, pairs in screening.inputs.by_concept.items() if any(p.name == found.name for p, _ in pairs)
    ]
    yield f"## {found.name}"
    yield _sentence(found.title)
    yield table(("", ""), ((name, told) for name, told in facts if told))
    yield from _codes(screening, [f"observation-{concept}" for concept in concepts])


def diagnoses_page(screening: Screening) -> str:
    vocabulary = screening.vocabulary
    diagnoses = (vocabulary.diagnosis(name) for name in vocabulary.names("diagnosis"))
    procedures = (vocabulary.procedure(name) for name in vocabulary.names("procedure"))
    return page(
        "# Diagnoses and procedures",
        "What `diagnosis:` and `procedure:` can name. Read as “has”, a diagnosis counts while it is active; as "
        "“history of”, whenever it was.",
        _OWNERS,
        "## Diagnoses",
        *(part for found in diagnoses for part in _diagnosis(screening, found)),
        "## Procedures",
        *(part for found in procedures for part in _procedure(screening, found)),
    )


def _diagnosis(screening: Screening, found: DiagnosisInfo) -> Iterator[str]:
    yield f"### {found.name}"
    reading = " Read as “history of”, where a trial says nothing." if found.reading == "history-of" else ""
    yield f"{_sentence(found.label)}{reading}"
    yield from _codes(screening, [f"condition-{concept}" for concept in found.concepts])


def _procedure(screening: Screening, found: ProcedureInfo) -> Iterator[str]:
    yield f"### {found.name}"
    yield _sentence(found.label)
    yield from _codes(screening, [f"procedure-{concept}" for concept in found.concepts])


def _sentence(label: str) -> str:
    return f"{escaped(label[:1].upper() + label[1:])}."


def drugs_page(screening: Screening) -> str:
    vocabulary, terminology = screening.vocabulary, screening.terminology
    names = vocabulary.names("drug")
    single = terminology.concepts("drug")
    groups = [name for name in names if name not in single]
    return page(
        "# Drugs",
        "What `drug:` can name: single drugs and groups of them. A record's drug is found by any RxNorm code of a "
        "product or ingredient listed, by ATC, by NDC, or by name; a product counts for each of its ingredients.",
        _OWNERS,
        "## Groups",
        table(
            ("name", "meaning", "drugs"),
            ((code(name), escaped(vocabulary.title(name)), _members(screening, name)) for name in groups),
        ),
        "## Kinds of anticancer treatment",
        "What rules on therapy, such as `washout`, can name.",
        table(
            ("name", "meaning", "drugs"),
            (
                (code(name), escaped(vocabulary.title(name)), ", ".join(sorted(vocabulary.therapy(name).everything)))
                for name in vocabulary.names("therapy")
            ),
        ),
        "## Single drugs",
        table(
            ("name", "ATC", "codes of products and ingredients"),
            ((code(name), *_drug_codes(terminology.value_sets[f"drug-{name}"])) for name in names if name in single),
        ),
    )


def _members(screening: Screening, name: str) -> str:
    return ", ".join(sorted(screening.vocabulary.drugs(name).ingredients))


def _drug_codes(value_set: dict[str, Any]) -> tuple[str, str]:
    found = list(_entries(value_set, "include"))
    atc = ", ".join(code(text) for system, text, _ in found if system == "atc")
    counts = groupby(sorted(system for system, _, _ in found if system != "atc"))
    return atc, ", ".join(f"{len(list(group))} {_title(system)}" for system, group in counts)


def answers_page(screening: Screening) -> str:
    vocabulary, value_sets = screening.vocabulary, screening.terminology.value_sets
    titles = {name: str(value_sets[f"answer-{name}"].get("title", name)) for name in vocabulary.names("answer")}
    return page(
        "# Answers",
        "What a coded result can be, for `result: …, is: …`. The same answer has codes in several systems.",
        _OWNERS,
        *(part for name, title in titles.items() for part in _named_answer(screening, name, title)),
    )


def _named_answer(screening: Screening, name: str, title: str) -> Iterator[str]:
    yield f"## {name}"
    yield _sentence(title)
    yield from _codes(screening, [f"answer-{name}"])


def _codes(screening: Screening, identifiers: Iterable[str]) -> Iterator[str]:
    """The codes of value sets as a table; long lists are folded. Exclusions say so."""
    rows = [
        (_title(system), code(text), escaped(shown), remark)
        for identifier in identifiers
        for part, remark in (("include", ""), ("exclude", "left out"))
        for system, text, shown in _entries(screening.terminology.value_sets[identifier], part)
    ]
    remarks = any(row[3] for row in rows)
    head = ("system", "code", "label", "") if remarks else ("system", "code", "label")
    told = table(head, (row if remarks else row[:3] for row in rows))
    if not rows:
        return
    if len(rows) <= _FOLDED:
        yield told
    else:
        yield f'<details markdown="1">\n<summary>{len(rows)} codes</summary>\n\n{told}\n</details>'


def _entries(value_set: dict[str, Any], part: str) -> Iterator[tuple[str, str, str]]:
    """(system, code, label) of a value set's listed codes; a filter is the code with all below it."""
    for include in value_set["compose"].get(part, ()):
        address = canonical_system(include.get("system", ""))
        system = _SHORT.get(address, address)
        for concept in include.get("concept", ()):
            yield system, concept["code"], concept.get("display", "")
        for rule in include.get("filter", ()):
            yield system, f"{rule['value']}…", "with all codes below it"


def _title(system: str) -> str:
    known = {"loinc": "LOINC", "snomed": "SNOMED CT", "rxnorm": "RxNorm", "icd-10-cm": "ICD-10-CM", "icd-10": "ICD-10"}
    return known.get(system, system.upper() if system in SHORT_NAMES else code(system))
