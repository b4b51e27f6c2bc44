"""Rules and signs in CQL. `known` says whether a rule passes, or whether a sign is there; null where that is not
known. `sign` says whether something found would stand in the way: silence is false."""

from functools import singledispatch

from service.criteria.combinations import AllOf, AnyOf, DoubtfulRule, WhenRule
from service.criteria.composite_signs import AllSigns, AnySign
from service.criteria.describing import describe
from service.criteria.for_a_person import ReviewRule, ShownRule, WishRule
from service.criteria.reproduction import ForWomenRule
from service.criteria.rules import AbsenceRule, AgeRule, Concern, PresenceRule, SexRule
from service.criteria.sex import FEMALE_CONDITIONS, FEMALE_PROCEDURES
from service.criteria.signs import DiagnosisSign, ProcedureSign
from service.sharing.cql_terms import UNKNOWN, Terms, all_of, any_of, braced, call, each, listed, negated, since, text

_AGE = 'AgeInYearsAt("As of")'


@singledispatch
def known(part: object, terms: Terms) -> str:
    """Whether a rule passes, or whether a sign is there."""
    if sign.dispatch(type(part)) is sign.dispatch(object):
        return terms.nothing(describe(part))
    return f"{braced(sign(part, terms))} or null"


@singledispatch
def sign(part: object, terms: Terms) -> str:
    """Whether a sign is found: true, null where it may be, false where it is not or nothing is recorded."""
    return terms.nothing(describe(part))


# -- who the patient is


@known.register
def _(rule: AgeRule, terms: Terms) -> str:
    bounds = [f"{_AGE} >= {rule.at_least}"] if rule.at_least is not None else []
    bounds += [f"{_AGE} < {rule.below}"] if rule.below is not None else []
    return " and ".join(bounds)


@known.register
def _(rule: SexRule, terms: Terms) -> str:
    other = "male" if rule.sex == "female" else "female"
    when = f"  when {text(rule.sex)} then true\n  when {text(other)} then false\n"
    return f"case Patient.gender.value\n{when}  else null\nend"


@known.register
def _(rule: ForWomenRule, terms: Terms) -> str:
    """Who may bear children is not worked out: the rule's pass holds for either, its fail does not."""
    woman = known(rule.rule, terms)
    if rule.child_bearing:
        terms.gaps.append("who may bear children")
        woman = f"{braced(woman)} or null"
    man = "true" if rule.man is None else known(rule.man, terms)
    doubt = [terms.retrieved("Condition", [f"condition-{name}"]) for name in FEMALE_CONDITIONS]
    doubt += [terms.retrieved("Procedure", [f"procedure-{name}"]) for name in FEMALE_PROCEDURES]
    contradicted = "\n  or ".join(f"exists {source}" for source in doubt)
    return (
        "case\n"
        f"  when Patient.gender.value = 'female' then {braced(woman)}\n"
        f"  when Patient.gender.value = 'male' and not ({contradicted})\n"
        f"    then {braced(man)}\n"
        "  else null\n"
        "end"
    )


# -- combinations


@known.register
def _(rule: AllOf, terms: Terms) -> str:
    return all_of([known(part, terms) for part in rule.rules])


@known.register
def _(rule: AnyOf, terms: Terms) -> str:
    return any_of([known(part, terms) for part in rule.rules])


@known.register
def _(rule: WhenRule, terms: Terms) -> str:
    return call("By case", sign(rule.sign, terms), known(rule.then, terms), known(rule.otherwise, terms))


@known.register
def _(rule: DoubtfulRule, terms: Terms) -> str:
    return f"{braced(known(rule.rule, terms))} and null"


@known.register
def _(rule: ShownRule, terms: Terms) -> str:
    return known(rule.rule, terms)


@known.register
def _(rule: ReviewRule, terms: Terms) -> str:
    return UNKNOWN


@known.register
def _(rule: WishRule, terms: Terms) -> str:
    return "true"


@known.register
def _(rule: PresenceRule, terms: Terms) -> str:
    return sign(rule.sign, terms) if rule.if_none == "fail" else known(rule.sign, terms)


@known.register
def _(rule: AbsenceRule, terms: Terms) -> str:
    return negated(any_of([_concern(concern, terms) for concern in rule.concerns]))


def _concern(concern: Concern, terms: Terms) -> str:
    """What only leaves doubt, or asks a person, is null where it is found."""
    found = sign(concern.sign, terms)
    return found if concern.then == "fail" else f"{braced(found)} and null"


@sign.register
def _(part: AllSigns, terms: Terms) -> str:
    return all_of([sign(each_, terms) for each_ in part.signs])


@sign.register
def _(part: AnySign, terms: Terms) -> str:
    return any_of([sign(each_, terms) for each_ in part.signs])


# -- diagnoses and procedures


@sign.register
def _(part: DiagnosisSign, terms: Terms) -> str:
    there = call("Now" if part.reading == "has" else "Ever", "C")
    if part.window is not None:
        there = f'{there} and "Begun since"(C, {since(part.window)})'
    parts = [call("Any is so", each(_conditions(part, terms), "C", there))]
    for name, answers in part.observed:
        parts.append(_observed(part, name, answers, terms))
    return any_of(parts)


@known.register
def _(part: DiagnosisSign, terms: Terms) -> str:
    """A refuted diagnosis is a word against it; silence is none."""
    refuted = "\"Status of\"(C.verificationStatus) = 'refuted'"
    found = sign(part, terms)
    return f"{braced(found)}\nor (if exists ({_conditions(part, terms)} C where {refuted}) then false else null)"


def _conditions(part: DiagnosisSign, terms: Terms) -> str:
    return listed(terms.retrieved("Condition", [f"condition-{name}" for name in sorted(part.concepts)]))


def _observed(part: DiagnosisSign, name: str, answers: frozenset[str], terms: Terms) -> str:
    """Observations whose answer names the same; answers are `site:liver`, `condition:metastasis-liver` or an answer."""
    sets = [answer.replace(":", "-", 1) if ":" in answer else f"answer-{answer}" for answer in sorted(answers)]
    names = [terms.value_set(name) for name in sets if name in terms.terminology.value_sets]
    value = "(R.value as FHIR.CodeableConcept)"
    told = " or ".join(f"{value} in {set_}" for set_ in names) or "false"
    answer = [f"({told}) is true", '"Stands"(R)']
    if open_ := " or ".join(f"{value} in {set_}" for set_ in terms.leave_open(name)):
        answer[0] = f"(({told}) is true or (({open_}) is true and null))"
    if part.window is not None:
        answer.append(call("Inside", "R", since(part.window)))
    results = terms.results(terms.inputs.by_name[name])
    return call("Any is so", each(results, "R", " and ".join(answer)))


@sign.register
def _(part: ProcedureSign, terms: Terms) -> str:
    source = terms.retrieved("Procedure", [f"procedure-{name}" for name in sorted(part.concepts)])
    done = call("Done", "P") if part.window is None else call("Done since", "P", since(part.window))
    return call("Any is so", each(source, "P", done))
