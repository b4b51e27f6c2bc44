"""The other diagnoses that exclude: infection, liver disease, the gut, bleeding and dependence."""

from tests.builders import (
    SINAI,
    YALE,
    Icd10cm,
    RxNorm,
    Snomed,
    ago,
    condition,
    eligible,
    icd10cm,
    procedure,
    request,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
UNTREATED = eligible(SINAI)
FAIL = "fail/recorded"


# ---- infection ----
def infection(outcome: str) -> Expected:
    return expect_in((SINAI, YALE), active_infection=outcome)


case = chapter.rule("An active infection of a severe kind is unknown, however old")
for name, code in (
    ("sepsis", Snomed.SEPSIS),
    ("hiv", icd10cm("B20")),
    ("hepatitis-b", icd10cm("B18.1")),
    ("tuberculosis", Snomed.ACTIVE_TUBERCULOSIS),
    ("endocarditis", icd10cm("I33.0")),
):
    case(f"infection-severe-{name}", UNTREATED.add(condition(code, "2026-01-10")), infection("unknown"))
SEPSIS_OVER = condition(icd10cm("A41.9"), "2026-11-01", clinical="resolved", abatement="2026-11-12")
case("infection-sepsis-resolved", UNTREATED.add(SEPSIS_OVER), infection("pass"), "resolved it passes")
case = chapter.rule("Any infection begun within 28 days and not resolved is unknown")
for day, outcome in ((28, "unknown"), (29, "pass")):
    case(
        f"infection-cellulitis-day-{day}",
        UNTREATED.add(condition(icd10cm("L03.115"), ago(day))),
        infection(outcome),
    )
case(
    "infection-urinary-resolved",
    UNTREATED.add(condition(icd10cm("N39.0"), "2026-11-12", clinical="resolved")),
    infection("pass"),
)


# ---- liver ----
def liver(outcome: str) -> Expected:
    return expect(SINAI, liver_disease=outcome)


case = chapter.rule("Cirrhosis and chronic active or persistent hepatitis fail")
for name, code in (
    ("cirrhosis-k7469", icd10cm("K74.69")),
    ("primary-biliary-k743", icd10cm("k743")),
    ("lobular-k714", icd10cm("K71.4")),
    ("k7151", icd10cm("K71.51")),
    ("active-hepatitis-snomed", Snomed.CHRONIC_ACTIVE_HEPATITIS),
):
    case(f"liver-{name}", UNTREATED.add(condition(code, "2020-01-01")), liver(FAIL))
case = chapter.rule("Fibrosis, B18, K73.8, K73.9, K75.4 and other chronic liver disease are unknown")
for name, code in (
    ("fibrosis", icd10cm("K74.02")),
    ("k739", icd10cm("K73.9")),
    ("autoimmune", icd10cm("K75.4")),
    # fatty liver is another chronic liver disease
    ("steatosis", icd10cm("K76.0")),
):
    case(f"liver-{name}", UNTREATED.add(condition(code, "2020-01-01")), liver("unknown"))
case = chapter.rule("Liver metastases are no liver disease")
case(
    "liver-metastases",
    UNTREATED.add(condition(Icd10cm.METASTASIS_TO_LIVER, "2026-09-10")),
    liver("pass"),
)


# ---- gut ----
def gut(outcome: str) -> Expected:
    return expect(SINAI, gi_absorption=outcome)


case = chapter.rule("Malabsorption, ulcerative disease, nausea, vomiting or diarrhoea active are unknown")
for name, code in (
    ("coeliac", icd10cm("K90.0")),
    ("ulcerative-colitis", Snomed.ULCERATIVE_COLITIS),
    ("nausea", Snomed.NAUSEA),
    ("diarrhoea", icd10cm("R19.7")),
):
    case(f"gut-{name}", UNTREATED.add(condition(code, "2026-11-01")), gut("unknown"))
case(
    "gut-vomiting-resolved",
    UNTREATED.add(condition(Snomed.VOMITING, "2026-11-01", clinical="resolved")),
    gut("pass"),
    "resolved it passes",
)
case(
    "gut-dysphagia",
    UNTREATED.add(condition(icd10cm("R13.10"), "2026-11-01")),
    gut("pass"),
    "dysphagia is not on the list",
)
case = chapter.rule("A small-bowel resection ever is unknown")
case(
    "gut-small-bowel-resection",
    UNTREATED.add(procedure(Snomed.SMALL_BOWEL_RESECTION, "1999-04-01")),
    gut("unknown"),
)


# ---- bleeding ----
def bleeding(outcome: str) -> Expected:
    return expect(SINAI, bleeding_diathesis=outcome)


case = chapter.rule(
    "Haemophilia, von Willebrand disease, factor deficiency, acquired disorders (D65-D68.4) active fail"
)
for name, code in (
    ("haemophilia-d66", Icd10cm.HAEMOPHILIA),
    ("willebrand-snomed", Snomed.VON_WILLEBRAND_DISEASE),
    ("factor-d682", icd10cm("D68.2")),
    ("anticoagulant-d6832", icd10cm("D68.32")),
):
    case(f"bleeding-{name}", UNTREATED.add(condition(code, "2015-01-01")), bleeding(FAIL))
case(
    "bleeding-dic-resolved",
    UNTREATED.add(condition(icd10cm("D65"), "2025-01-01", clinical="resolved")),
    bleeding("pass"),
    "resolved it passes",
)
case = chapter.rule("D68.8, D68.9, D69.0-D69.4, D69.8 and D69.9 are unknown; thrombophilia, D69.5, D69.6 do not count")
for name, code, outcome in (
    ("d689", icd10cm("D68.9"), "unknown"),
    ("itp-d693", icd10cm("D69.3"), "unknown"),
    ("thrombophilia-d6851", icd10cm("D68.51"), "pass"),
    ("d6959", icd10cm("D69.59"), "pass"),
    ("d696", icd10cm("D69.6"), "pass"),
):
    case(f"bleeding-{name}", UNTREATED.add(condition(code, "2015-01-01")), bleeding(outcome))


# ---- dependence ----
def dependence(outcome: str) -> Expected:
    return expect(SINAI, substance_use=outcome)


case = chapter.rule("Dependence that is not in remission fails")
for name, code in (
    ("alcohol-f1020", Icd10cm.ALCOHOL_DEPENDENCE),
    ("alcohol-snomed", Snomed.ALCOHOL_DEPENDENCE),
    ("cannabis-f1220", icd10cm("F12.20")),
    ("opioid-f1120", Icd10cm.OPIOID_DEPENDENCE),
):
    case(f"use-{name}", UNTREATED.add(condition(code, "2020-01-01")), dependence(FAIL))
case(
    "use-alcohol-f1021-active",
    UNTREATED.add(condition(Icd10cm.ALCOHOL_DEPENDENCE_IN_REMISSION, "2020-01-01")),
    dependence("pass"),
    "F10.21 says remission whatever the clinical status",
)
case = chapter.rule("Opioid dependence with an opioid prescribed, and any abuse, are unknown; nicotine never counts")
case(
    "use-opioid-prescribed",
    UNTREATED.add(condition(Icd10cm.OPIOID_DEPENDENCE, "2026-01-01"), request(RxNorm.MORPHINE, "2026-01-01")),
    dependence("unknown"),
)
case("use-alcohol-abuse", UNTREATED.add(condition(icd10cm("F10.10"), "2020-01-01")), dependence("unknown"))
case("use-nicotine", UNTREATED.add(condition(icd10cm("F17.210"), "2000-01-01")), dependence("pass"))
