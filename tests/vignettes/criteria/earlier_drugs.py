"""Which drugs were taken before and are taken now, and how many lines: Yale and ASPIRE."""

from typing import Any

from tests.builders import (
    ASPIRE,
    ENCOUNTER_DIAGNOSIS,
    YALE,
    Atc,
    Icd10cm,
    Json,
    Record,
    RxNorm,
    Snomed,
    administration,
    ago,
    allergy,
    concept,
    condition,
    eligible,
    procedure,
    request,
    statement,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
TREATED = eligible(YALE)  # docetaxel, trastuzumab and pertuzumab from 1 June 2025
RHEUMATOID_ARTHRITIS = concept(Icd10cm.RHEUMATOID_ARTHRITIS, text="rheumatoid arthritis")
PASS, FAIL, MISSING, REVIEW = "pass/recorded", "fail/recorded", "unknown/missing", "review/manual"


# ---- pertuzumab, taxane, trastuzumab ----
def pertuzumab(outcome: str) -> Expected:
    return expect(YALE, prior_pertuzumab=outcome)


NO_PERTUZUMAB = TREATED.drop("pertuzumab")
case = chapter.rule("Yale asks for pertuzumab taken before; an intolerance to it is for review, neither is unknown")
case("pertuzumab-none", NO_PERTUZUMAB, pertuzumab(MISSING))
case(
    "pertuzumab-combination",
    NO_PERTUZUMAB.add(statement(RxNorm.PHESGO_15_ML, "2025-06-01", "2025-12-15")),
    pertuzumab(PASS),
    "Phesgo holds pertuzumab",
)
case(
    "pertuzumab-intolerance",
    NO_PERTUZUMAB.add(allergy(Snomed.PERTUZUMAB, type="intolerance")),
    pertuzumab(REVIEW),
)
case(
    "pertuzumab-intolerance-unconfirmed",
    NO_PERTUZUMAB.add(allergy(Snomed.PERTUZUMAB, type="intolerance", verification="unconfirmed")),
    pertuzumab(MISSING),
)
NO_TAXANE = TREATED.drop("docetaxel")
case = chapter.rule("Taxanes are paclitaxel, nab-paclitaxel and docetaxel")
case(
    "taxane-nab",
    NO_TAXANE.add(administration(RxNorm.ABRAXANE, "2025-07-01")),
    expect(ASPIRE, prior_taxane=PASS),
)
case(
    "taxane-cabazitaxel",
    NO_TAXANE.add(administration(RxNorm.CABAZITAXEL, "2025-07-01")),
    expect(ASPIRE, prior_taxane=MISSING),
)
NO_TRASTUZUMAB = TREATED.drop("trastuzumab")
case = chapter.rule("ASPIRE asks for trastuzumab in any form; T-DM1 is none")
for name, drug, outcome in (
    ("biosimilar", RxNorm.OGIVRI, PASS),
    ("phesgo", RxNorm.PHESGO_PRODUCT, PASS),
    ("tdm1-only", RxNorm.T_DM1, "unknown"),
):
    case(
        f"trastuzumab-{name}",
        NO_TRASTUZUMAB.add(administration(drug, "2025-07-01")),
        expect(ASPIRE, prior_trastuzumab=outcome),
    )

# ---- T-DM1 and CDK4/6 inhibitors never ----
case = chapter.rule("T-DM1 never taken")
for name, drug in (("product", RxNorm.KADCYLA), ("snomed", Snomed.T_DM1), ("atc", Atc.T_DM1)):
    case(
        f"tdm1-{name}",
        TREATED.add(statement(drug, "2026-01-10", "2026-04-01")),
        expect(YALE, no_prior_tdm1=FAIL),
    )
case = chapter.rule("Palbociclib, ribociclib, abemaciclib never taken")
for name, drug, outcome in (
    ("palbociclib-tablet", RxNorm.IBRANCE_TABLET, FAIL),
    ("abemaciclib", RxNorm.ABEMACICLIB, FAIL),
    ("ribociclib-letrozole-pack", RxNorm.RIBOCICLIB_42_LETROZOLE_PACK, FAIL),
    ("atc", Atc.PALBOCICLIB, FAIL),
    ("everolimus", RxNorm.EVEROLIMUS_TABLET, "pass"),
):
    case(
        f"cdk46-{name}",
        TREATED.add(statement(drug, "2026-01-10", "2026-04-01", reason=Icd10cm.BREAST_CANCER)),
        expect_in((YALE, ASPIRE), no_prior_cdk46=outcome),
    )

# ---- lines of therapy ----
CAPECITABINE = statement(RxNorm.CAPECITABINE_TABLET, "2026-01-10", "2026-05-01")
ERIBULIN = statement(RxNorm.ERIBULIN_INJECTION, "2026-06-01", "2026-09-01")


def lines(outcome: str) -> Expected:
    return expect(YALE, lines_of_therapy=outcome)


def with_letrozole(start: str) -> Record:
    return TREATED.add(statement(RxNorm.LETROZOLE_TABLET, start, "2025-12-15"), CAPECITABINE)


def with_trastuzumab_again(start: str) -> Record:
    return TREATED.add(statement(RxNorm.TRASTUZUMAB_SOLUTION, start, "2026-04-01"), ERIBULIN)


case = chapter.rule("Two lines since the metastasis or fewer pass; more, or undated ones, are unknown")
case("lines-two", TREATED.add(CAPECITABINE), lines(PASS))
case("lines-three", TREATED.add(CAPECITABINE, ERIBULIN), lines("unknown"))
case(
    "lines-undated",
    TREATED.add(statement(RxNorm.ERIBULIN_INJECTION, status="completed")),
    lines("unknown"),
)
case = chapter.rule("Starts within 28 days are one line")
case("lines-start-28-days-after", with_letrozole("2025-06-29"), lines(PASS))
case("lines-start-29-days-after", with_letrozole("2025-06-30"), lines("unknown"))
case = chapter.rule("A drug that was taken in the 90 days before does not start a line")
case("lines-same-drug-after-85-days", with_trastuzumab_again("2026-03-10"), lines(PASS))
case("lines-same-drug-after-95-days", with_trastuzumab_again("2026-03-20"), lines("unknown"))
case = chapter.rule("Bone agents, a woman's GnRH agonist and drugs before the metastasis are no lines")
case(
    "lines-support-does-not-count",
    TREATED.add(
        CAPECITABINE,
        statement(RxNorm.DENOSUMAB, "2026-03-01"),
        statement(RxNorm.GOSERELIN, "2026-06-01", "2026-09-01"),
    ),
    lines(PASS),
)
case(
    "lines-adjuvant-does-not-count",
    TREATED.add(
        statement(RxNorm.DOXORUBICIN, "2019-06-01", "2019-09-01"),
        statement(RxNorm.TAMOXIFEN_TABLET, "2019-12-01", "2024-12-01"),
        CAPECITABINE,
    ),
    lines(PASS),
)

case = chapter.rule(
    "Chemotherapy told without a drug may be a line of its own, unless a drug record tells what was given"
)


def chemotherapy(on: str | None, **more: Any) -> Json:
    return condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, on, **({"clinical": None, "category": ENCOUNTER_DIAGNOSIS} | more))


