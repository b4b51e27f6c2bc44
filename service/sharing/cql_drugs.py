"""Drugs in CQL: taken ever, now or lately, and simple washouts. An order, a statement and a dose are read alike."""

from service.criteria.drug_now import NoDrugNowRule
from service.criteria.drugs import Drugs, Nameless
from service.criteria.spans import Window
from service.criteria.taken import DrugSign
from service.criteria.taken_over_time import RecentDrugSign
from service.criteria.therapy import Therapy
from service.criteria.washout import WashoutRule
from service.mappers.drug_forms import DEPOT_DAYS
from service.sharing.cql_rules import known, sign
from service.sharing.cql_terms import Terms, all_of, any_of, braced, call, each, negated, quoted, since

_SINCE = '"Taken since"(D.now, D.course, D.start, D.last, {})'
_SILENT = 'if "A drug without a code" then null else false'
_CYCLE = Window(42, "days")
_IN_MEN = "if Patient.gender.value = 'female' then false else null"


@sign.register
def _(part: DrugSign, terms: Terms) -> str:
    when = [] if part.state == "taken" else ["D.now"]
    parts = [_records(part.drugs, when, part.local, terms)]
    if part.state == "active":
        parts += _unsure_of_doses(part.drugs, part.by_cycles, terms)
    else:
        parts += _nameless(part.drugs.nameless, terms)
    return any_of([*parts, *_may_mean(part.drugs.ingredients, terms), _SILENT])


@sign.register
def _(part: RecentDrugSign, terms: Terms) -> str:
    parts = [_records(part.drugs, [_SINCE.format(since(part.window))], part.local, terms)]
    parts += _unsure_of_doses(part.drugs, False, terms)
    return any_of([*parts, *_may_mean(part.drugs.ingredients, terms), _SILENT])


def _records(drugs: Drugs, when: list[str], any_form: bool, terms: Terms) -> str:
    """Whether a record of one of the drugs is sure, and says so of its time."""
    answer = " and ".join(["D.sure", *when, *([] if any_form else ["not D.local"])])
    source = (
        _of(drugs.ingredients, drugs.input, terms) if any_form else _systemic(drugs.ingredients, drugs.input, terms)
    )
    return call("Any is so", each(source, "D", answer))


def _of(ingredients: frozenset[str], name: str, terms: Terms) -> str:
    return f'("Drug records" D where D.concept in {quoted(terms.value_sets.of_drugs(ingredients, name))})'


def _systemic(ingredients: frozenset[str], name: str, terms: Terms) -> str:
    inner = quoted(terms.value_sets.of_drugs(ingredients, name))
    return f'("Drug records" D where D.concept in {inner} and not "In a local form"(D.concept))'


def _unsure_of_doses(drugs: Drugs, by_cycles: bool, terms: Terms) -> list[str]:
    """Doses that may go on working or come again: a depot, an antineoplastic between its cycles. Null where one is."""
    unsure = drugs.ingredients if by_cycles else drugs.ingredients & DEPOT_DAYS.keys()
    if not unsure:
        return []
    last = call("Taken since", "false", "D.course", "D.start", "D.last", since(_CYCLE)) if by_cycles else "true"
    given = "D.course = 'dose'" if by_cycles else "(D.course = 'dose' or D.last is not null)"
    source = _of(unsure, f"{drugs.input}-doses", terms)
    return [all_of([call("Any is so", each(source, "D", f"{given} and {last}")), "null"])]


def _may_mean(ingredients: frozenset[str], terms: Terms) -> list[str]:
    """Codes that do not tell which of several drugs was taken: null where one is recorded."""
    meanings = terms.terminology.may_mean.items()
    unclear = sorted(name for name, drugs in meanings if not ingredients.isdisjoint(drugs))
    sets = [terms.value_set(f"drug-{name}") for name in unclear]
    return [f'exists ("Drug records" D where D.concept in {set_}) and null' for set_ in sets]


def _nameless(kinds: tuple[Nameless, ...], terms: Terms) -> list[str]:
    """Therapy told without a name, which may have been one of the drugs: null where some is."""
    parts = []
    for kind in kinds:
        conditions = [f"condition-{name}" for name in sorted(kind.conditions | kind.histories)]
        procedures = [f"procedure-{name}" for name in sorted(kind.procedures)]
        if conditions:
            parts.append(_told(terms.retrieved("Condition", conditions), "Ever", terms))
        if procedures:
            parts.append(_told(terms.retrieved("Procedure", procedures), "Done", terms))
    return parts


def _told(source: str, function: str, terms: Terms) -> str:
    return all_of([call("Any is so", each(source, "X", f"{call(function, 'X')} is not false")), "null"])


# -- washouts


@known.register
def _(rule: WashoutRule, terms: Terms) -> str:
    recent = _SINCE.format(since(rule.window))
    parts = _therapy(rule.therapy, recent, terms)
    doses = _of(rule.therapy.everything, rule.therapy.drugs.input, terms)
    cycle = call("Taken since", "false", "D.course", "D.start", "D.last", since(_CYCLE))
    parts.append(all_of([call("Any is so", each(doses, "D", f"D.course = 'dose' and {cycle}")), "null"]))
    if depots := rule.therapy.for_men & DEPOT_DAYS.keys():  # whose form may last longer than the washout
        records = _therapy_records(depots, f"{rule.therapy.drugs.input}-depots", "true", terms)
        parts.append(all_of([records, _IN_MEN]))
    parts += [sign(procedure, terms) for procedure in rule.procedures]
    return negated(any_of([*parts, _SILENT]))


@known.register
def _(rule: NoDrugNowRule, terms: Terms) -> str:
    parts = _therapy(rule.therapy, "D.now", terms)
    parts += _unsure_of_doses(Drugs(rule.therapy.everything, "", rule.therapy.drugs.input), True, terms)
    found = any_of([*parts, _SILENT])
    return negated(found if rule.outcome == "fail" else f"{braced(found)} and null")


def _therapy(therapy: Therapy, when: str, terms: Terms) -> list[str]:
    """Whether some of a therapy is recorded for a time: null for drugs that are also given for other diseases, and in
    men for those that count in men alone."""
    name = therapy.drugs.input
    others = frozenset(drug for drug, _ in therapy.other_uses)
    plain = therapy.everything - others - therapy.for_men
    parts = [_therapy_records(plain, name, f"{when} and (if D.reason then null else true)", terms)]
    if others:
        parts.append(all_of([_therapy_records(others, f"{name}-or-other", when, terms), "null"]))
    if therapy.for_men:
        parts.append(all_of([_therapy_records(therapy.for_men, f"{name}-men", when, terms), _IN_MEN]))
    if therapy.conditions:
        source = terms.retrieved("Condition", [f"condition-{name}" for name in sorted(therapy.conditions)])
        parts.append(call("Any is so", each(source, "C", call("Now", "C"))))
    everything = therapy.everything
    return [*parts, *_nameless(therapy.nameless, terms), *_may_mean(everything, terms)]


def _therapy_records(ingredients: frozenset[str], name: str, when: str, terms: Terms) -> str:
    answer = f"D.sure and not D.local and {when}"
    return call("Any is so", each(_systemic(ingredients, name, terms), "D", answer))
