"""Man and woman, age, menopause and ovarian suppression."""

from typing import Any

from tests.builders import (
    ASPIRE,
    RECENT,
    SINAI,
    YALE,
    Coding,
    Icd10cm,
    Json,
    Loinc,
    LoincAnswer,
    Record,
    RxNorm,
    Snomed,
    administration,
    ago,
    birth_sex,
    concept,
    condition,
    eligible,
    hl7,
    icd10cm,
    man,
    normal_range,
    observation,
    procedure,
    quantity,
    request,
    snomed,
    statement,
    younger,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
ELIGIBLE = eligible(SINAI)
PASS, NOT_ASKED, FAIL, MISSING = "pass/recorded", "pass/not-applicable", "fail/recorded", "unknown/missing"


def woman(birth: str = "1981-04-12") -> Record:
    """Nothing is told about menopause; no suppression, a negative test."""
    return younger(SINAI, birth).drop("goserelin")


def menopause(sinai: str, aspire: str) -> Expected:
    return expect(SINAI, menopause_or_suppression=sinai) | expect(ASPIRE, postmenopausal=aspire)


def last_period(on: str) -> Json:
    return observation(Loinc.LAST_MENSTRUAL_PERIOD, {"valueDateTime": on})


# ---- age and gender ----
case = chapter.rule("Adult from the eighteenth birthday; without a birth date unknown")
for name, birth, outcome in (
    ("18-today", "2008-11-21", PASS),
    ("18-tomorrow", "2008-11-22", FAIL),
    ("year-2008", "2008", "unknown"),
    ("no-birth-date", None, MISSING),
):
    case(f"adult-{name}", ELIGIBLE.edit("patient", birthDate=birth), expect_in((SINAI, ASPIRE), adult=outcome), name)
SEX_UNKNOWN = expect_in(
    (SINAI, YALE), pregnancy_test="unknown", contraception="unknown", pregnancy_lactation="unknown"
) | expect(SINAI, menopause_or_suppression="unknown")
case = chapter.rule("Gender other, unknown or absent makes menopause, pregnancy and contraception unknown at any age")
for name, gender in (("other", "other"), ("absent", None)):
    case(
        f"gender-{name}",
        ELIGIBLE.edit("patient", gender=gender),
        SEX_UNKNOWN | expect(ASPIRE, female="unknown", postmenopausal="unknown"),
    )
case = chapter.rule("So does male with female birth sex or a record of pregnancy, uterus or ovaries")
for name, record in (
    ("female-birth-sex", man().edit("patient", extension=birth_sex("F"))),
    ("hysterectomy", man().add(procedure(Snomed.HYSTERECTOMY, "2010-05-01"))),
    (
        "pregnancy-record",
        man().add(condition(Icd10cm.PREGNANCY_SUPERVISION, "2004-05-01", clinical="resolved")),
    ),
    ("absent-ovaries", man().add(condition(Icd10cm.ABSENT_OVARIES, "2010-05-01"))),
    ("pregnancy-status", man().add(observation(Loinc.PREGNANCY_STATUS, LoincAnswer.PREGNANT, "2004-05-01"))),
):
    case(f"gender-male-{name}", record, SEX_UNKNOWN | expect(ASPIRE, female=FAIL))

# ---- post-menopausal by age, operation and irradiation ----
NO_CHILDREN = expect_in((SINAI, YALE), pregnancy_test=NOT_ASKED, contraception=NOT_ASKED)
case = chapter.rule("From 60 on a woman is post-menopausal, whatever else is recorded")
case("meno-60-today", woman("1966-11-21").drop("pregnancy_test"), menopause(PASS, PASS) | NO_CHILDREN)
case(
    "meno-60-tomorrow",
    woman("1966-11-22").drop("pregnancy_test"),
    menopause(MISSING, MISSING) | expect_in((SINAI, YALE), pregnancy_test=MISSING),
    "at 59 and with nothing else it is unknown, and the pregnancy test is asked for",
)
case("meno-61-lmp-recent", woman("1965-01-10").put(lmp=last_period("2026-06-20")), menopause(PASS, PASS))
case = chapter.rule("Bilateral oophorectomy, by one code or on both sides, or irradiation of the ovaries is menopause")
case(
    "meno-oophorectomy-bilateral",
    woman().drop("pregnancy_test").add(procedure(Snomed.BILATERAL_OOPHORECTOMY, "2024-02-01")),
    menopause(PASS, PASS) | NO_CHILDREN,
)
case(
    "meno-oophorectomy-history",
    woman().add(condition(Snomed.HISTORY_OF_BILATERAL_OOPHORECTOMY)),
    menopause(PASS, PASS),
    "a history, undated",
)
case("meno-z90722", woman().add(condition(Icd10cm.ABSENT_OVARIES, "2020-01-01")), menopause(PASS, PASS))
LEFT = procedure(Snomed.OOPHORECTOMY, "2015-02-01", body_site=Snomed.LEFT_OVARY)
RIGHT = procedure(Snomed.OOPHORECTOMY, "2021-02-01", body_site=Snomed.RIGHT_OVARY)
case("meno-oophorectomy-both-sides", woman().add(LEFT, RIGHT), menopause(PASS, PASS))
case("meno-oophorectomy-one-side", woman().add(LEFT), menopause("unknown", "unknown"), "one side is not enough")
case(
    "meno-oophorectomy-no-side",
    woman().add(procedure(Snomed.OOPHORECTOMY, "2015-02-01")),
    menopause("unknown", "unknown"),
    "without a side it does not prove both",
)
for name, more in (("not-done", {"status": "not-done"}), ("of-unknown-status", {"status": "unknown"})):
    operation = procedure(Snomed.BILATERAL_OOPHORECTOMY, "2024-02-01", **more)
    case(f"meno-oophorectomy-bilateral-{name}", woman().add(operation), menopause("unknown", "unknown"))
# operations whose codes say the side: a hysterectomy that took the ovary of that side too
LEFT_BY_CODE, RIGHT_BY_CODE = procedure(snomed("739671004"), "2015-02-01"), procedure(snomed("739672006"), "2021-02-01")
case("meno-oophorectomy-sides-by-code", woman().add(LEFT_BY_CODE, RIGHT_BY_CODE), menopause(PASS, PASS))
case("meno-oophorectomy-side-by-code-and-site", woman().add(LEFT_BY_CODE, RIGHT), menopause(PASS, PASS))
case("meno-oophorectomy-one-side-twice", woman().add(LEFT_BY_CODE, LEFT), menopause("unknown", "unknown"))
case(
    "meno-oophorectomy-second-not-done",
    woman().add(LEFT, RIGHT | {"status": "not-done"}),
    menopause("unknown", "unknown"),
)
case(
    "meno-oophorectomy-second-of-unknown-status",
    woman().add(LEFT, RIGHT | {"status": "unknown"}),
    menopause("unknown", "unknown"),
)
case(
    "meno-ovarian-irradiation",
    woman().add(procedure(Snomed.OVARIAN_IRRADIATION, "2023-02-01")),
    menopause(PASS, PASS),
)
case = chapter.rule("Hysterectomy proves nothing about menopause, but ends child-bearing")
case(
    "meno-hysterectomy-alone",
    woman().drop("pregnancy_test").add(procedure(Snomed.TOTAL_HYSTERECTOMY, "2018-02-01")),
    menopause("unknown", "unknown") | NO_CHILDREN,
)

# ---- coded states ----
case = chapter.rule("A coded post-menopausal state counts from age 50")
for name, code in (("z780", icd10cm("Z78.0")), ("snomed-289903006", Snomed.MENOPAUSE_PRESENT)):
    case(f"meno-coded-55-{name}", woman("1971-04-12").add(condition(code, "2025-03-01")), menopause(PASS, PASS))
case = chapter.rule("N95.1, N95.8, N95.9, E28.3 and E89.4 are unknown")
for name, code in (("n951", icd10cm("N95.1")), ("e2839", icd10cm("E28.39")), ("e8940", icd10cm("E89.40"))):
    case(
        f"meno-coded-55-{name}",
        woman("1971-04-12").add(condition(code, "2025-03-01")),
        menopause("unknown", "unknown"),
    )
case = chapter.rule(
    "Below 50 it counts unless chemotherapy, tamoxifen or a GnRH agonist was taken in the year before it"
)
STATE = condition(Snomed.POSTMENOPAUSAL, "2024-05-01")
CHEMOTHERAPY = statement(RxNorm.DOCETAXEL_SOLUTION, "2023-10-01", "2024-02-01")
TAMOXIFEN = statement(RxNorm.TAMOXIFEN_TABLET, "2019-10-01", "2023-03-01")
GOSERELIN = administration(RxNorm.GOSERELIN_3_6_MG, "2024-01-05")
case("meno-coded-45", woman().add(STATE), menopause(PASS, PASS))
case("meno-coded-45-chemo", woman().add(STATE, CHEMOTHERAPY), menopause("unknown", "unknown"))
case(
    "meno-coded-45-tamoxifen-14-months",
    woman().add(STATE, TAMOXIFEN),
    menopause(PASS, PASS),
    "tamoxifen had ended 14 months before",
)
case("meno-coded-45-goserelin", woman().add(STATE, GOSERELIN), menopause("unknown", "unknown"))
case = chapter.rule("Therapy that a code tells without a drug explains a state below 50 as the drug itself does")
for name, told, outcome in (
    ("encounter-12-months", condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, "2023-05-01", clinical="resolved"), "unknown"),
    ("encounter-a-day-more", condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, "2023-04-30", clinical="resolved"), PASS),
    ("procedure", procedure(snomed("367336001"), "2023-11-01"), "unknown"),
    ("procedure-afterwards", procedure(snomed("367336001"), "2024-06-01"), PASS),
    ("history", condition(Icd10cm.HISTORY_OF_CHEMOTHERAPY), "unknown"),
    ("tamoxifen-use", condition(icd10cm("Z79.810"), "2023-01-01"), "unknown"),
    ("tamoxifen-use-ended", condition(icd10cm("Z79.810"), "2019-01-01", abatement="2023-03-01"), PASS),
    ("aromatase-inhibitor-use", condition(Icd10cm.AROMATASE_INHIBITOR_USE, "2023-01-01"), PASS),
):
    case(f"meno-coded-45-{name}", woman().add(STATE, told), menopause(outcome, outcome))