CAPECITABINE_ORDER = request(RxNorm.CAPECITABINE_TABLET, "2026-01-10")
CAPECITABINE_DOSE = administration(RxNorm.CAPECITABINE_TABLET, "2026-01-10")
for name, told, outcome in (
    ("first-day", (chemotherapy("2025-06-01"),), PASS),
    ("day-before", (chemotherapy("2025-05-31"),), "unknown"),
    ("last-day", (chemotherapy("2025-10-20"),), PASS),
    ("day-after", (chemotherapy("2025-10-21"),), "unknown"),
    ("before-metastasis", (chemotherapy("2025-05-04"),), PASS),
    ("day-of-metastasis", (chemotherapy("2025-05-05"),), "unknown"),
    ("undated", (chemotherapy(None),), "unknown"),
    ("refuted", (chemotherapy("2026-02-01", verification="refuted"),), PASS),
    ("under-an-order", (CAPECITABINE_ORDER, chemotherapy("2026-10-01")), PASS),
    ("day-of-a-dose", (CAPECITABINE_DOSE, chemotherapy("2026-01-10")), PASS),
    ("after-a-dose", (CAPECITABINE_DOSE, chemotherapy("2026-01-11")), "unknown"),
):
    case(f"lines-unnamed-{name}", TREATED.add(*told), lines(outcome))
