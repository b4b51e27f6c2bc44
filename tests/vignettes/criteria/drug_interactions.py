"""NCT03304080's strong CYP3A4 inducers and inhibitors and sensitive substrates."""

from tests.builders import (
    SINAI,
    RxNorm,
    Snomed,
    administration,
    ago,
    eligible,
    period,
    request,
    statement,
)
from tests.vignettes.vignette import Chapter, Expected, expect

chapter = Chapter()
UNTREATED = eligible(SINAI)


def cyp3a4(outcome: str) -> Expected:
    return expect(SINAI, cyp3a4=outcome)


case = chapter.rule("A listed drug that is active fails, of any term type and in a combination")
for name, drug in (
    ("phenytoin-brand", RxNorm.DILANTIN),
    ("fosphenytoin", RxNorm.FOSPHENYTOIN),
    ("rifampin-combination", RxNorm.ISONIAZID_RIFAMPIN),
    ("st-johns-wort", RxNorm.ST_JOHNS_WORT),
    ("lopinavir-ritonavir", RxNorm.LOPINAVIR_RITONAVIR),
    ("verapamil-combination", RxNorm.TRANDOLAPRIL_VERAPAMIL),
    ("fentanyl-patch", RxNorm.FENTANYL_PATCH),
    ("tacrolimus-capsule", RxNorm.TACROLIMUS_CAPSULE),
    ("ergotamine-caffeine", RxNorm.ERGOTAMINE_CAFFEINE),
):
    case(f"cyp-{name}", UNTREATED.add(request(drug, "2026-06-01")), cyp3a4("fail/recorded"))
case = chapter.rule("A topical or ophthalmic form does not count, by the code or the route")
for name, drug, route in (
    ("tacrolimus-ointment", RxNorm.TACROLIMUS_OINTMENT, None),
    ("ketoconazole-shampoo", RxNorm.KETOCONAZOLE_SHAMPOO, None),
    ("ciclosporin-eye", RxNorm.CICLOSPORIN_EYE_DROPS, None),
    ("ketoconazole-route", RxNorm.KETOCONAZOLE, Snomed.TOPICAL),
):
    case(f"cyp-{name}", UNTREATED.add(request(drug, "2026-06-01", route=route)), cyp3a4("pass"))
case = chapter.rule("Another strong inhibitor or inducer that is active is for review")
for name, drug in (
    ("cobicistat", RxNorm.COBICISTAT),
    ("tucatinib", RxNorm.TUCATINIB_TABLET),
    ("ribociclib", RxNorm.RIBOCICLIB_TABLET),
    ("enzalutamide", RxNorm.ENZALUTAMIDE),
):
    case(f"cyp-unlisted-{name}", UNTREATED.add(request(drug, "2026-06-01")), cyp3a4("review/manual"))
case = chapter.rule("A course that is over and a single dose are not active")
case(
    "cyp-completed",
    UNTREATED.add(statement(RxNorm.CLARITHROMYCIN_TABLET, "2026-10-01", "2026-10-08")),
    cyp3a4("pass"),
)
case(
    "cyp-single-dose",
    UNTREATED.add(administration(RxNorm.FENTANYL, ago(14), route=Snomed.INTRAVENOUS)),
    cyp3a4("pass"),
)
case = chapter.rule("An administration is a point in time; one in progress with an open period may go on")
for name, on, status, outcome in (
    ("open", period(ago(14)), "in-progress", "unknown/missing"),
    ("open-today", period(ago(0)), "in-progress", "fail/recorded"),
    ("closed", period(ago(14), ago(13)), "in-progress", "pass"),
    ("moment", ago(14), "in-progress", "pass"),
    ("open-completed", period(ago(14)), "completed", "pass"),
):
    given = administration(RxNorm.FENTANYL, on, status=status, route=Snomed.INTRAVENOUS)
    case(f"cyp-administration-{name}", UNTREATED.add(given), cyp3a4(outcome))