case = chapter.rule("Therapy that a refuted diagnosis tells explains no menopause")
for verification, outcome in (("confirmed", "unknown"), ("refuted", "pass/recorded"), ("provisional", "unknown")):
    tamoxifen_use = condition(icd10cm("Z79.810"), "2024-01-10", verification=verification)
    case(
        f"menopause-state-tamoxifen-use-{verification}",
        woman().put(state=STATE, use=tamoxifen_use),
        expect(ASPIRE, postmenopausal=outcome),
    )
MENOPAUSAL_STATUS = snomed("161712005")
case = chapter.rule("The menopausal status may be told by a result, and is believed as a coded state is")
for name, birth, answer, told, outcome in (
    ("55", "1971-04-12", Snomed.POSTMENOPAUSAL, (), PASS),
    ("45", "1981-04-12", Snomed.POSTMENOPAUSAL, (), PASS),
    ("45-chemo", "1981-04-12", Snomed.POSTMENOPAUSAL, (CHEMOTHERAPY,), "unknown"),
    ("55-premenopausal", "1971-04-12", Snomed.PREMENOPAUSAL, (), FAIL),
    ("61-premenopausal", "1965-01-10", Snomed.PREMENOPAUSAL, (), PASS),
):
    record = woman(birth).add(observation(MENOPAUSAL_STATUS, answer, "2024-05-01"), *told)
    case(f"meno-status-{name}", record, menopause(outcome, outcome))
