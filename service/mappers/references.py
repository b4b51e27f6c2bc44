"""What a reference leads to, inside one record."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from service.mappers import wire
from service.mappers.documents import Item, PassedOver
from service.mappers.identity import without_version


class References:
    """Finds resources when others refer to them; `base` is the patient's own server. `passed_over` are further
    resources of the patient's, which hardly anything but a reference asks for."""

    def __init__(self, items: Sequence[Item] = (), base: str = "", passed_over: PassedOver | None = None) -> None:
        self._items = items
        self._base = base
        self.passed_over = passed_over or PassedOver()
        self._by_name: dict[str, Item | None] | None = None

    def and_more(self, items: Sequence[Item]) -> "References":
        """These with further items, which come last."""
        more = References([*self._items, *items], self._base, self.passed_over)
        if self._by_name is not None:
            more._by_name = self._by_name | _found_by_name(items, self._base)
        return more

    def find(self, reference: str) -> Item | None:
        """The item a reference leads to, inside this record. The id alone counts only within the patient's server."""
        if self._by_name is None:
            self._by_name = _found_by_name(self._items, self._base)
        plain = without_version(reference)
        found = self._named(plain)
        if found is None and self._base and plain.startswith(self._base):
            found = self._named(plain[len(self._base) :])
        elif found is None and not self._base and plain.startswith(("http://", "https://")):
            found = self._named("/".join(plain.rsplit("/", 2)[1:]))
            if found is not None and found.full_url:
                found = None
        return found

    def _named(self, name: str) -> Item | None:
        known = self._by_name
        assert known is not None
        found = known.get(name)
        if found is None and self.passed_over.texts:
            kind, _, identifier = name.partition("/")
            raw = self.passed_over.texts.get(kind, {}).get(identifier)
            if raw is not None:
                found = known[name] = Item(wire.decode_resource(raw), raw)
        return found


def _found_by_name(items: Sequence[Item], base: str) -> dict[str, Item | None]:
    """Items by the references that lead to them; None where one leads to several that say different things, of which
    none is known to be the newer."""
    found: dict[str, Item | None] = {}
    for name, item in _names(items, base):
        if name not in found:
            found[name] = item
        elif (other := found[name]) is not None and not _say_the_same(other.resource, item.resource):
            found[name] = None
    return found


def _say_the_same(one: wire.Resource, other: wire.Resource) -> bool:
    return one is other or (one.__class__ is other.__class__ and replace(one, meta=None) == replace(other, meta=None))


def _names(items: Sequence[Item], base: str) -> Iterable[tuple[str, Item]]:
    """Under which references items are found: a relative one leads only to what is on the patient's server, or on none
    that is told."""
    for item in items:
        if item.resource.id and (not base or not item.full_url or item.full_url.startswith((base, "urn:"))):
            yield f"{type(item.resource).__name__}/{item.resource.id}", item
        if item.full_url:
            yield without_version(item.full_url), item
