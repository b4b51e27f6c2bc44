"""Results in CQL: numbers against limits, multiples of the upper limit of normal, scores, coded answers, receptors."""

from decimal import Decimal
from textwrap import indent

from service.criteria.answered import AnswerRule, AnswerSign
from service.criteria.bands import Band
from service.criteria.measured import Limit, MeasurementRule, Threshold
from service.criteria.receptors import ReceptorRule
from service.criteria.spans import Window
from service.criteria.threshold_sign import ThresholdSign
from service.mappers.inputs import Input
from service.sharing.cql_rules import known, sign
from service.sharing.cql_terms import (
    Terms,
    all_of,
    any_of,
    braced,
    call,
    decimal,
    each,
    listed,
    quantity,
    quoted,
    since,
    text,
)

_SIGNS = {"at-least": ">=", "more-than": ">", "at-most": "<=", "less-than": "<"}
_SCORES = range(10)
_CODED = "(R.value as FHIR.CodeableConcept)"


@known.register
def _(rule: MeasurementRule, terms: Terms) -> str:
    return _measured(rule.threshold, terms)


@known.register
def _(part: ThresholdSign, terms: Terms) -> str:
    return _measured(part.threshold, terms)


@sign.register
def _(part: ThresholdSign, terms: Terms) -> str:
    """A reason against: an old value that would not exclude says nothing."""
    threshold = part.threshold
    if why := _not_carried(threshold, terms):
        return terms.nothing(why)
    meets, results = _meets(threshold, terms), terms.results(_input(threshold, terms))
    newest, answer = call("Newest", results), meets
    if threshold.window is not None:
        inside = _inside(threshold.window)
        newest = f"{listed(newest)} R\n  where {inside} is true or {braced(meets)} is not false"
        answer = all_of([meets, f"{inside} or null"])
    return _found(newest, answer, results, "true" if threshold.limit.times_uln else meets)


def _found(decided: str, answer: str, results: str, perhaps: str) -> str:
    preliminary = each(call("Preliminary", results), "R", perhaps)
    return call("Found, or perhaps", each(decided, "R", answer), preliminary)


def _measured(threshold: Threshold, terms: Terms) -> str:
    if why := _not_carried(threshold, terms):
        return terms.nothing(why)
    answer = _fresh(_meets(threshold, terms), threshold.window)
    return call("All agree", each(call("Newest", terms.results(_input(threshold, terms))), "R", answer))


def _input(threshold: Threshold, terms: Terms) -> Input:
    return terms.inputs.by_name[threshold.input]


def _not_carried(threshold: Threshold, terms: Terms) -> str:
    if threshold.method:
        return f"{threshold.label}: that results by another method do not count"
    if threshold.aside or threshold.doubtful:
        return f"{threshold.label}: how it was measured"
    return _odd_input(_input(threshold, terms))


def _odd_input(made: Input) -> str:
    if made.about:
        return f"{made.label}: results under a general code that a component makes specific"
    if made.grades or made.answer_families:
        return f"{made.label}: numbers that are grades, or answers that are sites or diagnoses"
    return ""


def _meets(threshold: Threshold, terms: Terms) -> str:
    if isinstance(threshold, Band):
        return all_of([_meets(threshold.lower, terms), _meets(threshold.upper, terms)])
    made, limit = _input(threshold, terms), threshold.limit
    if made.score:
        return f"{_score(made, terms)} {_SIGNS[limit.comparison]} {decimal(limit.number)}"
    amount = _amount(made, terms)
    if limit.times_uln:
        return _against_uln(amount, limit, made, terms)
    return f"{amount} {_SIGNS[limit.comparison]} {quantity(limit.number, made.unit)}"


def _against_uln(amount: str, limit: Limit, made: Input, terms: Terms) -> str:
    """A multiple of the upper limit of normal: by the result's own range, else by the laboratory's flag of normal."""
    times = call("Times normal", "R", terms.units_of(made), text(made.unit))
    compared = f"{times} {_SIGNS[limit.comparison]} {decimal(limit.number)}"
    lines = ["case", f"  when {amount} is null then null", f"  when exists R.referenceRange then {compared}"]
    if limit.number >= 1:
        met = "true" if limit.comparison in ("at-most", "less-than") else "false"
        lines.append(f'  when "Flagged normal or low"(R) then {met}')
    return "\n".join([*lines, "  else null", "end"])