case = chapter.rule("A coded state that is refuted, or from after the as-of date, says nothing")
for name, coded in (
    ("refuted", condition(icd10cm("Z78.0"), "2025-03-01", verification="refuted")),
    ("later", condition(icd10cm("Z78.0"), "2026-12-01")),
    ("status-later", observation(MENOPAUSAL_STATUS, Snomed.POSTMENOPAUSAL, "2026-12-01")),
):
    case(f"meno-coded-55-{name}", woman("1971-04-12").add(coded), menopause(MISSING, MISSING))
case(
    "meno-coded-55-provisional",
    woman("1971-04-12").add(condition(icd10cm("Z78.0"), "2025-03-01", verification="provisional")),
    menopause(MISSING, MISSING),
)

# what is around the menopause leaves a record of being before it in doubt
BEFORE = condition(Snomed.PREMENOPAUSAL, "2026-08-01")
for name, more, outcome in (("recorded", {}, "unknown"), ("refuted", {"verification": "refuted"}, FAIL)):
    record = woman("1974-04-12").add(BEFORE, condition(icd10cm("N95.1"), "2025-03-01", **more))
    case(f"meno-premenopausal-beside-n951-{name}", record, menopause(outcome, outcome))
# one ovary is gone, and perhaps the other
for status, outcome in (("unknown", "unknown"), ("not-done", FAIL)):
    record = woman("1974-04-12").add(BEFORE, LEFT, RIGHT | {"status": status})
    case(f"meno-premenopausal-beside-oophorectomy-{status}", record, menopause(outcome, outcome))

