"""What a result is about: `focus` may name another cancer than the one that a rule asks about."""

from collections.abc import Iterable

from service.criteria.facts import Measurement

BREAST = frozenset({"breast-cancer", "breast-cancer-history"})
OTHER_PRIMARIES = frozenset({"other-malignancy", "cervix-cancer"})


def is_about_another(m: Measurement, own: frozenset[str], another: frozenset[str]) -> bool:
    """Whether the Conditions in a result's focus are other cancers, by the concepts of this one and of others."""
    return bool(m.focus) and m.focus.isdisjoint(own) and not m.focus.isdisjoint(another)


def of_breast(results: Iterable[Measurement]) -> list[Measurement]:
    """Without the results of another primary: receptors and HER2 are asked of breast cancer."""
    return [m for m in results if not m.focus or not is_about_another(m, BREAST, OTHER_PRIMARIES)]
