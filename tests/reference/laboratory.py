"""Numbers with a limit: blood counts, chemistry in multiples of the upper limit of normal, heart, lungs, ECOG."""

import re
from collections.abc import Callable
from decimal import Decimal

from .amounts import CONFLICTING_VALUES, UNUSABLE_VALUE, Amount, amount_of, factor, text_amount, unit_of
from .answers import CONFLICT, FAIL, MISSING, PASS, SILENT, STALE, UNUSABLE, Answer, worst
from .cancer import liver_metastases, liver_observed
from .diagnoses import SNOMED
from .record import Record
from .results import Result, agreed, coded, flags, fresh, newest, results, unusable_extension
from .spans import within

LABORATORY_DAYS, LVEF_DAYS = 28, 90

TESTS: dict[str, frozenset[str]] = {
    "anc": frozenset(("751-8", "26499-4", "753-4")),
    "platelets": frozenset(("777-3", "26515-7", "778-1")),
    "hemoglobin": frozenset(("718-7", "20509-6", "30350-3")),
    "bilirubin": frozenset(("1975-2", "14631-6", "42719-5")),
    "creatinine": frozenset(("2160-0", "38483-4", "14682-9")),
    "alt": frozenset(("1742-6",)),
    "ast": frozenset(("1920-8", "30239-8", "88112-8")),
    "alp": frozenset(("6768-6",)),
    "glucose": frozenset(("1558-6", "14771-0")),
    "spo2": frozenset(("2708-6", "59408-5", "59410-1", "59417-6")),
    "fev1": frozenset(("20152-5",)),
}
_ECHO = frozenset(("10230-1", "8806-2", "8807-0", "18043-0", "18045-5", "77892-8"))
_OTHER_METHODS = frozenset(("8812-0", "8811-2"))
_ECOG = frozenset(("89247-1", "89262-0", "423740007"))
_ECOG_ANSWERS = {
    **{code: score for score, code in enumerate(("LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8"))},
    **{code: score for score, code in enumerate(("425389002", "422512005", "422894000", "423053003", "423237006"))},
}
_SEXES = {"female": "248152002", "male": "248153007"}
_OXYGEN_FLOW = frozenset(("3151-8",))

Judge = Callable[[Amount], bool | None]


def count_at_least(test: str, limit: str) -> Callable[[Record], Answer]:
    return lambda record: _asked(record, TESTS[test], test, lambda amount: amount.at_least(Decimal(limit)))


def count_above(test: str, limit: str) -> Callable[[Record], Answer]:
    return lambda record: _asked(record, TESTS[test], test, lambda amount: amount.above(Decimal(limit)))


def times_normal(test: str, multiple: str) -> Callable[[Record], Answer]:
    """At most a multiple of the upper limit of normal that the same observation tells."""

    def rule(record: Record) -> Answer:
        return _newest_in_window(
            record, TESTS[test], LABORATORY_DAYS, lambda result: _limited(record, result, test, Decimal(multiple))
        )

    return rule


def transaminase(test: str) -> Callable[[Record], Answer]:
    """2.5 × ULN, or 5 × ULN with liver metastases; whether there are any matters only between the two."""

    def rule(record: Record) -> Answer:
        strict, wide = times_normal(test, "2.5")(record), times_normal(test, "5")(record)
        if strict in (wide, PASS):
            return strict
        metastases = liver_metastases(record)
        if any(d.doubt is None for d in metastases) or liver_observed(record):
            return wide
        if metastases or not record.complete("Condition", "Observation"):
            return MISSING
        return strict

    return rule


def bilirubin_yale(record: Record) -> Answer:
    """Up to 2.0 mg/dL passes; above it and up to 2.0 × ULN, or without ULN, is unknown; above both fails."""

    def one(result: Result) -> Answer:
        amount = _amount(result, "bilirubin")
        if isinstance(amount, Answer):
            return amount
        low = amount.at_most(Decimal(2))
        if low:
            return PASS
        return FAIL if low is False and _limited(record, result, "bilirubin", Decimal(2)) == FAIL else MISSING

    return _newest_in_window(record, TESTS["bilirubin"], LABORATORY_DAYS, one)


