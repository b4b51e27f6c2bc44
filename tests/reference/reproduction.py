"""Man or woman, menopause, child-bearing potential, pregnancy and breast-feeding."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from . import courses
from . import drug_names as drugs
from .amounts import Amount, amount_of, factor, unit_of
from .answers import FAIL, MISSING, NOT_APPLICABLE, PASS, REVIEW, SILENT, STALE, UNUSABLE, Answer, unknown
from .diagnoses import SNOMED, Codes, Diagnosis, ever, now
from .procedures import Done, done
from .record import Record
from .results import Result, coded, flags, newest, results
from .spans import Span, months_before, since, span, within

MAN, WOMAN, UNCLEAR = "man", "woman", "unclear"

_OVARIES_OUT = frozenset(["76876009", "29827000", "116144002", "609230000", "609275002", "86477000"])
_ONE_OVARY_OUT, _LEFT, _RIGHT = frozenset(("83152002",)), "7771000", "24028007"
_OVARIES_GONE = Codes(icd=("Z90722",), snomed=frozenset(("391083006",)))
_OVARIES_IRRADIATED = frozenset(("373837003", "373838008"))
_WOMB_OUT = frozenset(("236886002", "116140006", "116144002", "86477000"))
_WOMB_GONE = Codes(icd=("Z90710",), snomed=frozenset(("161800001",)))
_TUBES_TIED = Codes(icd=("Z9851",))
_AFTER_MENOPAUSE = Codes(icd=("Z780", "N950", "N952"), snomed=frozenset(("76498008", "289903006", "371036001")))
_ABOUT_MENOPAUSE = Codes(icd=("N951", "N958", "N959", "E283", "E894"))
_PREGNANT = Codes(icd=("Z331", "Z34", "O09", "Z3A"), snomed=frozenset(("77386006", "72892002")))
_BREASTFEEDING = Codes(icd=("Z391",), snomed=frozenset(("866041003", "1260078007", "69840006")))

_LAST_PERIOD = frozenset(("8665-2",))
_STATUS = frozenset(("82810-3",))
_TESTS = frozenset(("2106-3", "2112-1", "80384-1", "2110-5", "2118-8", "80385-8"))
_HCG = frozenset(("21198-7", "19080-1", "20415-6"))
_HORMONES = {
    "fsh": frozenset(("15067-2",)),
    "lh": frozenset(("10501-5",)),
    "estradiol": frozenset(("2243-4", "14715-7")),
}
_POSITIVE = frozenset(("LA6576-8", "10828004", "LA11882-0", "260373001", "POS", "DET"))
_NEGATIVE = frozenset(("LA6577-6", "260385009", "LA11883-8", "260415000", "NEG", "ND"))
_PREGNANT_ANSWERS = frozenset(("77386006", "LA15173-0"))
_NOT_PREGNANT_ANSWERS = frozenset(("60001007", "LA26683-5"))
_WINDOW, _PREGNANCY_DAYS, _BREASTFEEDING_DAYS = 28, 300, 365


@dataclass(frozen=True)
class Said:
    """One word on pregnancy: from when, and what (None: perhaps)."""

    when: Span | None
    pregnant: bool | None
    doubt: str = "unusable"


def sex(record: Record) -> str:
    """Administrative gender; a man with a recorded female birth sex, pregnancy, uterus or ovaries is unclear."""
    gender = record.patient.get("gender")
    if gender == "female":
        return WOMAN
    if gender != "male":
        return UNCLEAR
    born_female = any(e.get("valueCode") == "F" for e in record.patient.get("extension", []))
    organs = ever(record, _PREGNANT | _WOMB_GONE | _OVARIES_GONE) or done(
        record, _WOMB_OUT | _OVARIES_OUT | _ONE_OVARY_OUT
    )
    return UNCLEAR if born_female or organs else MAN


def postmenopausal(record: Record) -> bool | None:
    """Yes; no where pre-menopause is recorded; None where neither is settled."""
    if _ovaries_out(record) or _sure(done(record, _OVARIES_IRRADIATED)) or record.at_least(60):
        return True
    if _amenorrhoea_with_hormones(record) or any(_counts_as_after(record, d) for d in now(record, _AFTER_MENOPAUSE)):
        return True
    return False if record.at_least(60) is False and _premenopausal(record) else None


def menopause_or_suppression(record: Record) -> Answer:
    if sex(record) != WOMAN:
        return NOT_APPLICABLE if sex(record) == MAN else MISSING
    after = postmenopausal(record)
    agonists = [(c, courses.depot_active(record, c)) for c in courses.of(record, drugs.GNRH)]
    if after or any(acts and c.doubt is None for c, acts in agonists):
        return PASS
    if after is None or any(acts is not False for _, acts in agonists):
        return MISSING
    silence = courses.silence(record)
    return FAIL if silence == SILENT else silence


def menopause_alone(record: Record) -> Answer:
    """Where a GnRH agonist is not enough."""
    if sex(record) != WOMAN:
        return NOT_APPLICABLE if sex(record) == MAN else MISSING
    return {True: PASS, False: FAIL, None: MISSING}[postmenopausal(record)]


def childbearing(record: Record, tubes_count: bool) -> bool | None:
    """Not post-menopausal, nothing taken out; None where menopause is not settled under 60."""
    after = postmenopausal(record)
    if after or _ovaries_out(record) or _sure(done(record, _WOMB_OUT)) or _sure(ever(record, _WOMB_GONE)):
        return False
    if tubes_count and _sure(ever(record, _TUBES_TIED)):
        return False
    return True if after is False else None


def pregnancy_test(record: Record, days: int, tubes_count: bool = False) -> Answer:
    """A negative test in the window; positive within 28 days fails; not settled counts as child-bearing."""
    if sex(record) != WOMAN:
        return NOT_APPLICABLE if sex(record) == MAN else MISSING
    if childbearing(record, tubes_count) is False:
        return NOT_APPLICABLE
    answers = {_test_answer(record, result, days) for result in newest(_tests(record))}
    return answers.pop() if len(answers) == 1 else MISSING


def contraception(record: Record, men_too: bool, tubes_count: bool = False) -> Answer:
    if sex(record) == UNCLEAR:
        return MISSING
    if sex(record) == MAN:
        return REVIEW if men_too else NOT_APPLICABLE
    # Where menopause is not settled under 60 the woman is treated as child-bearing.
    return NOT_APPLICABLE if childbearing(record, tubes_count) is False else REVIEW


def pregnancy_or_lactation(record: Record) -> Answer:
    if sex(record) != WOMAN:
        return NOT_APPLICABLE if sex(record) == MAN else MISSING
    pregnant = _pregnant(record)
    feeding = [d for d in now(record, _BREASTFEEDING) if _recent(record, d.when, _BREASTFEEDING_DAYS)]
    if pregnant == FAIL or _sure(feeding):
        return FAIL
    if feeding or pregnant.outcome == "unknown":
        return pregnant if pregnant.outcome == "unknown" else MISSING
    return pregnant if record.complete("Condition", "Observation") else MISSING


def _pregnant(record: Record) -> Answer:
    """The newest of a status, a Condition and a test speaks."""
    said = [word for word in _words_on_pregnancy(record) if word.when is not None]
    if not said:
        return SILENT
    last = max(said, key=lambda word: word.when)
    if last.pregnant is None:
        return unknown(last.doubt)
    return FAIL if last.pregnant else PASS


def _words_on_pregnancy(record: Record) -> Iterable[Said]:
    for result in results(record, _STATUS, lambda body: "valueCodeableConcept" in body):
        answer = _answers(result)
        if answer & _NOT_PREGNANT_ANSWERS:
            yield Said(result.when, False)
        elif answer & _PREGNANT_ANSWERS and _recent(record, result.when, _PREGNANCY_DAYS):
            yield Said(result.when, True)
    for diagnosis in now(record, _PREGNANT):
        if _recent(record, diagnosis.when, _PREGNANCY_DAYS):
            yield Said(diagnosis.when, True if diagnosis.doubt is None else None, diagnosis.doubt or "")
    for result in _tests(record):
        yield Said(result.when, _positive(result))


def _recent(record: Record, when: Span | None, days: int) -> bool:
    return when is None or within(when, record.as_of, days) is not False


def _ovaries_out(record: Record) -> bool:
    """By one procedure or code that says both, or on one side after the other."""
    sides = [d.resource.get("bodySite", []) for d in done(record, _ONE_OVARY_OUT) if d.doubt is None]
    told = {code for sites in sides for site in sites for code in coded(site, SNOMED)}
    return told >= {_LEFT, _RIGHT} or _sure(done(record, _OVARIES_OUT)) or _sure(ever(record, _OVARIES_GONE))


def _sure(found: list[Done] | list[Diagnosis]) -> bool:
    return any(item.doubt is None for item in found)


def _counts_as_after(record: Record, state: Diagnosis) -> bool:
    """From age 50; below where nothing that stops the periods was taken in the 12 months before it."""
    if state.doubt is not None:
        return False
    if record.at_least(50):
        return True
    if record.at_least(50) is None or state.when is None or courses.silence(record) != SILENT:
        return False
    return not _stopped_by_drugs(record, Span(months_before(state.when.first, 12), state.when.last))


def _stopped_by_drugs(record: Record, during: Span) -> bool:
    """Chemotherapy, tamoxifen or a GnRH agonist that may have been taken at that time."""
    for course in courses.of(record, drugs.CHEMOTHERAPY | drugs.GNRH | {"tamoxifen"}):
        starts_before_end = course.start is None or course.start.first <= during.last
        ends_after_start = course.end is None or course.end.last >= during.first
        if starts_before_end and ends_after_start and not course.topical:
            return True
    return False


def _last_periods(record: Record) -> list[Span]:
    found = results(record, _LAST_PERIOD, lambda body: "valueDateTime" in body)
    return [span(result.body["valueDateTime"]) for result in newest(found)]


def _amenorrhoea_with_hormones(record: Record) -> bool:
    """Twelve months without a period, none of them under such drugs, and three hormones in their range."""
    year_ago = months_before(record.as_of, 12)
    for period in _last_periods(record):
        if period.last <= year_ago and courses.silence(record) == SILENT:
            free = not _stopped_by_drugs(record, Span(period.first, record.as_of))
            return free and all(_in_range(record, name) for name in _HORMONES)
    return False


def _in_range(record: Record, hormone: str) -> bool:
    """In the laboratory's own range for after the menopause, within 28 days."""
    found = newest(results(record, _HORMONES[hormone], _has_value))
    return bool(found) and all(
        r.when is not None and within(r.when, record.as_of, _WINDOW) is True and _fits(r, hormone) for r in found
    )


