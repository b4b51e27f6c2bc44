"""Generated patients around eligibility: metastatic breast cancer, mostly fitting, each with a few deviations."""

from collections.abc import Callable

from . import story_body as body
from . import story_cancer as disease
from . import story_drugs as drugs
from . import story_tests as tests
from .chart import AS_OF, ICD, RXNORM, Chart, concept, day, outcome

__all__ = ["AS_OF", "patient"]


def patient(seed: int) -> dict:
    """The Bundle of one made-up patient; the same for the same seed, whatever the order of hashes."""
    chart = Chart(seed)
    gender, age = body.person(chart)
    spread_ago: int | None = chart.pick(20, 40, 60, 100, 150, 250, 400, 600, 800)
    if chart.deviates("cancer") and chart.chance(25):
        spread_ago = None
    disease.cancer(chart, spread_ago)
    disease.receptors(chart)
    _tests(chart)
    _treatment(chart, spread_ago)
    _reproduction(chart, gender, age)
    for topic, story in _STORIES.items():
        if chart.deviates(topic):
            story(chart)
    return chart.bundle()


def _tests(chart: Chart) -> None:
    tests.performance(chart)
    tests.laboratory(chart)
    tests.heart(chart)
    if chart.deviates("lungs"):
        tests.lungs(chart)


def _treatment(chart: Chart, spread_ago: int | None) -> None:
    induced_ago = drugs.treatment(chart, spread_ago)
    if induced_ago is not None and induced_ago > 20:
        disease.disease_status(chart, induced_ago)


def _reproduction(chart: Chart, gender: str, age: int) -> None:
    """Men have none of it, but now and then a record that makes one doubt the gender."""
    if gender == "male":
        if chart.chance(10):
            chart.condition((ICD, "Z90.710"), recordedDate=day(900))
        elif chart.chance(10) and "extension" not in chart.patient:
            drugs.suppression(chart)
        return
    told = body.menopause(chart, age)
    if gender != "female":
        return
    body.pregnancy(chart, told)
    if told == "before" and chart.chance(60):
        drugs.suppression(chart)


def _of_others(chart: Chart) -> None:
    """What a server returned beside the patient's own: of somebody else, of nobody, of another server's patient."""
    if not chart.chance(30):
        return
    subject = chart.pick(
        {"reference": "Patient/somebody-else"},
        {"reference": f"https://elsewhere.example.net/fhir/Patient/{chart.patient['id']}"},
        None,
    )
    if chart.manner == "uuid":
        # A Bundle of urn:uuid does not tell which server the patient is on, so none can be called another.
        subject = {"reference": "Patient/somebody-else"}
    for resource in (
        chart.condition((ICD, "K74.60"), onsetDateTime=day(300)),
        chart.add("MedicationStatement", status="active", medicationCodeableConcept=concept((RXNORM, "1371041"))),
        chart.observation("751-8", {"effectiveDateTime": day(0)}, valueQuantity=tests.quantity(0.2, "10*3/uL")),
    ):
        resource["subject"] = subject
        if subject is None:
            del resource["subject"]


def _cut_short(chart: Chart) -> None:
    """A search that was not read to its end, or an error that tells no type."""
    match chart.between(0, 39):
        case 0 | 1:
            kinds = (
                "Condition",
                "Observation",
                "Procedure",
                "AllergyIntolerance",
                "MedicationStatement",
                "MedicationRequest",
            )
            chart.cut_short = chart.random.choice(kinds)
        case 2:
            chart.outcomes.append(outcome("error"))
        case 3:
            chart.outcomes.append(outcome("warning"))


_STORIES: dict[str, Callable[[Chart], None]] = {
    "diseases": body.diseases,
    "procedures": body.procedures,
    "allergies": body.allergies,
    "other drugs": drugs.other_drugs,
    "others": _of_others,
    "cut short": _cut_short,
}