def lvef_any_method(record: Record) -> Answer:
    codes = _ECHO | _OTHER_METHODS
    return _asked(record, codes, "lvef", lambda amount: amount.at_least(Decimal(50)), LVEF_DAYS)


def lvef_echo(record: Record) -> Answer:
    """An echocardiogram, or no method told, strictly above 50 %; a newer one of another method below is a conflict."""

    def above(amount: Amount) -> bool | None:
        return amount.above(Decimal(50))

    answer = _asked(record, _ECHO, "lvef", above, LVEF_DAYS)
    if answer != PASS:
        return answer
    by_echo = newest(results(record, _ECHO, _has_value))[0].when
    for other in newest(results(record, _OTHER_METHODS, _has_value)):
        newer = other.when is not None and by_echo is not None and other.when.first > by_echo.last
        if newer and _judged(other, "lvef", above) == FAIL:
            return CONFLICT
    return answer


def ecog(record: Record) -> Answer:
    """0 to 2; 5 is unusable, and nobody is read as dead by it."""
    return _newest_in_window(record, _ECOG, LABORATORY_DAYS, _ecog_answer)


def lung_function(record: Record) -> Answer:
    """Saturation up to 89 % fails; above it under oxygen is unknown; FEV1 alone up to half of predicted is unknown."""
    return worst((_saturation(record), _fev1(record)))


def fasting_glucose(record: Record) -> Answer:
    """A fasting glucose above 1.5 × ULN; a random one never decides."""
    return _excluded(record, TESTS["glucose"], lambda result: _limited(record, result, "glucose", Decimal("1.5")))


def _saturation(record: Record) -> Answer:
    def one(result: Result) -> Answer:
        answer = _judged(result, "spo2", lambda amount: amount.above(Decimal(89)))
        return MISSING if answer == PASS and _under_oxygen(result) else answer

    return _excluded(record, TESTS["spo2"], one)


def _fev1(record: Record) -> Answer:
    def one(result: Result) -> Answer:
        answer = _judged(result, "fev1", lambda amount: amount.above(Decimal(50)))
        return MISSING if answer == FAIL else answer

    return _excluded(record, TESTS["fev1"], one)


def _under_oxygen(result: Result) -> bool:
    return any(
        coded(part.get("code"), "http://loinc.org") & _OXYGEN_FLOW and part["valueQuantity"]["value"] > 0
        for part in result.parent.get("component", [])
    )


def _excluded(record: Record, codes: frozenset[str], judge: Callable[[Result], Answer]) -> Answer:
    """An exclusion: an old value that would not exclude is silence, one that would (or may) is stale."""

    def one(result: Result) -> Answer:
        answer = judge(result)
        if result.when is not None and within(result.when, record.as_of, LABORATORY_DAYS):
            return answer
        if answer == PASS:
            return _silence(record)
        return MISSING if result.when is None else STALE

    found = newest(results(record, codes, _has_value))
    return agreed(found, one) if found else _silence(record)


def _silence(record: Record) -> Answer:
    return SILENT if record.complete("Observation") else MISSING


def _asked(record: Record, codes: frozenset[str], test: str, judge: Judge, days: int = LABORATORY_DAYS) -> Answer:
    return _newest_in_window(record, codes, days, lambda result: _judged(result, test, judge))


def _newest_in_window(record: Record, codes: frozenset[str], days: int, judge: Callable[[Result], Answer]) -> Answer:
    found = newest(results(record, codes, _has_value))
    return agreed(found, lambda result: fresh(record, result, days, judge))


def _has_value(body: dict) -> bool:
    return any(kind.startswith("value") for kind in body)


