"""Cancers and allergies in CQL. Where evidence of spread stands beside anything against it the answer is null."""

from collections.abc import Iterable

from service.criteria.allergies import AllergyRule, IntoleranceSign
from service.criteria.cancer import NO_SPREAD, Cancer, CancerRule
from service.criteria.other_malignancy import OtherMalignancyRule
from service.sharing.cql_rules import known, sign
from service.sharing.cql_terms import Terms, all_of, any_of, call, each, listed, negated, quoted, since

_CODED = "(R.value as FHIR.CodeableConcept)"
_IF = "if {} then null else false"


@known.register
def _(rule: CancerRule, terms: Terms) -> str:
    cancer = rule.cancer
    spread = any_of(list(_spread(cancer, terms)))
    extent = [call("Is metastatic", spread, *_against(cancer, terms))]
    if rule.recurrent:
        extent.append(_any(_conditions(cancer.own, terms), '"Recurs"(C)'))
    if rule.or_stage:
        extent += _by_stage(rule, terms)
    if rule.stage_3 == "review":
        stage_3 = terms.value_set("answer-stage-3")
        third = f'exists ({_stages(terms)} R where "Stands"(R) and {_CODED} in {stage_3})'
        extent.append(_IF.format(third))
    past = _any(_conditions(cancer.history, terms), '"Ever"(C)') if cancer.history else "false"
    general = _perhaps_of(frozenset({"malignancy-general"}), "Ever", terms)
    own = _any(_conditions(cancer.own, terms), '"Ever"(C)')
    return all_of([call("Has the cancer", own, past, general, spread), any_of(extent)])


def _any(source: str, answer: str) -> str:
    return call("Any is so", each(source, "C", answer))


def _conditions(names: Iterable[str], terms: Terms) -> str:
    return listed(terms.retrieved("Condition", [f"condition-{name}" for name in sorted(names)]))


def _stages(terms: Terms) -> str:
    return terms.results(terms.inputs.by_name["stage"])


def _spread(cancer: Cancer, terms: Terms) -> Iterable[str]:
    """What says distant spread; null where it may."""
    general = terms.value_set("condition-metastasis-unspecified")
    placed = f"if C.code in {general} and exists C.bodySite then null else true"
    yield _any(_conditions(cancer.spreads, terms), f'"Ever"(C) and ({placed})')
    far = ["answer-m1", "answer-stage-4", *sorted(site.replace(":", "-", 1) for site in cancer.distant_sites)]
    told = [terms.value_set(name) for name in far if name in terms.terminology.value_sets]
    other = quoted(terms.value_sets.of_answers_but(frozenset({"m1", "stage-4"})))
    for name in ("stage", "m-category", *cancer.own_results):
        answer = (
            "case\n"
            f"  when R.value is null or not exists {_CODED}.coding then false\n"
            "  when exists R.focus then null\n"
            f"  when {' or '.join(f'{_CODED} in {one}' for one in told)} then true\n"
            + "".join(f"  when {_CODED} in {one} then null\n" for one in terms.leave_open(name))
            + f"  when {_CODED} in {other} then false\n"
            "  else null\n"
            "end"
        )
        results = terms.results(terms.inputs.by_name[name])
        yield call("Any is so", each(results, "R", f'"Stands"(R) and (\n{answer}\n)'))
    yield _IF.format(f"exists ({_conditions(cancer.ever, terms)} C where exists C.stage)")


def _against(cancer: Cancer, terms: Terms) -> tuple[str, str, str, str]:
    """Contradicted, unclear, against, again."""
    local = [terms.value_set(f"answer-{name}") for name in sorted(NO_SPREAD)]
    says = " or ".join(f"{_CODED} in {one}" for one in local)
    against = any_of(
        [
            f'exists ({listed(terms.results(terms.inputs.by_name[name]))} R where "Stands"(R) and ({says}))'
            for name in ("stage", "m-category", *cancer.own_results)
        ]
    )
    staged = f"exists ({_conditions(cancer.ever, terms)} C where exists C.stage)"
    another = _perhaps_of(cancer.another, "Now", terms)
    unclear = _perhaps_of(cancer.unclear, "Ever", terms)
    again = _perhaps_of(cancer.own, "Recurs", terms)
    return any_of([against, staged, another]), unclear, against, again


def _perhaps_of(names: frozenset[str], function: str, terms: Terms) -> str:
    """Whether a diagnosis of some concepts is there or may be."""
    if not names:
        return "false"
    return f"exists ({_conditions(names, terms)} C where {call(function, 'C')} is not false)"


def _by_stage(rule: CancerRule, terms: Terms) -> Iterable[str]:
    """The newest stage is one of those accepted; null where it may be."""
    accepted = " or ".join(f"{_CODED} in {terms.value_set(f'answer-{name}')}" for name in sorted(rule.or_stage))
    wholes = sorted({f"stage-{name.removeprefix('stage-')[0]}" for name in rule.or_stage})
    perhaps = " or ".join(f"{_CODED} in {terms.value_set(f'answer-{name}')}" for name in wholes)
    when = f"  when exists R.focus then null\n  when {accepted} then true\n  when {perhaps} then null\n"
    answer = f"case\n{when}  else false\nend"
    yield call("All agree, or none", each(call("Newest", _stages(terms)), "R", answer))


@known.register
def _(rule: OtherMalignancyRule, terms: Terms) -> str:
    window = since(rule.window)
    own = " or ".join(f"C.code in {terms.value_set(f'condition-{name}')}" for name in sorted(rule.own)) or "false"
    parts = []
    for names, answer in (
        (rule.concepts, f'"Another primary"(C, {window})'),
        (rule.doubtful, f'"Another primary"(C, {window}) and null'),
        (rule.once_treated, '"Now"(C) and null'),
    ):
        if names:
            parts.append(_any(_conditions(names, terms), f"if {own} then false else {answer}"))
    return negated(any_of(parts))


# -- allergies


@known.register
def _(rule: AllergyRule, terms: Terms) -> str:
    """An allergy to a related drug, and an intolerance, are for a person: null."""
    direct = _to(terms.value_sets.of_drugs(rule.drugs, "allergy"))
    answer = f'{direct}\n  and "Allergy stands"(A) and ("Is an allergy"(A) or null)'
    parts = [call("Any is so", each("[AllergyIntolerance]", "A", answer))]
    if rule.related:
        parts.append(_perhaps(_to(terms.value_sets.of_drugs(rule.related, "allergy-related"))))
    return negated(any_of([*parts, *_unclear(rule.drugs | rule.related, terms)]))


@sign.register
def _(part: IntoleranceSign, terms: Terms) -> str:
    answer = f'{_to(terms.value_sets.of_drugs(part.drugs, "intolerance"))} and "Allergy stands"(A)'
    return call("Any is so", each("[AllergyIntolerance]", "A", answer))


def _to(value_set: str) -> str:
    """Whether an allergy A is to one of some drugs, by its code or a reaction's substance."""
    name = quoted(value_set)
    return f"((A.code in {name}) is true or exists (A.reaction R where R.substance in {name}))"


def _perhaps(condition: str) -> str:
    return _IF.format(f'exists ([AllergyIntolerance] A where "Allergy stands"(A) is not false and {condition})')


def _unclear(drugs: frozenset[str], terms: Terms) -> Iterable[str]:
    """Allergies told in words alone, or by a code that does not tell which drug."""
    yield _perhaps('"In words alone"(A)')
    for name, meanings in sorted(terms.terminology.may_mean.items()):
        if not drugs.isdisjoint(meanings):
            yield _perhaps(_to(terms.value_sets.named(f"drug-{name}")))
