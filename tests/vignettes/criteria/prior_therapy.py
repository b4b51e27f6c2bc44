"""NCT03304080 on treatment: none since the metastasis, none now or in the last 14 days, HER2 antibodies long ago."""

from typing import Any

from tests.builders import (
    ENCOUNTER_DIAGNOSIS,
    SINAI,
    Icd10cm,
    Json,
    Record,
    RxNorm,
    Snomed,
    administration,
    ago,
    coding,
    concept,
    condition,
    eligible,
    icd10cm,
    man,
    period,
    procedure,
    reference,
    request,
    snomed,
    statement,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)  # metastatic since 1 September
RHEUMATOID_ARTHRITIS = concept(Icd10cm.RHEUMATOID_ARTHRITIS, text="rheumatoid arthritis")
SILENT, FAIL, PASS, REVIEW = "pass/no-record", "fail/recorded", "pass/recorded", "review/manual"
MISSING = "unknown/missing"


def first_line(outcome: str) -> Expected:
    return expect(SINAI, no_prior_metastatic_therapy=outcome)


def recent(outcome: str) -> Expected:
    return expect(SINAI, recent_anticancer_therapy=outcome)


def both(outcome: str) -> Expected:
    return first_line(outcome) | recent(outcome)


# ---- what was given since the metastasis ----
case = chapter.rule("A systemic therapy started on or after the day of metastasis fails")
case("first-letrozole-after", UNTREATED.add(request(RxNorm.LETROZOLE_TABLET, "2026-09-20")), both(FAIL))
case(
    "first-on-the-day",
    UNTREATED.add(administration(RxNorm.DOCETAXEL_SOLUTION, "2026-09-01")),
    first_line(FAIL),
)
# a cycle may go on for weeks after its dose; 'still given' asks for a dose then
case(
    "first-day-before",
    UNTREATED.add(administration(RxNorm.DOCETAXEL_SOLUTION, "2026-08-31")),
    first_line("pass"),
    "a single dose the day before is none of it",
)
case(
    "first-adjuvant-over",
    UNTREATED.add(statement(RxNorm.TAMOXIFEN_TABLET, "2019-09-01", "2024-09-01")),
    both("pass"),
    "nor is an adjuvant therapy that was over",
)
case("first-tdm1", UNTREATED.add(administration(RxNorm.T_DM1_INJECTION, "2026-10-01")), first_line(FAIL), "T-DM1")
case(
    "first-methotrexate-iv",
    UNTREATED.add(administration(RxNorm.METHOTREXATE_INJECTION, "2026-10-01", route=Snomed.INTRAVENOUS)),
    first_line(FAIL),
    "intravenous methotrexate",
)
case(
    "first-gnrh-in-a-man",
    man().add(administration(RxNorm.LEUPROLIDE_7_5_MG, "2026-10-20")),
    first_line(FAIL),
    "in men a GnRH agonist too",
)
case = chapter.rule("Therapy started before the metastasis and still given 28 days after it is unknown")
for day, end, outcome in ((28, "2026-09-29", "unknown"), (27, "2026-09-28", "pass")):
    case(
        f"first-given-{day}-days-after",
        UNTREATED.add(statement(RxNorm.LETROZOLE_TABLET, "2021-03-01", end)),
        first_line(outcome),
    )
case(
    "first-still-going",
    UNTREATED.add(request(RxNorm.LETROZOLE_TABLET, "2021-03-01")),
    first_line("unknown") | recent(FAIL),
    "an adjuvant order that never ended is also active now",
)
case = chapter.rule("Radiotherapy since the metastasis is for review; irradiation of the ovaries does not count")
case(
    "first-radiotherapy-after",
    UNTREATED.add(procedure(Snomed.PHOTON_RADIOTHERAPY, period("2026-09-20", "2026-10-02"))),
    first_line(REVIEW),
)
for name, performed in (("from-before", "2026-08-20"), ("period-from-before", period("2026-08-20")), ("undated", None)):
    going_on = procedure(Snomed.PHOTON_RADIOTHERAPY, performed, status="in-progress")
    case(f"first-radiotherapy-in-progress-{name}", UNTREATED.add(going_on), first_line(REVIEW), "it is given now")
