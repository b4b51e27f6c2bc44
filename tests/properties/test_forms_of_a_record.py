"""The same resources as a search, a collection, a list or NDJSON are the same record."""

import json

from hypothesis import given
from hypothesis import strategies as st

from service.screening import Screening
from tests.builders import Json, as_json, collection, entry, searchset
from tests.properties.records import MADE, REPEATABLE, SEEDS, answers, differences, generated, made


def _resources(document: Json) -> list[Json]:
    return [entry["resource"] for entry in document["entry"]]


def _names_a_server(document: Json) -> bool:
    """Some reference or page says where the record lies: a bare list would not tell that any more."""
    kept = _resources(document)
    return any(word in json.dumps(kept, default=str) for word in ('"reference": "http', "urn:uuid", '"Bundle"'))


@REPEATABLE
@given(
    st.one_of(
        st.sampled_from(sorted(MADE)).map(made),
        SEEDS.map(generated).filter(lambda document: not _names_a_server(document)),
    )
)
def test_the_form_of_a_document_changes_no_answer(screening: Screening, document: Json) -> None:
    found = _resources(document)
    without_address = [entry(resource, None) for resource in found]
    forms: dict[str, object] = {
        "a collection without addresses": collection(*without_address),
        "a search": searchset(found),
        "a search that tells its total": searchset(found, total=len(found)),
        "a list": found,
        "NDJSON": b"\n".join(map(as_json, found)),
        "NDJSON with a last line end": b"".join(as_json(resource) + b"\n" for resource in found),
        "indented": json.dumps(json.loads(as_json(document)), indent=1).encode(),
    }
    expected = answers(screening, document)
    for name, form in forms.items():
        assert not differences(expected, answers(screening, form)), name