def _amount(result: Result, test: str) -> Amount | Answer:
    if unusable_extension(result.parent):
        return UNUSABLE
    amount = amount_of(result.body, test)
    if isinstance(amount, Amount):
        return amount
    return CONFLICT if amount == CONFLICTING_VALUES else UNUSABLE


def _judged(result: Result, test: str, judge: Judge) -> Answer:
    amount = _amount(result, test)
    return amount if isinstance(amount, Answer) else _three(judge(amount))


def _three(holds: bool | None) -> Answer:
    """An interval that holds the limit cannot be used against it."""
    return UNUSABLE if holds is None else PASS if holds else FAIL


def _limited(record: Record, result: Result, test: str, multiple: Decimal) -> Answer:
    """Against every fitting range; a flag of normal or low passes any limit of one ULN or more without a range."""
    amount = _amount(result, test)
    if isinstance(amount, Answer):
        return amount
    highs = _upper_limits(record, result, test)
    if not highs:
        return PASS if flags(result.body) & {"N", "L", "LL"} else MISSING
    answers = {_three(amount.at_most(high * multiple)) for high in highs}
    return answers.pop() if len(answers) == 1 else CONFLICT


def _upper_limits(record: Record, result: Result, test: str) -> list[Decimal]:
    """The `high` of the normal ranges of the same observation, in any convertible unit."""
    ranges = [r for r in result.body.get("referenceRange", []) if _is_normal(r) and _fits(record, r)]
    limits = [_upper_limit(reference, result, test) for reference in ranges]
    return [limit for limit in limits if limit is not None]


def _is_normal(reference: dict) -> bool:
    return "type" not in reference or "normal" in coded(
        reference["type"], "http://terminology.hl7.org/CodeSystem/referencerange-meaning"
    )


def _fits(record: Record, reference: dict) -> bool:
    """The range for this sex and this age, where it is given for some."""
    sexes = {code for concept in reference.get("appliesTo", []) for code in coded(concept, SNOMED)}
    if sexes and _SEXES.get(record.patient.get("gender", "")) not in sexes:
        return False
    oldest = reference.get("age", {}).get("high")
    return oldest is None or record.at_least(int(oldest["value"]) + 1) is False


def _upper_limit(reference: dict, result: Result, test: str) -> Decimal | None:
    """A bound without a unit has the value's unit; a range that is only text is read when the whole of it is one."""
    own = unit_of(result.body.get("valueQuantity", {}))
    if "high" in reference:
        by = factor(test, unit_of(reference["high"]) or own)
        return Decimal(reference["high"]["value"]) * by if by is not None else None
    if "low" in reference or "text" not in reference:
        return None
    text = reference["text"]
    amount = text_amount(text if re.search(r"[A-Za-z]", text) else f"{text} {own}", test)
    return amount.high if amount else None


def _ecog_answer(result: Result) -> Answer:
    scores = {_score(kind, result.body[kind]) for kind in result.body if kind.startswith("value")}
    if unusable_extension(result.parent) or UNUSABLE_VALUE in scores:
        return UNUSABLE
    if len(scores) > 1:
        return CONFLICT
    return PASS if int(scores.pop()) <= 2 else FAIL


def _score(kind: str, value: object) -> str:
    """An integer, a coded answer, or a Quantity of unit 1 or {score}; 0 to 4."""
    score: object = None
    match kind:
        case "valueInteger":
            score = value
        case "valueString":
            score = int(value) if value.strip().isdigit() else None
        case "valueQuantity" if unit_of(value) in ("1", "{score}") and value["value"] == int(value["value"]):
            score = int(value["value"])
        case "valueCodeableConcept":
            codes = coded(value, "http://loinc.org") | coded(value, SNOMED)
            score = next((_ECOG_ANSWERS[code] for code in codes if code in _ECOG_ANSWERS), None)
    return str(score) if score in (0, 1, 2, 3, 4) else UNUSABLE_VALUE