for name, told in (
    ("of-unknown-status", procedure(Snomed.PHOTON_RADIOTHERAPY, "2026-09-20", status="unknown")),
    ("without-a-system", procedure(coding(None, "1156506007"), "2026-09-20")),
    ("year-of-metastasis", procedure(Snomed.PHOTON_RADIOTHERAPY, "2026")),
    ("undated", procedure(Snomed.PHOTON_RADIOTHERAPY)),
):
    case(f"first-radiotherapy-{name}", UNTREATED.add(told), first_line("unknown"))
case(
    "first-radiotherapy-before",
    UNTREATED.add(procedure(Snomed.PHOTON_RADIOTHERAPY, "2026-08-31")),
    first_line("pass"),
)
case(
    "first-ovarian-ablation",
    UNTREATED.add(procedure(Snomed.OVARIAN_IRRADIATION, "2026-09-20")),
    first_line("pass"),
)

# ---- what is no anticancer therapy ----
case = chapter.rule("Bone agents and a woman's GnRH agonist are no systemic anticancer therapy")
case(
    "first-bone-agents",
    UNTREATED.add(
        statement(RxNorm.XGEVA, "2026-09-20"),
        administration(RxNorm.ZOLEDRONIC_ACID_INFUSION, "2026-10-01"),
        administration(RxNorm.GOSERELIN_3_6_MG, "2026-10-01"),
    ),
    both("pass"),
)
case(
    "first-gnrh-status-unknown",
    UNTREATED.add(statement(RxNorm.GOSERELIN_3_6_MG, "2026-10-01", status="unknown")),
    both("pass"),
    "given or not, it is none in a woman",
)
case(
    "first-gnrh-status-unknown-in-a-man",
    man().add(statement(RxNorm.LEUPROLIDE_7_5_MG, "2026-10-20", status="unknown")),
    both("unknown"),
)
case = chapter.rule("A recorded reason that is not cancer does not count")
case(
    "first-methotrexate-oral-ra",
    UNTREATED.add(statement(RxNorm.METHOTREXATE_TABLET, "2026-09-10", reason=RHEUMATOID_ARTHRITIS)),
    both("pass"),
)
case(
    "first-letrozole-fertility",
    UNTREATED.add(statement(RxNorm.LETROZOLE_TABLET, "2026-09-10", "2026-11-15", reason=Icd10cm.INFERTILITY)),
    both("pass"),
    "nor does a fertility reason of endocrine therapy",
)
case(
    "first-letrozole-reason-not-known",
    UNTREATED.add(statement(RxNorm.LETROZOLE_TABLET, "2026-09-10", "2026-11-15", reason=snomed("129103003"))),
    both("unknown"),
    "a code on no list may be infertility",
)
case = chapter.rule("A refuted encounter for chemotherapy tells of no therapy")
for verification, outcome in (("confirmed", "fail/recorded"), ("refuted", "pass/no-record")):
    case(
        f"first-chemotherapy-encounter-{verification}",
        UNTREATED.add(condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, "2026-10-10", verification=verification)),
        expect(SINAI, no_prior_metastatic_therapy=outcome),
    )
case = chapter.rule("Oral methotrexate, oral cyclophosphamide and megestrol without a reason are unknown")
case(
    "first-methotrexate-oral-no-reason",
    UNTREATED.add(statement(RxNorm.METHOTREXATE_TABLET, "2026-09-10")),
    both("unknown"),
)
case(
    "first-methotrexate-syringe-no-reason",
    UNTREATED.add(statement(RxNorm.METHOTREXATE_PREFILLED_SYRINGE, "2026-09-10")),
    both("unknown"),
    "a prefilled syringe of methotrexate is for under the skin, whatever its brand",
)
case(
    "first-cyclophosphamide-oral",
    UNTREATED.add(request(RxNorm.CYCLOPHOSPHAMIDE_TABLET, "2026-09-10")),
    first_line("unknown"),
)
case(
    "first-megestrol",
    UNTREATED.add(request(RxNorm.MEGESTROL_SUSPENSION, "2026-09-10")),
    first_line("unknown"),
)
case = chapter.rule("A topical or intravitreal form never counts")
case(
    "first-fluorouracil-route",
    UNTREATED.add(request(RxNorm.FLUOROURACIL, "2026-11-01", route=Snomed.TOPICAL)),
    both("pass"),
)
case(
    "first-bevacizumab-eye",
    UNTREATED.add(administration(RxNorm.BEVACIZUMAB, "2026-11-15", route=Snomed.INTRAVITREAL)),
    both("pass"),
)
case = chapter.rule("Drafts, plans, what was not taken and what was not to be performed are no therapy")
case(
    "first-draft-and-plan",
    UNTREATED.add(
        request(RxNorm.LETROZOLE_TABLET, "2026-11-20", status="draft"),
        request(RxNorm.PALBOCICLIB_CAPSULE, "2026-11-20", intent="plan"),
        statement(RxNorm.TAMOXIFEN_TABLET, "2026-10-01", status="not-taken"),
        request(RxNorm.CAPECITABINE_TABLET, "2026-11-01", doNotPerform=True),
    ),
    both(SILENT),
)