def _fits(result: Result, hormone: str) -> bool:
    amount = amount_of(result.body, hormone)
    ranges = [r for r in result.body.get("referenceRange", []) if "postmenopausal" in _range_type(r)]
    if not isinstance(amount, Amount) or not ranges:
        return False
    low, high = _bound(ranges[0], "low", hormone), _bound(ranges[0], "high", hormone)
    return (low is None or amount.at_least(low) is True) and (high is None or amount.at_most(high) is True)


def _range_type(reference: dict) -> set[str]:
    return coded(reference.get("type"), "http://terminology.hl7.org/CodeSystem/referencerange-meaning")


def _bound(reference: dict, side: str, hormone: str) -> Decimal | None:
    if side not in reference:
        return None
    by = factor(hormone, unit_of(reference[side]))
    return Decimal(reference[side]["value"]) * by if by is not None else None


def _premenopausal(record: Record) -> bool:
    """A last period under 12 months ago or a current pregnancy, and nothing that speaks for the menopause."""
    year_ago = months_before(record.as_of, 12)
    periods = _last_periods(record)
    if done(record, _OVARIES_OUT | _OVARIES_IRRADIATED) or ever(record, _OVARIES_GONE):
        # Only a doubtful one gets here: it speaks neither for nor against.
        return False
    if now(record, _AFTER_MENOPAUSE | _ABOUT_MENOPAUSE) or any(since(p, year_ago + 1) is not True for p in periods):
        return False
    return bool(periods) or _pregnant(record) == FAIL


