"""`needed` leaves no unknown criterion without a way to settle it, and `smallestSets` name nothing else."""

from hypothesis import example, given

from service.screening import Screening
from tests.builders import AS_OF
from tests.properties.records import BUNDLES, REPEATABLE, Json, as_json, generated


@REPEATABLE
@given(BUNDLES)
def test_every_unknown_criterion_of_a_possible_trial_has_a_need(screening: Screening, document: Json) -> None:
    for trial in screening.screen(screening.read(as_json(document), "record"), AS_OF.toordinal()).results:
        unknown = {c.id for c in trial.criteria if c.outcome == "unknown"}
        settled = {name for need in trial.needed for name in need.settles}
        assert settled == (unknown if trial.grade == "possible" else set())


@REPEATABLE
@given(BUNDLES)
@example(generated(215))  # no gender, no pregnancy test, little else missing
def test_the_smallest_sets_are_of_needed_inputs(screening: Screening, document: Json) -> None:
    for trial in screening.screen(screening.read(as_json(document), "record"), AS_OF.toordinal()).results:
        if not trial.smallest_sets:
            assert trial.grade != "possible"
            continue
        needed = {need.input for need in trial.needed}
        for sets in (trial.smallest_sets.probable, trial.smallest_sets.certainly_not):
            assert all(set(names) <= needed for names in sets)
            assert not any(set(one) < set(other) for one in sets for other in sets)
