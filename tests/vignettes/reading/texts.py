"""Diagnoses, procedures and allergies that are told by text alone: none decides, and none that excludes is silence."""

from tests.builders import (
    ASPIRE,
    SINAI,
    YALE,
    Json,
    Loinc,
    Record,
    Snomed,
    ajcc,
    allergy,
    concept,
    condition,
    eligible,
    icd10cm,
    observation,
    procedure,
    younger,
)
from tests.vignettes.vignette import Chapter, Expected, expect, expect_in

chapter = Chapter()
UNTREATED = eligible(SINAI)
RECENT = "2026-11-20"


def named(text: str) -> Json:
    return condition(concept(text=text), RECENT)


def show(group: str, record: Record, texts: tuple[str, ...], expected: Expected) -> None:
    for number, text in enumerate(texts, 1):
        case(f"text-{group}-{number}", record.add(named(text)), expected, text)


def heart(outcome: str) -> Expected:
    return expect(SINAI, cardiac_event=outcome)


def yale(outcome: str) -> Expected:
    return expect(YALE, cardiac_event=outcome)


def infection(outcome: str) -> Expected:
    return expect_in((SINAI, YALE), active_infection=outcome)


def liver(outcome: str) -> Expected:
    return expect(SINAI, liver_disease=outcome)


def gut(outcome: str) -> Expected:
    return expect(SINAI, gi_absorption=outcome)


def bleeding(outcome: str) -> Expected:
    return expect(SINAI, bleeding_diathesis=outcome)


def use(outcome: str) -> Expected:
    return expect(SINAI, substance_use=outcome)


def another(outcome: str) -> Expected:
    return expect(SINAI, other_malignancy=outcome)


def bearing(outcome: str) -> Expected:
    return expect_in((SINAI, YALE), pregnancy_lactation=outcome)


case = chapter.rule("A text alone that names what excludes, in the words of a chart, is unknown")
for group, expected, texts in (
    ("malignancy", another, ("Colon CA", "Ca ovary 2025", "NHL", "RCC, L kidney")),
    ("heart-failure", heart, ("CHF", "HFrEF, EF 35%", "Heart failure without hypertension")),
    ("nyha", lambda outcome: expect(SINAI, heart_failure=outcome), ("NYHA III", "NYHA class 4")),
    ("infarction", heart, ("h/o MI", "NSTEMI", "Inferior MI s/p PCI")),
    ("angina", heart, ("ACS", "R/o ACS", "Crescendo angina")),
    ("stroke", yale, ("s/p CVA", "Lacunar infarct", "Stroke without residual deficits")),
    ("arrhythmia", heart, ("A-fib", "PAF on apixaban", "NSVT", "Prolonged QTc", "Mobitz II", "3rd degree AV block")),
    (
        "infection",
        infection,
        ("Hep B carrier", "HCV", "HIV, undetectable", "PNA", "C. diff", "UTI", "Cellulitis L leg"),
    ),
    ("liver", liver, ("Liver cirrhosis due to NASH", "Alcoholic cirrhosis of liver without ascites", "NAFLD")),
    ("gut", gut, ("N/V", "Crohn's disease", "PUD", "Celiac sprue", "s/p small bowel resection")),
    ("bleeding", bleeding, ("vWD type 1", "Factor VIII deficiency", "ITP", "Coagulopathy")),
    ("use", use, ("EtOH abuse", "OUD", "IVDU", "Alcohol use disorder, severe")),
):
    show(group, UNTREATED, texts, expected("unknown"))
show("pregnant", younger(SINAI), ("G2P1 at 20 wks", "IUP 12 weeks gestation", "Breastfeeding"), bearing("unknown"))

case = chapter.rule("A text about another person, a test, a vaccination or what is not there is silence")
for group, expected, texts in (
    ("malignancy", another, ("FHx ovarian cancer", "Colon cancer screening", "Breast cancer (HCC)")),
    ("heart", heart, ("No CHF", "MI ruled out", "Father with heart attack", "Denies CHF, MI or A-fib")),
    ("stroke", yale, ("Stroke risk assessment", "CVA tenderness", "TIA")),
    ("infection", infection, ("HIV negative", "Hepatitis B vaccination", "Screening for TB", "Hearing aids")),
    ("liver", liver, ("Family history of cirrhosis", "Liver metastases")),
    ("gut", gut, ("Denies nausea, vomiting or diarrhea", "Diabetic foot ulcer")),
    ("bleeding", bleeding, ("Family history of hemophilia", "Factor V Leiden")),
    ("use", use, ("Tobacco use disorder", "Alcoholic father", "Physical abuse")),
):
    show(f"silent-{group}", UNTREATED, texts, expected("pass"))