# ---- therapy told by codes of diagnoses, undated, or without a code ----
case = chapter.rule("Z79.811 active is endocrine therapy")
case(
    "first-z79811-active",
    UNTREATED.add(condition(Icd10cm.AROMATASE_INHIBITOR_USE, "2026-10-01")),
    both(FAIL),
)
STOPPED_SOME_TIME = {"abatementString": "stopped because of joint pain"}
case(
    "first-z79811-stopped-some-time",
    UNTREATED.add(condition(Icd10cm.AROMATASE_INHIBITOR_USE, "2026-10-01", abatement=STOPPED_SOME_TIME)),
    both("unknown"),
)
case(
    "first-z79811-before-and-now",
    UNTREATED.add(condition(Icd10cm.AROMATASE_INHIBITOR_USE, "2021-10-01")),
    first_line("unknown") | recent(FAIL),
)
case(
    "first-z79811-over",
    UNTREATED.add(condition(Icd10cm.AROMATASE_INHIBITOR_USE, "2021-10-01", abatement="2025-10-01")),
    both("pass"),
)
case = chapter.rule("Z92.21 and Z51.11 are therapy without a name: unknown where a name or a date would decide")
case("first-z9221-undated", UNTREATED.add(condition(Icd10cm.HISTORY_OF_CHEMOTHERAPY)), first_line("unknown"))
# neither is wanting here: any chemotherapy begun after the metastasis fails
case(
    "first-z5111-dated-after",
    UNTREATED.add(condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, "2026-10-05", clinical=None, category=ENCOUNTER_DIAGNOSIS)),
    first_line(FAIL),
    "dated after the metastasis it needs no name",
)


def encounter(code: Json, on: str | None, **more: Any) -> Json:
    return condition(code, on, **({"clinical": None, "category": ENCOUNTER_DIAGNOSIS} | more))


CHEMOTHERAPY_PROCEDURE, IMMUNOTHERAPY_ENCOUNTER = snomed("367336001"), icd10cm("Z51.12")
# its last day tells whether it is over, as of a drug told only by administrations
for day, outcome in ((14, FAIL), (15, "unknown"), (42, "unknown"), (43, "pass")):
    for name, told in (
        ("z5111", encounter(Icd10cm.CHEMOTHERAPY_ENCOUNTER, ago(day))),
        ("procedure", procedure(CHEMOTHERAPY_PROCEDURE, ago(day))),
    ):
        case(f"recent-{name}-day-{day}", UNTREATED.add(told), recent(outcome))
case(
    "recent-z5111-provisional",
    UNTREATED.add(encounter(Icd10cm.CHEMOTHERAPY_ENCOUNTER, ago(5), verification="provisional")),
    both("unknown"),
)
case(
    "recent-procedure-in-progress",
    UNTREATED.add(procedure(CHEMOTHERAPY_PROCEDURE, period(ago(60)), status="in-progress")),
    recent(FAIL),
)
case = chapter.rule("A refuted diagnosis, or one from after the as-of date, tells of no therapy")
for name, code in (("z5111", Icd10cm.CHEMOTHERAPY_ENCOUNTER), ("z79811", Icd10cm.AROMATASE_INHIBITOR_USE)):
    case(f"first-{name}-refuted", UNTREATED.add(condition(code, ago(5), verification="refuted")), both(SILENT))
    case(f"first-{name}-later", UNTREATED.add(condition(code, "2026-12-01")), both(SILENT))