# ---- hormones ----


def hormone(code: Coding, value: float, unit: str, low: float | None, high: float) -> Json:
    """A result with the laboratory's post-menopausal range."""
    bounds = {name: {"value": bound, "unit": unit} for name, bound in (("low", low), ("high", high)) if bound}
    meaning = {"type": concept(hl7("referencerange-meaning", "postmenopausal"))}
    return observation(code, quantity(value, unit), RECENT, referenceRange=[bounds | meaning])


FSH = hormone(Loinc.FSH, 70, "m[IU]/mL", 25.8, 134.8)
LH = hormone(Loinc.LH, 35, "[IU]/L", 7.7, 58.5)
ESTRADIOL = hormone(Loinc.ESTRADIOL, 12, "pg/mL", None, 25)
HIGH_ESTRADIOL = hormone(Loinc.ESTRADIOL, 90, "pg/mL", None, 25)
WOMAN_OF_52 = woman("1974-04-12")
NO_PERIOD_FOR_15_MONTHS = WOMAN_OF_52.put(lmp=last_period("2025-08-01"))
case = chapter.rule("Under 60: no period for 12 months, and FSH, LH and estradiol in the post-menopausal range")
case(
    "meno-hormones",
    NO_PERIOD_FOR_15_MONTHS.drop("pregnancy_test").add(FSH, LH, ESTRADIOL),
    menopause(PASS, PASS) | expect(SINAI, pregnancy_test=NOT_ASKED),
)
case(
    "meno-hormones-12-months-today",
    WOMAN_OF_52.put(lmp=last_period("2025-11-21")).add(FSH, LH, ESTRADIOL),
    menopause(PASS, PASS),
)
case = chapter.rule("Each hormone lies in the range with its bounds, within 28 days; an interval lies in it as a whole")
CONFLICT, STALE = "unknown/conflict", "unknown/stale"
for name, result, outcome in (
    ("fsh-low", hormone(Loinc.FSH, 25.8, "m[IU]/mL", 25.8, 134.8), PASS),
    ("fsh-below", hormone(Loinc.FSH, 25.7, "m[IU]/mL", 25.8, 134.8), CONFLICT),
    ("fsh-high", hormone(Loinc.FSH, 134.8, "m[IU]/mL", 25.8, 134.8), PASS),
    ("fsh-above", hormone(Loinc.FSH, 134.9, "m[IU]/mL", 25.8, 134.8), CONFLICT),
    ("fsh-across", FSH | {"valueQuantity": quantity(100, "m[IU]/mL", comparator=">")}, MISSING),
    ("fsh-28-days", FSH | {"effectiveDateTime": ago(28)}, PASS),
    ("fsh-29-days", FSH | {"effectiveDateTime": ago(29)}, STALE),
    ("fsh-unit-unknown", FSH | {"valueQuantity": quantity(70)}, "unknown/unusable"),
):
    case(f"meno-{name}", NO_PERIOD_FOR_15_MONTHS.add(result, LH, ESTRADIOL), menopause(outcome, outcome))