show("silent-pregnant", younger(SINAI), ("Not currently pregnant", "Pregnancy test negative"), bearing("pass"))

case = chapter.rule("A text that says only history, or in remission, is read as a code that says so")
for group, expected, texts in (
    ("heart", heart, ("History of heart failure", "h/o A-fib", "Atrial fibrillation, resolved")),
    ("infection", infection, ("s/p pneumonia", "Sepsis, resolved")),
    ("use", use, ("Alcohol dependence in remission", "Hx of IVDU")),
):
    show(f"past-{group}", UNTREATED, texts, expected("pass"))

# ---- cancer again ----
EARLY = eligible(YALE).drop("metastasis").add(observation(Loinc.STAGE_CLINICAL, ajcc("2"), "2019-06-01"))


def again(outcome: str) -> Expected:
    return expect_in((SINAI, YALE), metastatic_breast_cancer=outcome)


case = chapter.rule(
    "A recurrence told in words stands beside an early stage: unknown; told by a code, as by the status"
)
show(
    "recurrence",
    EARLY,
    ("Recurrent breast cancer", "Breast ca, local recurrence", "Stage IV breast ca"),
    again("unknown"),
)
show(
    "no-recurrence", EARLY, ("Breast cancer, no evidence of recurrence", "Non-metastatic breast cancer"), again("fail")
)
RECURRENT = concept(icd10cm("C50.911"), text="Recurrent breast cancer")
case("text-recurrence-beside-a-code", EARLY.add(condition(RECURRENT, "2026-09-01")), again("unknown"))
case(
    "code-of-recurrence",
    EARLY.add(condition(Snomed.RECURRENT_BREAST_CANCER, "2026-09-01")),
    expect(SINAI, metastatic_breast_cancer="unknown") | expect(YALE, metastatic_breast_cancer="pass/recorded"),
)

# ---- menopause ----
MENSTRUATING = (
    younger(SINAI).drop("goserelin").add(observation(Loinc.LAST_MENSTRUAL_PERIOD, {"valueDateTime": "2026-09-01"}))
)


def past_menopause(outcome: str) -> Expected:
    return expect(SINAI, menopause_or_suppression=outcome) | expect(ASPIRE, postmenopausal=outcome)


case = chapter.rule("Ovaries removed or a menopause, told in words, leave it open beside a recent period")
show("menopause", MENSTRUATING, ("s/p TAH-BSO", "Menopausal", "Bilateral oophorectomy"), past_menopause("unknown"))
show("no-menopause", MENSTRUATING, ("s/p TAH", "Left oophorectomy", "Not menopausal"), past_menopause("fail"))
case("text-procedure-bso", MENSTRUATING.add(procedure(concept(text="TAH/BSO"), "2020-02")), past_menopause("unknown"))

# ---- treatments ----
case = chapter.rule("A text alone names a treatment by its abbreviations, too, unless it tells of a plan or a visit")
for text, outcome in (
    ("XRT L breast", "unknown"),
    ("WBRT", "unknown"),
    ("Radiotherapy following lumpectomy", "unknown"),
    ("Chemo C2D1", "unknown"),
    ("Radiation oncology follow-up", "pass"),
    ("Chemo port flush", "pass"),
    ("RT-PCR", "pass"),
):
    case(
        f"text-therapy-{text.replace(' ', '-')}",
        eligible(ASPIRE).add(procedure(concept(text=text), "2026-11-15")),
        expect(ASPIRE, recent_chemo_radiotherapy=outcome),
    )
for text, outcome in (
    ("Ileocecal resection", "unknown"),
    ("History of small bowel resection", "unknown"),
    ("Small bowel follow-through", "pass"),
):
    case(
        f"text-bowel-{text.replace(' ', '-')}",
        UNTREATED.add(procedure(concept(text=text), "2015-11-15")),
        gut(outcome),
    )

# ---- allergies ----
case = chapter.rule("An allergy told by the name of a class is unknown; one that is denied is none")
for text, outcome in (
    ("CDK4/6 inhibitors", "unknown"),
    ("aromatase inhibitors", "unknown"),
    ("anti-HER2 antibodies", "unknown"),
    ("No allergy to trastuzumab", "pass"),
):
    case(
        f"text-allergy-{text.replace(' ', '-').replace('/', '-')}",
        UNTREATED.add(allergy(concept(text=text))),
        expect(SINAI, allergy=outcome),
    )
