"""A trial as a CQL 1.5 library over FHIR R4: one define a criterion (true passes, false fails, null is not known or for
a person) and one for the grade. https://cql.hl7.org"""

import re
from functools import lru_cache
from importlib.resources import files
from textwrap import indent, wrap

import msgspec

from service.criteria.catalogue import Criterion, Trial
from service.screening import Screening
from service.sharing import cql_cancer as cql_cancer  # the kinds of rules that these modules register
from service.sharing import cql_drugs as cql_drugs
from service.sharing import cql_measured as cql_measured
from service.sharing.cql_rules import known
from service.sharing.cql_terms import UNITS_OF, UNKNOWN, Terms, comment, quoted, text
from service.sharing.unsaid import Unsaid, listed
from service.sharing.value_sets import ValueSets, url_of

DRAFT = "a draft that nobody has checked"
PERSON = "a person judges"
_WIDTH = 116
_ALWAYS = ("condition-says-remission", "condition-says-history")

_NOT_CARRIED = """\
It is the computable part of the trial, as far as CQL over FHIR resources says it exactly or nearly. What it leaves out:
- Units: quantities in the UCUM codes listed at the end alone, converted by the factors there; no spellings, texts,
  ranges, ratios or comparators (such values are null). Values that no living person has are null.
- Codes count under the value sets below as an engine expands them. A code without a system or under a wrong one, and
  words without a code, are not seen. ICD-10 is compared as written, with its dot.
- Conflicts: results of one time that disagree are null, whichever was issued later. One resource with contradictory
  statements is not noticed. Components of an Observation are not looked at.
- Dates: partial ones are compared as CQL does; an age or a period as an onset is null where a window is asked for;
  undated results, and results dated only by their issue, are passed over.
- Silence: nothing recorded passes where an absence is asked for. Whether the record was read completely is not known
  here; run it on complete records.
- Drugs behind a reference to a Medication, told in words alone, or given for a recorded reason are null.
- Cancers: evidence of spread beside any against it, or beside another primary, is null, be it a course or a
  contradiction; so is a stage that stands inside a Condition. Receptors coded as diagnoses, and results of both
  receptors together, are null.
- A local upper limit of normal, and reference ranges for some patients only, are not used.
- The grade is never better than probable: whether a pass rests on silence is not carried."""


class Cql(msgspec.Struct, frozen=True):
    """The text of a library, the define of each criterion, what is not said, and the value sets that are named."""

    name: str
    version: str
    text: str
    defines: dict[str, str]
    unsaid: tuple[Unsaid, ...]
    value_sets: ValueSets


class _Defined(msgspec.Struct, frozen=True):
    """One criterion: its define, and whether a person has to judge it in any case."""

    criterion: Criterion
    name: str
    text: str
    manual: bool


def as_cql(trial: Trial, screening: Screening) -> Cql:
    """The library of a trial. Criteria that CQL does not say are null, with a comment."""
    terms = Terms(screening, trial.id)
    for name in _ALWAYS:
        terms.value_sets.named(name)
    unsaid: list[Unsaid] = []
    defined = [_define(criterion, terms, unsaid) for criterion in trial.criteria]
    local = _local_forms(terms.value_sets)
    name, version = library_name(trial), trial.version
    parts = [
        _header(trial, unsaid),
        f"library {quoted(name)} version {text(version)}",
        "using FHIR version '4.0.1'",
        "include FHIRHelpers version '4.0.1'",
        "\n".join(f"valueset {quoted(one)}: {text(url_of(one))}" for one in terms.value_sets.names()),
        'parameter "As of" Date default Today()',
        "context Patient",
        "// ---- The criteria",
        *(one.text for one in defined),
        _grade(trial, defined),
        _reading(),
        *(terms.definitions[name] for name in sorted(terms.definitions)),
        local,
    ]
    defines = {one.criterion.id: one.name for one in defined}
    return Cql(name, version, "\n\n".join(parts) + "\n", defines, tuple(unsaid), terms.value_sets)


def library_name(trial: Trial) -> str:
    """The library's identifier: engines take letters, digits and underscores without fail."""
    return re.sub(r"\W", "_", trial.id, flags=re.ASCII)


def define_name(criterion: Criterion, terms: Terms) -> str:
    """The criterion's id, unless the library has something else of that name."""
    name = criterion.id
    taken = name in terms.terminology.value_sets or name in _own_names() or name.startswith(UNITS_OF)
    return f"{name} (criterion)" if taken else name


@lru_cache(1)
def _reading() -> str:
    return (files("service.sharing") / "reading.cql").read_text("utf-8").rstrip()


@lru_cache(1)
def _own_names() -> frozenset[str]:
    """What the library defines besides the criteria."""
    return frozenset(re.findall(r'^define (?:function )?"([^"]+)"', _reading(), re.M)) | {
        "Grade number", "In a local form", "As of", "Patient", "FHIRHelpers",
    }  # fmt: skip


def _define(criterion: Criterion, terms: Terms, unsaid: list[Unsaid]) -> _Defined:
    terms.gaps.clear()
    manual = criterion.rule.outcomes() == {"review"}
    said = UNKNOWN
    if criterion.draft:
        terms.gaps.append(DRAFT)
    elif manual:
        terms.gaps.append(PERSON)
    else:
        said = known(criterion.rule, terms)
    gaps = list(dict.fromkeys(terms.gaps))
    whole = said == UNKNOWN
    unsaid += [Unsaid(criterion.id, why, whole) for why in gaps]
    lines = [comment(f"{criterion.type}, {criterion.source}: {criterion.text}")]
    lines += [comment(f"{'not expressed' if whole else 'in part'}: {why}") for why in gaps]
    body = "null as Boolean" if whole else said
    name = define_name(criterion, terms)
    lines.append(f"define {quoted(name)}:\n{indent(body, '  ')}")
    return _Defined(criterion, name, "\n".join(lines), manual)


def _grade(trial: Trial, defined: list[_Defined]) -> str:
    """As FHIR's match grades; with criteria that only some arms ask for, the best arm's."""
    arms = [arm.name for arm in trial.arms] if any(one.criterion.arms for one in defined) else [""]
    grades = []
    for arm in arms:
        asked = [one for one in defined if not one.criterion.arms or arm in one.criterion.arms]
        computed = ", ".join(quoted(one.name) for one in asked if not one.manual)
        grades.append(f'"Grade of"({{ {computed} }})')
    listed_ = indent(",\n".join(grades), "  ")
    best = grades[0] if len(grades) == 1 else f"Max({{\n{listed_}\n}})"
    return f'define "Grade number":\n{indent(best, "  ")}'


def _local_forms(value_sets: ValueSets) -> str:
    name = value_sets.local_forms()
    body = f"concept in {quoted(name)}" if name else "false"
    return f'define function "In a local form"(concept FHIR.CodeableConcept):\n  {body}'


def _header(trial: Trial, unsaid: list[Unsaid]) -> str:
    touched = len({item.criterion for item in unsaid})
    lines = [
        f"{trial.id}: {trial.title}",
        f"Version {trial.version}, {trial.standing}; file {trial.digest[:16]}.",
        "Each define answers from the patient's side: true passes, false fails, null is not known or for a person.",
        "",
        *_NOT_CARRIED.splitlines(),
        "",
        f"Not expressed, in whole or in part ({touched} of {len(trial.criteria)} criteria):",
        *[line for item in listed(unsaid) for line in wrap(f"- {item}", _WIDTH, subsequent_indent="  ")],
    ]
    return "\n".join(f"// {line}".rstrip() for one in lines for line in one.splitlines() or [""])