case = chapter.rule("Undated therapy is unknown")
case(
    "first-undated-drug",
    UNTREATED.add(statement(RxNorm.DOCETAXEL_SOLUTION, status="completed")),
    first_line("unknown"),
)
case = chapter.rule("A drug without a code is unknown where its text names a relevant one, or where it tells nothing")
case(
    "first-text-only",
    UNTREATED.add(statement(concept(text="Femara 2.5 mg daily"), "2026-10-01")),
    both("unknown"),
)
case(
    "first-tells-nothing",
    UNTREATED.add(request(reference("Medication/not-in-the-bundle"), "2026-10-01")),
    first_line("unknown"),
)

# ---- a depot in a man ----
case = chapter.rule("In a man a depot GnRH agonist is active as long as its form lasts, with 7 days' grace")
for name, dose, day, outcome in (
    ("28-day-form-day-35", RxNorm.GOSERELIN_3_6_MG, 35, FAIL),
    ("28-day-form-day-36", RxNorm.GOSERELIN_3_6_MG, 36, PASS),
    ("84-day-form-day-91", RxNorm.GOSERELIN_10_8_MG, 91, FAIL),
    ("84-day-form-day-92", RxNorm.GOSERELIN_10_8_MG, 92, PASS),
    ("no-strength-day-35", RxNorm.GOSERELIN, 35, FAIL),
    ("no-strength-day-36", RxNorm.GOSERELIN, 36, "unknown"),
    ("no-strength-day-92", RxNorm.GOSERELIN, 92, PASS),
):
    case(f"recent-depot-{name}", man().add(administration(dose, ago(day))), recent(outcome))
case(
    "recent-depot-after-its-end",
    man().add(statement(RxNorm.GOSERELIN_10_8_MG, "2025-09-01", ago(40))),
    recent(FAIL),
    "the form lasts after a recorded end, too",
)

# ---- what is active now or ended within 14 days ----
case = chapter.rule("Nothing active, nothing ended within 14 days, radiotherapy likewise")
for day, outcome in ((14, FAIL), (15, "pass")):
    case(
        f"recent-ended-day-{day}",
        UNTREATED.add(statement(RxNorm.LETROZOLE_TABLET, "2021-03-01", ago(day))),
        recent(outcome),
    )
case(
    "recent-radiotherapy-day-14",
    UNTREATED.add(procedure(Snomed.PROTON_RADIOTHERAPY, period("2026-10-20", ago(14)))),
    recent(FAIL),
    "by its end",
)
case(
    "recent-radiotherapy-going-on",
    UNTREATED.add(procedure(Snomed.ELECTRON_RADIOTHERAPY, period("2026-10-20"), status="in-progress")),
    recent(FAIL),
    "in progress is now",
)
case = chapter.rule("Told only by administrations: active to day 14 after the last, unknown to day 42")
for day, outcome in ((14, FAIL), (42, "unknown"), (43, "pass")):
    case(
        f"recent-administration-day-{day}",
        UNTREATED.add(administration(RxNorm.PACLITAXEL_SOLUTION, ago(day))),
        recent(outcome),
    )
case(
    "recent-administration-in-progress-day-43",
    UNTREATED.add(administration(RxNorm.PACLITAXEL_SOLUTION, period(ago(43)), status="in-progress")),
    recent("pass"),
    "one in progress as well",
)
EARLIER_COURSE = statement(RxNorm.PACLITAXEL_SOLUTION, "2019-06-01", "2019-12-01")
case(
    "recent-administration-after-an-earlier-course",
    UNTREATED.add(EARLIER_COURSE, administration(RxNorm.PACLITAXEL_SOLUTION, ago(20))),
    recent("unknown"),
    "a course that was over before says nothing of the one that the dose belongs to",
)
case = chapter.rule("On hold is neither active nor ended; stopped without an end leaves the washout open")
case(
    "recent-on-hold",
    UNTREATED.add(request(RxNorm.CAPECITABINE_TABLET, "2026-08-01", status="on-hold")),
    recent("unknown"),
)
for day, outcome in ((14, FAIL), (15, "pass")):
    case(
        f"recent-on-hold-ended-day-{day}",
        UNTREATED.add(statement(RxNorm.LETROZOLE_TABLET, "2021-03-01", ago(day), status="on-hold")),
        recent(outcome),
        "an end that is told counts on hold, too",
    )
