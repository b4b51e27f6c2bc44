"""The demo's resources in memory, by type and id."""

from collections.abc import Iterable
from typing import Any

from service.demo import patient_bundles
from service.demo.parameters import PARAMETERS

Json = dict[str, Any]


class Store:
    """Resources of the types that can be searched; read-only once made."""

    def __init__(self, resources: Iterable[Json] = ()) -> None:
        """ValueError for a resource without an id, of a type that cannot be searched, or there twice."""
        self._by_type: dict[str, dict[str, Json]] = {kind: {} for kind in PARAMETERS}
        for resource in resources:
            kind, logical_id = resource["resourceType"], resource.get("id")
            if kind not in self._by_type:
                raise ValueError(f"{kind} is not served; known are {', '.join(PARAMETERS)}")
            if not logical_id or logical_id in self._by_type[kind]:
                raise ValueError(f"{kind}: an id was expected that no other {kind} has")
            self._by_type[kind][logical_id] = resource

    @classmethod
    def of_bundles(cls, bundles: Iterable[Json]) -> "Store":
        return cls(entry["resource"] for bundle in bundles for entry in bundle["entry"])

    def read(self, kind: str, logical_id: str) -> Json | None:
        return self._by_type[kind].get(logical_id)

    def of_type(self, kind: str) -> list[Json]:
        """All of a type, in the order in which they came."""
        return list(self._by_type[kind].values())


def demo_store() -> Store:
    """The sample patients' resources."""
    return Store.of_bundles(patient_bundles())