for name, value, comparator, outcome in (
    ("high", 25, None, PASS),
    ("above", 25.1, None, CONFLICT),
    ("below-12", 12, "<", PASS),
    ("below-30", 30, "<", MISSING),
):
    result = ESTRADIOL | {"valueQuantity": quantity(value, "pg/mL", comparator=comparator)}
    case(f"meno-estradiol-{name}", NO_PERIOD_FOR_15_MONTHS.add(FSH, LH, result), menopause(outcome, outcome))
AMENORRHOEA = snomed("14302001")
case = chapter.rule("Amenorrhoea as a Condition counts from its onset, while it lasts")
for name, told, outcome in (
    ("12-months-today", condition(AMENORRHOEA, "2025-11-21"), PASS),
    ("a-day-short", condition(AMENORRHOEA, "2025-11-22"), "unknown"),
    ("resolved", condition(AMENORRHOEA, "2025-01-10", clinical="resolved"), "unknown"),
    ("provisional", condition(AMENORRHOEA, "2025-01-10", verification="provisional"), "unknown"),
    ("undated", condition(AMENORRHOEA), "unknown"),
):
    case(f"meno-amenorrhoea-{name}", WOMAN_OF_52.add(told, FSH, LH, ESTRADIOL), menopause(outcome, outcome))
case = chapter.rule("Under 60: no period for 12 months, and FSH, LH and estradiol in the post-menopausal range")
for name, applies_to in (
    ("snomed", concept(Snomed.POSTMENOPAUSAL)),
    ("text", concept(text="Postmenopausal women")),
):
    case(
        f"meno-hormones-applies-to-{name}",
        NO_PERIOD_FOR_15_MONTHS.add(
            *(
                result | {"referenceRange": [result["referenceRange"][0] | {"type": None, "appliesTo": [applies_to]}]}
                for result in (FSH, LH, ESTRADIOL)
            )
        ),
        menopause(PASS, PASS),
        "the laboratory names the women its range applies to",
    )
case(
    "meno-hormones-a-day-short",
    WOMAN_OF_52.put(lmp=last_period("2025-11-22")).add(FSH, LH, ESTRADIOL),
    menopause(FAIL, FAIL),
    "a day less than 12 months is pre-menopausal",
)
case(
    "meno-hormones-no-estradiol",
    NO_PERIOD_FOR_15_MONTHS.add(FSH, LH),
    menopause("unknown", "unknown"),
    "one of the hormones missing",
)
case = chapter.rule("The laboratory's post-menopausal range is told by its meaning, by whom it applies to, or in words")


def fsh(**of: Any) -> Json:
    """FSH of 70 with a range of 25.8 to 134.8 and one of 2 to 10 that is for anybody else."""
    ranges = [normal_range(2, 10, "m[IU]/mL", text="Follicular phase"), normal_range(25.8, 134.8, "m[IU]/mL", **of)]
    return observation(Loinc.FSH, quantity(70, "m[IU]/mL"), RECENT, referenceRange=ranges)


for name, of, outcome in (
    ("applies-to", {"appliesTo": [concept(Snomed.POSTMENOPAUSAL)]}, PASS),
    ("applies-to-words", {"appliesTo": [{"text": "Female"}, {"text": "postmenopausal"}]}, PASS),
    ("type-words", {"type": {"text": "Post-menopausal range"}}, PASS),
    ("type-normal", {"type": concept(hl7("referencerange-meaning", "normal")), "text": "Postmenopausal"}, PASS),
    ("text", {"text": "Post menopause: 25.8-134.8"}, PASS),
    ("nothing", {}, "unknown"),
    ("premenopausal", {"appliesTo": [concept(Snomed.PREMENOPAUSAL)]}, "unknown"),
    ("treatment", {"type": concept(hl7("referencerange-meaning", "treatment")), "text": "Postmenopausal"}, "unknown"),
    ("men", {"appliesTo": [concept(Snomed.MALE), concept(Snomed.POSTMENOPAUSAL)]}, "unknown"),
):
    case(f"meno-range-{name}", NO_PERIOD_FOR_15_MONTHS.add(fsh(**of), LH, ESTRADIOL), menopause(outcome, outcome))