case(
    "recent-on-hold-until-later",
    UNTREATED.add(statement(RxNorm.LETROZOLE_TABLET, "2021-03-01", "2027-01-01", status="on-hold")),
    recent("unknown"),
)
case(
    "recent-stopped-no-end",
    UNTREATED.add(statement(RxNorm.LETROZOLE_TABLET, "2021-03-01", status="stopped")),
    recent("unknown"),
)

# ---- adjuvant trastuzumab and pertuzumab ----


def washout(outcome: str) -> Expected:
    return expect(SINAI, adjuvant_her2_washout=outcome)


def adjuvant(drug: Json, start: str, end: str | None = None, **more: Any) -> Record:
    return UNTREATED.add(statement(drug, start, end, **more))


case = chapter.rule("The last dose of adjuvant trastuzumab or pertuzumab was more than 6 months ago")
case("wash-2026-05-20", adjuvant(RxNorm.TRASTUZUMAB_SOLUTION, "2025-05-01", "2026-05-20"), washout(PASS))
case(
    "wash-2026-05-21",
    adjuvant(RxNorm.TRASTUZUMAB_SUBCUTANEOUS, "2025-05-01", "2026-05-21"),
    washout(FAIL),
    "exactly 6 months is not more than 6 months",
)
TWO_DOSES = [administration(RxNorm.PERTUZUMAB_TRASTUZUMAB_10_ML, on) for on in ("2025-12-01", "2026-06-10")]
case("wash-administrations", UNTREATED.add(*TWO_DOSES), washout(FAIL), "the last of the administrations counts")
case(
    "wash-on-hold-ended",
    adjuvant(RxNorm.TRASTUZUMAB_SOLUTION, "2025-05-01", "2026-05-20", status="on-hold"),
    washout(PASS),
)
UNTIL_MAY = statement(RxNorm.TRASTUZUMAB_SOLUTION, status="completed", effectivePeriod=period(end="2026-05-21"))
case("wash-start-not-told", UNTREATED.add(UNTIL_MAY), washout(FAIL), "what ended before the metastasis began before it")
case("wash-ongoing", adjuvant(RxNorm.PERTUZUMAB_INJECTION, "2025-12-01"), washout(FAIL), "adjuvant and still going on")
case = chapter.rule("What the whole interval of the last dose does not settle is unknown")
case("wash-month-2026-05", adjuvant(RxNorm.TRASTUZUMAB_SOLUTION, "2025-05-01", "2026-05"), washout("unknown"))
case(
    "wash-no-end",
    adjuvant(RxNorm.TRASTUZUMAB_SOLUTION, "2025-05-01", status="completed"),
    washout("unknown"),
    "completed, without an end",
)
case(
    "wash-undated-metastasis",
    adjuvant(RxNorm.TRASTUZUMAB_SOLUTION, "2020-05-01", "2021-05-01").put(
        metastasis=condition(Snomed.METASTASIS_TO_BONE)
    ),
    washout("unknown"),
    "an undated metastasis",
)
case("wash-ambiguous-product", adjuvant(RxNorm.TRASTUZUMAB_INJECTION, "2025-08-01", "2026-07-01"), washout("unknown"))
case = chapter.rule("T-DM1 is not trastuzumab")
case("wash-tdm1", adjuvant(RxNorm.T_DM1_INJECTION, "2025-05-01", "2026-06-01"), washout("pass"))
case = chapter.rule("Z51.12 may have been trastuzumab or pertuzumab, unless a drug record tells what was given then")
for name, on, outcome in (
    ("6-months", "2026-05-21", MISSING),
    ("more-than-6-months", "2026-05-20", "pass"),
    ("before-metastasis", "2026-08-31", MISSING),
    ("since-metastasis", "2026-09-01", "pass"),
    ("undated", None, MISSING),
):
    record = UNTREATED.add(encounter(IMMUNOTHERAPY_ENCOUNTER, on))
    case(f"wash-z5112-{name}", record, washout(outcome))
TRASTUZUMAB_UNTIL_MAY = adjuvant(RxNorm.TRASTUZUMAB_SOLUTION, "2025-05-01", "2026-05-20")
for name, on, outcome in (
    ("last-day", "2026-05-20", PASS),
    ("first-day", "2025-05-01", PASS),
    ("day-after", "2026-05-21", MISSING),
):
    record = TRASTUZUMAB_UNTIL_MAY.add(encounter(IMMUNOTHERAPY_ENCOUNTER, on))
    case(f"wash-z5112-explained-{name}", record, washout(outcome))
