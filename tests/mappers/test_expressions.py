"""SNOMED CT expressions: what they are of, and what more they say."""

import pytest

from service.mappers.expressions import focus_of, sites_of

BREAST_CANCER = ("254837009",)


@pytest.mark.parametrize(
    ("written", "focus", "whole"),
    [
        ("254837009", (), False),
        ("LA6576-8", (), False),
        ("C50.911", (), False),
        ("254837009|breast cancer|", BREAST_CANCER, True),
        ("=== 254837009", BREAST_CANCER, True),
        ("<<< 254837009 : 272741003 = 7771000", BREAST_CANCER, True),
        ("254837009 + 416053008", ("254837009", "416053008"), True),
        ("254837009:272741003=7771000,363698007=76752008", BREAST_CANCER, True),
        ("254837009:{272741003=7771000}{363698007=76752008}", BREAST_CANCER, True),
        ("254837009:408729009=410516002", BREAST_CANCER, False),
        ("254837009:{272741003=7771000", BREAST_CANCER, True),
        ("254837009:363698007=(80248007:272741003=7771000)", BREAST_CANCER, False),
        ("254837009:", (), False),
        ("(254837009)", (), False),
        ("254837009:" + "2" * 2000, (), False),
    ],
)
def test_an_expression_is_of_its_focus_concepts(written: str, focus: tuple[str, ...], whole: bool) -> None:
    assert focus_of(written) == (focus, whole)


@pytest.mark.parametrize(
    ("written", "sites"),
    [
        ("128462008:363698007=10200004", ("10200004",)),
        ("128462008:{363698007=10200004}{363698007=39607008}", ("10200004", "39607008")),
        ("128462008:272741003=7771000", ()),
        ("128462008:363698007=(80248007:272741003=7771000)", ()),
        ("128462008", ()),
        ("a=b", ()),
    ],
)
def test_an_expression_tells_finding_sites(written: str, sites: tuple[str, ...]) -> None:
    assert sites_of(written) == sites
