"""What each sample patient is there to show, and what the trials are expected to say of them as of `AS_OF`."""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from service.criteria.logic import Grade
from service.demo import patient_bundles


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trial's grade, all criteria that fail or are unknown, and those that this record gives to a person."""

    grade: Grade
    fail: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    review: frozenset[str] = frozenset()


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sample patient: the id of the Patient resource, one line for the reader, what each trial says."""

    id: str
    story: str
    expected: dict[str, Expected]


@cache
def stories() -> tuple[Story, ...]:
    """Every sample patient's story, in the order in which they are shown."""
    source = files("service.demo") / "stories.yaml"
    return msgspec.yaml.decode(source.read_bytes(), type=tuple[Story, ...])


def demo_patients() -> list[dict[str, str]]:
    """The sample patients for a page to choose from: id, name, story, birthDate and gender, in the stories' order."""
    patients = {
        entry["resource"]["id"]: entry["resource"]
        for bundle in patient_bundles()
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "Patient"
    }
    return [_listed(story, patients[story.id]) for story in stories()]


def _listed(story: Story, patient: dict[str, Any]) -> dict[str, str]:
    return {
        "id": story.id,
        "name": patient["name"][0]["text"],
        "story": story.story,
        "birthDate": patient["birthDate"],
        "gender": patient["gender"],
    }
