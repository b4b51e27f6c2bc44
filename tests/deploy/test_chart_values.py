"""The chart's schema takes what is right and refuses what is misspelt; its templates use values that there are."""

import copy
import json
import re
from typing import Any

import jsonschema
import pytest

from service.settings import SETTINGS
from tests.deploy.places import CHART, EXAMPLE_VALUES, read_yaml

SCHEMA = json.loads((CHART / "values.schema.json").read_text("utf-8"))
VALUES = read_yaml(CHART / "values.yaml")
TEMPLATES = "\n".join(path.read_text("utf-8") for path in sorted((CHART / "templates").iterdir()))
# what the chart sets from values of its own
OF_THE_CHART = {
    "AUTH", "CLIENTS", "PUBLIC_URL", "FHIR_ALLOWED", "DATABASE_URL", "SECRET", "BACKEND_KEY", "DECISION_KEY",
    "AUDIT_TOKEN",
}  # fmt: skip


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """As Helm merges values: maps are joined, everything else is replaced."""
    both = copy.deepcopy(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def problems(values: dict[str, Any]) -> list[str]:
    return [error.json_path for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(values)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("given", [{}, read_yaml(EXAMPLE_VALUES)], ids=["defaults", "example"])
def test_what_is_right_is_taken(given: dict[str, Any]) -> None:
    assert problems(merged(VALUES, given)) == []


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        pytest.param({"replica": 2}, "$", id="an unknown value"),
        pytest.param({"auth": "basic"}, "$.auth", id="an unknown way of authentication"),
        pytest.param({"image": {"digest": "sha256:12"}}, "$.image.digest", id="half a digest"),
        pytest.param({"publicUrl": "trials.example.org"}, "$.publicUrl", id="an address without a scheme"),
        pytest.param({"settings": {"TRIALHOOK_TIMEZONE": "UTC"}}, "$.settings", id="a setting with its prefix"),
        pytest.param({"settings": {"SECRET": "x"}}, "$.settings", id="a secret among the settings"),
        pytest.param({"settings": {"TIME_BUDGET_MS": 500}}, "$.settings.TIME_BUDGET_MS", id="a setting not as text"),
        pytest.param({"threads": 1}, "$.threads", id="too few threads"),
        pytest.param({"fhirAllowed": ["https://user@host/r4"]}, "$.fhirAllowed[0]", id="credentials in an address"),
        pytest.param(
            {"clients": {"https://ehr.example.org": {}}}, "$.clients['https://ehr.example.org']", id="no keys"
        ),
        pytest.param(
            {"networkPolicy": {"fhir": [{"peers": [], "port": 443}]}},
            "$.networkPolicy.fhir[0].peers",
            id="a rule for nobody, which would be one for everybody",
        ),
        pytest.param({"screening": {"options": ["csv"]}}, "$.screening.options[0]", id="an option that is none"),
    ],
)
def test_what_is_wrong_is_refused_at_its_place(wrong: dict[str, Any], place: str) -> None:
    assert problems(merged(VALUES, wrong)) == [place]


def test_every_setting_can_be_given() -> None:
    allowed = set(SCHEMA["properties"]["settings"]["propertyNames"]["enum"])
    assert allowed == {setting.name for setting in SETTINGS} - OF_THE_CHART
    assert {f"TRIALHOOK_{name}" for name in ("AUTH", "CLIENTS", "PUBLIC_URL")} <= set(
        re.findall(r"TRIALHOOK_[A-Z_]+", TEMPLATES)
    )


def test_secret_settings_come_from_secrets_alone() -> None:
    secret = {setting.name for setting in SETTINGS if setting.secret}
    assert secret <= OF_THE_CHART
    for name in secret:
        assert f"TRIALHOOK_{name}_FILE" in TEMPLATES
        assert not re.search(rf"TRIALHOOK_{name}\b(?!_FILE)", TEMPLATES)


def test_templates_use_values_that_there_are() -> None:
    for path in set(re.findall(r"\.Values\.([A-Za-z.]+)", TEMPLATES)):
        found: Any = VALUES
        for name in path.split("."):
            assert name in found, path
            found = found[name]


def test_every_value_is_used() -> None:
    used = {path.partition(".")[0] for path in re.findall(r"\.Values\.([A-Za-z.]+)", TEMPLATES)}
    assert used == VALUES.keys()
