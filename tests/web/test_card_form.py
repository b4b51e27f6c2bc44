"""The members of a card that clients check: nothing that CDS Hooks 2.0 does not know, addresses that lead somewhere."""

from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.builders import SINAI, Json, eligible
from tests.web.conftest import Serve, call_body, called

CARD = {"uuid", "summary", "indicator", "detail", "source", "links", "selectionBehavior", "suggestions",
    "overrideReasons", "extension"}  # fmt: skip
PUBLIC = "https://trials.example.org/hooks"


@pytest.fixture
def cards(serve: Serve) -> list[Json]:
    client = serve(PUBLIC_URL=PUBLIC, SMART_APP_URL="https://app.example.org/launch")
    found = called(client, call_body(eligible(SINAI).drop("lvef")))
    assert found
    return found


def absolute(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" and bool(parts.hostname)


def test_a_card_has_the_members_of_the_standard_and_no_others(cards: list[Json]) -> None:
    for card in cards:
        assert set(card) == CARD
        assert list(card["extension"]) == ["org.trialhook.result"]


def test_a_source_has_a_label_an_address_and_a_topic(cards: list[Json]) -> None:
    for card in cards:
        assert set(card["source"]) == {"label", "url", "topic"}
        assert card["source"]["url"] == PUBLIC
        assert set(card["source"]["topic"]) == {"system", "code", "display"}
        assert absolute(card["source"]["topic"]["system"])


def test_without_an_address_of_ours_a_source_has_none(serve: Serve) -> None:
    assert all("url" not in card["source"] for card in called(serve(), call_body()))


def test_links_are_absolute_and_only_a_smart_one_has_a_context(cards: list[Json]) -> None:
    for card in cards:
        assert {link["type"] for link in card["links"]} == {"absolute", "smart"}
        for link in card["links"]:
            assert absolute(link["url"])
            assert link["label"]
            assert ("appContext" in link) is (link["type"] == "smart")
            assert set(link) <= {"label", "url", "type", "appContext"}
            assert "p1" not in urlsplit(link["url"]).query


def test_suggestions_have_a_label_a_uuid_and_something_to_do(cards: list[Json]) -> None:
    seen = [card["uuid"] for card in cards]
    for card in cards:
        for suggestion in card["suggestions"]:
            assert set(suggestion) == {"label", "uuid", "actions"}
            assert suggestion["label"]
            assert UUID(suggestion["uuid"]).version == 4
            assert suggestion["actions"]
            assert all(set(action) == {"type", "description", "resource"} for action in suggestion["actions"])
            seen.append(suggestion["uuid"])
    assert len(set(seen)) == len(seen)