case = chapter.rule("Amenorrhoea under therapy that a code tells without a drug proves nothing")
for name, told, outcome in (
    ("encounter", condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, "2026-03-01", clinical="resolved"), "unknown"),
    ("encounter-before", condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, "2025-07-01", clinical="resolved"), PASS),
    ("tamoxifen-use", condition(icd10cm("Z79.810"), "2024-03-01"), "unknown"),
):
    record = NO_PERIOD_FOR_15_MONTHS.add(FSH, LH, ESTRADIOL, told)
    case(f"meno-hormones-{name}", record, menopause(outcome, outcome))
# a hormone that contradicts is no sign of pre-menopause
case(
    "meno-hormones-estradiol-high",
    NO_PERIOD_FOR_15_MONTHS.add(FSH, LH, HIGH_ESTRADIOL),
    menopause("unknown", "unknown"),
)
case(
    "meno-hormones-under-tamoxifen",
    NO_PERIOD_FOR_15_MONTHS.add(FSH, LH, ESTRADIOL, statement(RxNorm.TAMOXIFEN_TABLET, "2024-01-01", "2026-05-01")),
    menopause("unknown", "unknown"),
    "months under tamoxifen do not count",
)
case("meno-lmp-old-no-hormones", NO_PERIOD_FOR_15_MONTHS, menopause("unknown", "unknown"), "without the hormones")

# ---- pre-menopausal, and suppressed ----
PREMENOPAUSAL = woman().put(lmp=last_period("2026-10-28"))
case = chapter.rule(
    "Pre-menopausal by a code, a period in the last 12 months or a pregnancy fails without a GnRH agonist"
)
case(
    "meno-premenopausal-code",
    WOMAN_OF_52.add(condition(Snomed.PREMENOPAUSAL, "2026-08-01")),
    menopause(FAIL, FAIL),
)
case(
    "meno-pregnant-now",
    woman().drop("pregnancy_test").add(condition(Icd10cm.PREGNANT, "2026-08-01")),
    menopause(FAIL, FAIL),
)
case("gnrh-none", PREMENOPAUSAL, menopause(FAIL, FAIL))
case = chapter.rule("An active GnRH agonist passes for NCT03304080 and is not enough for ASPIRE")
case(
    "gnrh-menopause-unknown",
    woman().add(request(RxNorm.LEUPROLIDE_11_25_MG, "2026-10-01")),
    menopause(PASS, "unknown"),
)


def suppressed(outcome: str) -> Expected:
    return expect(SINAI, menopause_or_suppression=outcome)


case = chapter.rule("A depot is active as long as its form lasts and 7 days more; the strength is the whole syringe's")
for name, code, last in (
    ("goserelin-3.6", RxNorm.GOSERELIN_3_6_MG, 35),
    ("leuprolide-1.5ml-of-7.5", RxNorm.LUPRON_11_25_MG, 91),
    ("leuprolide-45-eligard", RxNorm.ELIGARD_45_MG, 175),
    ("triptorelin-11.25", RxNorm.TRIPTORELIN_11_25_MG, 91),
):
    case(f"gnrh-{name}-day-{last}", PREMENOPAUSAL.add(administration(code, ago(last))), suppressed(PASS))
    case(f"gnrh-{name}-day-{last + 1}", PREMENOPAUSAL.add(administration(code, ago(last + 1))), suppressed(FAIL))
case = chapter.rule("A depot whose record tells an end that is to come is active as its status says")
for name, status, outcome in (
    ("active", "active", PASS),
    ("stopped", "stopped", PASS),
    ("on-hold", "on-hold", "unknown"),
):
    told = statement(RxNorm.GOSERELIN_3_6_MG, "2026-03-01", "2026-12-31", status=status)
    case(f"gnrh-until-later-{name}", PREMENOPAUSAL.add(told), suppressed(outcome))
case = chapter.rule("Where the strength is not told a depot is active to day 35 and unknown to day 91")
for day, outcome in ((35, PASS), (36, "unknown"), (91, "unknown"), (92, FAIL)):
    case(
        f"gnrh-strength-not-told-day-{day}",
        PREMENOPAUSAL.add(administration(RxNorm.GOSERELIN, ago(day))),
        suppressed(outcome),
    )
