"""PATINA's induction of chemotherapy with a HER2 antibody, and the disease since."""

from tests.builders import (
    PATINA,
    Coding,
    Icd10cm,
    Json,
    Loinc,
    RxNorm,
    Snomed,
    administration,
    condition,
    eligible,
    observation,
    period,
    request,
    snomed,
    statement,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
INDUCED = eligible(PATINA)  # metastatic since 15 January, induction from 10 February, stable on 5 May
NOT_INDUCED = INDUCED.drop("docetaxel", "trastuzumab", "pertuzumab")
FIRST_DAY = "2026-02-10"
TRASTUZUMAB = administration(RxNorm.TRASTUZUMAB_SOLUTION, FIRST_DAY)


def induction(outcome: str) -> Expected:
    return expect(PATINA, induction_chemo_her2=outcome)


case = chapter.rule(
    "At least one chemotherapy drug and one of trastuzumab, pertuzumab and margetuximab since the metastasis"
)
case(
    "induction-margetuximab",
    NOT_INDUCED.add(statement(RxNorm.MARGETUXIMAB, FIRST_DAY), request(RxNorm.XELODA, FIRST_DAY)),
    induction("pass/recorded"),
)
case(
    "induction-continued-over-metastasis",
    NOT_INDUCED.add(
        statement(RxNorm.CAPECITABINE, "2025-12-01", "2026-04-01"), administration(RxNorm.OGIVRI, FIRST_DAY)
    ),
    induction("pass/recorded"),
    "what ran before and after it was given after it",
)
for name, end, outcome in (
    ("on-the-day", "2026-01-15", "pass/recorded"),
    ("day-before", "2026-01-14", "unknown/missing"),
):
    case(
        f"induction-until-metastasis-{name}",
        NOT_INDUCED.add(statement(RxNorm.CAPECITABINE, "2025-12-01", end), TRASTUZUMAB),
        induction(outcome),
        "given on the day is given since",
    )
case(
    "induction-chemo-only",
    NOT_INDUCED.add(administration(RxNorm.DOCETAXEL_SOLUTION, FIRST_DAY)),
    induction("unknown/missing"),
)
case(
    "induction-before-metastasis",
    NOT_INDUCED.add(
        statement(RxNorm.DOCETAXEL_SOLUTION, "2019-06-01", "2019-09-01"),
        statement(RxNorm.TRASTUZUMAB_SOLUTION, "2019-06-01", "2020-06-01"),
    ),
    induction("unknown"),
)
case(
    "induction-undated-metastasis",
    INDUCED.put(metastasis=condition(Snomed.METASTASIS_TO_BONE)),
    induction("unknown"),
)
case = chapter.rule("An antibody-drug conjugate is neither the chemotherapy nor the antibody")
case(
    "induction-tdxd-is-no-chemo",
    NOT_INDUCED.add(administration(RxNorm.T_DXD_INJECTION, FIRST_DAY), TRASTUZUMAB),
    induction("unknown"),
)
case(
    "induction-tdm1-is-no-trastuzumab",
    NOT_INDUCED.add(
        administration(RxNorm.T_DM1_INJECTION, FIRST_DAY), administration(RxNorm.CAPECITABINE_TABLET, FIRST_DAY)
    ),
    induction("unknown"),
)
case = chapter.rule("Z51.11 is a therapy without a name")
case(
    "induction-chemo-unnamed",
    NOT_INDUCED.add(condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, FIRST_DAY, clinical=None), TRASTUZUMAB),
    induction("unknown"),
)


# ---- no progression since ----
def no_progression(outcome: str) -> Expected:
    return expect(PATINA, no_progression_after_induction=outcome)


def status(answer: Coding, on: str = "2026-05-05") -> Json:
    return observation(Loinc.DISEASE_STATUS, answer, on)


case = chapter.rule(
    "The newest disease status after the induction's first day: progressive fails, stable or better passes"
)
case("progression-newest", INDUCED.put(status=status(Snomed.PROGRESSIVE)), no_progression("fail/recorded"))
case(
    "progression-stable-then-worse",
    INDUCED.add(status(Snomed.PROGRESSIVE, "2026-09-01")),
    no_progression("fail/recorded"),
)
case("progression-improved", INDUCED.put(status=status(Snomed.IMPROVED)), no_progression("pass/recorded"))
case("progression-remission", INDUCED.put(status=status(Snomed.FULL_REMISSION)), no_progression("pass/recorded"))
case("progression-remission-phase", INDUCED.put(status=status(snomed("277022003"))), no_progression("pass/recorded"))
case("progression-undetermined", INDUCED.put(status=status(Snomed.UNDETERMINED)), no_progression("unknown"))
case = chapter.rule("Progressive earlier and not now is a conflict; before the induction it was the reason for it")
case(
    "progression-earlier",
    INDUCED.add(status(Snomed.PROGRESSIVE, "2026-03-20")),
    no_progression("unknown/conflict"),
)
case(
    "progression-before-induction-worse",
    INDUCED.add(status(Snomed.PROGRESSIVE, "2026-01-20")),
    no_progression("pass/recorded"),
)
case(
    "progression-on-first-day",
    INDUCED.put(status=status(Snomed.STABLE, FIRST_DAY)),
    no_progression("unknown"),
    "the first day itself is not after it",
)
case = chapter.rule("Statuses of one day that disagree are a conflict, and undetermined beside stable decides nothing")
for name, answer, outcome in (
    ("progressive", Snomed.PROGRESSIVE, "unknown/conflict"),
    ("undetermined", Snomed.UNDETERMINED, "unknown"),
    ("improved", Snomed.IMPROVED, "pass/recorded"),
):
    case(f"progression-one-day-{name}", INDUCED.add(status(answer)), no_progression(outcome))
case = chapter.rule("What may have come after the induction's first day, and may be the newest, has to say the same")
for name, answer, on, outcome in (
    ("worse-this-year", Snomed.PROGRESSIVE, "2026", "unknown"),
    ("better-this-year", Snomed.IMPROVED, "2026", "pass/recorded"),
    ("worse-before-this-year", Snomed.PROGRESSIVE, "2025", "pass/recorded"),
    ("worse-in-the-first-month", Snomed.PROGRESSIVE, "2026-02", "unknown/conflict"),
):
    case(f"progression-{name}", INDUCED.add(status(answer, on)), no_progression(outcome))
case(
    "progression-then-undetermined-this-year",
    INDUCED.put(status=status(Snomed.PROGRESSIVE)).add(status(Snomed.UNDETERMINED, "2026")),
    no_progression("unknown"),
)
case = chapter.rule("The first day is that of the earliest drug, also where another's date is told in part")
case(
    "progression-first-day-of-a-month",
    INDUCED.edit("docetaxel", effectivePeriod=period("2026-02", "2026-04-14")).put(
        status=status(Snomed.STABLE, "2026-02-12")
    ),
    no_progression("pass/recorded"),
)
case(
    "progression-first-day-of-a-drug-perhaps-taken",
    INDUCED.add(
        administration(RxNorm.XELODA, "2026-01-20", status="unknown"), status(Snomed.PROGRESSIVE, "2026-01-30")
    ),
    no_progression("unknown"),
)