def _amount(made: Input, terms: Terms) -> str:
    """The value in a unit that fits; null under a code that tells another one."""
    ranges = ", ".join(
        f"Interval[{quantity(low, made.unit)}, {quantity(high, made.unit)}]" for low, high in made.usable
    )
    usable = f"{{ {ranges} }}" if ranges else "{ }"
    amount = call("Amount", "R", terms.units_of(made), text(made.unit), usable)
    others = [f"R.code in {terms.value_set(f'observation-{name}')}" for name in terms.other_units(made)]
    return f"(if {' or '.join(others)} then null else {amount})" if others else amount


def _score(made: Input, terms: Terms) -> str:
    """A score told as a number or as one of the answers that stand for numbers."""
    cases = [
        f"  when {_CODED} in {terms.value_set(name)} then {n}.0"
        for n in _SCORES
        if (name := f"answer-{made.score}-{n}") in terms.terminology.value_sets
    ]
    told = "\n".join(["case", *cases, '  else "Score"(R)', "end"])
    low, high = made.usable[0] if made.usable else (Decimal(0), Decimal(1000))
    return call("Whole", told, decimal(low), decimal(high))


def _inside(window: Window) -> str:
    return call("Inside", "R", since(window))


def _fresh(answer: str, window: Window | None) -> str:
    if window is None:
        return answer
    return f"if {_inside(window)}\n  then\n{indent(answer, '    ')}\n  else null"


# -- coded answers


@known.register
def _(rule: AnswerRule, terms: Terms) -> str:
    return known(rule.sign, terms)


@known.register
def _(part: AnswerSign, terms: Terms) -> str:
    if why := _odd_input(terms.inputs.by_name[part.input]):
        return terms.nothing(why)
    return _answered(part, terms, "Any is so, if any" if part.any_one else "All agree")


@sign.register
def _(part: AnswerSign, terms: Terms) -> str:
    made = terms.inputs.by_name[part.input]
    if why := _odd_input(made):
        return terms.nothing(why)
    is_so, results = _is_one_of(part.answers, terms), terms.results(made)
    if not part.any_one:
        return _found(call("Newest", results), _fresh(is_so, part.window), results, is_so)
    perhaps = call("Any is so", each(call("Preliminary", results), "R", is_so))
    return any_of([_answered(part, terms, "Any is so"), all_of([perhaps, "null"])])


def _answered(part: AnswerSign, terms: Terms, over: str) -> str:
    results = call("Counting" if part.any_one else "Newest", terms.results(terms.inputs.by_name[part.input]))
    return call(over, each(results, "R", _fresh(_is_one_of(part.answers, terms), part.window)))


def _is_one_of(wanted: frozenset[str], terms: Terms) -> str:
    """Whether a coded value is one of some answers; false for any other that is known, else null."""
    yes = " or ".join(f"{_CODED} in {terms.value_set(f'answer-{name}')}" for name in sorted(wanted))
    other = quoted(terms.value_sets.of_answers_but(wanted))
    return f"case\n  when {yes} then true\n  when {_CODED} in {other} then false\n  else null\nend"


# -- hormone receptors


@known.register
def _(rule: ReceptorRule, terms: Terms) -> str:
    states = any_of([_receptor(name, rule.specimen == "any", terms) for name in rule.accept])
    both = terms.results(terms.inputs.by_name["er-pr"])
    return f"if exists {braced(both)}\n  then null\n  else\n{indent(states, '    ')}"


def _receptor(name: str, in_any: bool, terms: Terms) -> str:
    made = terms.inputs.by_name[name]
    reading, results = _stained(made, terms), terms.results(made)
    if not in_any:
        return call("All agree", each(call("Newest", results), "R", reading))
    read = f'Tuple {{\n  at: "Time of"(R),\n  positive: {reading}\n}}'
    return call("Positive in any", each(call("Counting", results), "R", read))


def _stained(made: Input, terms: Terms) -> str:
    positive, negative = (terms.value_set(f"answer-{name}") for name in ("positive", "negative"))
    answered = (
        f"case\n  when {_CODED} in {positive} then true\n  when {_CODED} in {negative} then false\n  else null\nend"
    )
    return f"Coalesce(\n  {_amount(made, terms)} >= {quantity(Decimal(1), made.unit)},\n{indent(answered, '  ')})"