def _tests(record: Record) -> list[Result]:
    return results(record, _TESTS | _HCG, lambda body: _has_value(body) or bool(flags(body) & (_POSITIVE | _NEGATIVE)))


def _test_answer(record: Record, result: Result, days: int) -> Answer:
    """A negative counts for its days, a positive (or what may be one) for 28."""
    positive = _positive(result)
    if result.when is None:
        return MISSING
    inside = within(result.when, record.as_of, days if positive is False else _WINDOW)
    if inside is None:
        return MISSING
    if not inside:
        return STALE
    return {True: FAIL, False: PASS, None: UNUSABLE}[positive]


def _positive(result: Result) -> bool | None:
    """A qualitative answer; a quantitative hCG is negative under 5 IU/L and positive from 25."""
    if coded(result.body.get("code"), "http://loinc.org") & _HCG:
        amount = amount_of(result.body, "hcg")
        if not isinstance(amount, Amount):
            return None
        if amount.below(Decimal(5)):
            return False
        return True if amount.at_least(Decimal(25)) else None
    said = _answers(result) if _has_value(result.body) else flags(result.body)
    return True if said & _POSITIVE else False if said & _NEGATIVE else None


def _answers(result: Result) -> set[str]:
    concept = result.body.get("valueCodeableConcept")
    return coded(concept, "http://loinc.org") | coded(concept, SNOMED)


def _has_value(body: dict) -> bool:
    return any(kind.startswith("value") for kind in body)