case = chapter.rule("Long-term use of an aromatase inhibitor is a line where it began since the metastasis")
AROMATASE_INHIBITOR = condition(Icd10cm.AROMATASE_INHIBITOR_USE, "2026-08-01")
case("lines-z79811-second", TREATED.add(AROMATASE_INHIBITOR), lines(PASS) | expect(YALE, concurrent_therapy=REVIEW))
case("lines-z79811-third", TREATED.add(CAPECITABINE, AROMATASE_INHIBITOR), lines("unknown"))
case(
    "lines-z79811-before",
    TREATED.add(CAPECITABINE, condition(Icd10cm.AROMATASE_INHIBITOR_USE, "2020-08-01")),
    lines(PASS),
)
case("lines-z79811-undated", TREATED.add(CAPECITABINE, condition(Icd10cm.AROMATASE_INHIBITOR_USE)), lines("unknown"))

# ---- what is taken now ----
case = chapter.rule(
    "An endocrine drug, a GnRH agonist or another antineoplastic active is for review; bone agents never"
)
for name, taken, outcome in (
    ("letrozole", request(RxNorm.LETROZOLE_TABLET, "2026-01-10"), REVIEW),
    ("goserelin", statement(RxNorm.GOSERELIN_3_6_MG, "2026-08-01"), REVIEW),
    ("denosumab", request(RxNorm.DENOSUMAB_INJECTION, "2026-01-10"), "pass"),
    (
        "methotrexate-ra",
        statement(RxNorm.METHOTREXATE_TABLET, "2026-01-10", reason=RHEUMATOID_ARTHRITIS),
        "pass",
    ),
    ("methotrexate-no-reason", statement(RxNorm.METHOTREXATE_TABLET, "2026-01-10"), "unknown"),
    ("unnamed-day-14", chemotherapy(ago(14)), REVIEW),
    ("unnamed-day-15", chemotherapy(ago(15)), "unknown"),
    ("unnamed-day-43", chemotherapy(ago(43)), "pass"),
):
    case(f"concurrent-{name}", TREATED.add(taken), expect(YALE, concurrent_therapy=outcome))

# ---- ASPIRE's 14 days ----
case = chapter.rule("No chemotherapy, an antibody-drug conjugate being one, and no radiotherapy within 14 days")
for name, taken, outcome in (
    ("ended-day-14", statement(RxNorm.CAPECITABINE_TABLET, "2026-03-01", ago(14)), FAIL),
    ("ended-day-15", statement(RxNorm.CAPECITABINE_TABLET, "2026-03-01", ago(15)), "pass"),
    ("tdm1-day-10", administration(RxNorm.T_DM1_INJECTION, ago(10)), FAIL),
    ("letrozole-active", request(RxNorm.LETROZOLE_TABLET, "2026-01-01"), "pass"),
    ("trastuzumab-day-3", administration(RxNorm.TRASTUZUMAB_SOLUTION, ago(3)), "pass"),
    ("paclitaxel-day-20", administration(RxNorm.PACLITAXEL_SOLUTION, ago(20)), "unknown"),
    ("radiotherapy-day-14", procedure(Snomed.RADIOTHERAPY, ago(14)), FAIL),
    ("radiotherapy-day-15", procedure(Snomed.PHOTON_RADIOTHERAPY, ago(15)), "pass"),
):
    case(f"recent-chemo-{name}", TREATED.add(taken), expect(ASPIRE, recent_chemo_radiotherapy=outcome))
