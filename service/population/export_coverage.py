"""For which resource types the silence of an export is not proven, and why.

A type of which nothing came counts as one of which there is nothing only where all of this holds: the job was whole, no
file, line or count of the type is in doubt, the token stands for reading it in full, no filter and no `_since` held
anything back, and the server says in its CapabilityStatement that it has the type (one that does not may have passed
over it without a word). As for single patients, a server may lack some of the resources that tell of drugs, not all.
Types posted one by one count only where two of them came: some servers read the first and pass over the others.
"""

from collections.abc import Collection, Iterable

from service.mappers.record import MEDICATION_TYPES
from service.population.export_job import Order
from service.population.spill import Gap

DRUG_TYPES = frozenset(MEDICATION_TYPES)


def coverage(
    order: Order,
    arrived: Collection[str],
    doubts: Iterable[Gap],
    not_granted: Collection[str],
    supported: Collection[str] | None,
    method: str = "get",
) -> tuple[Gap, ...]:
    """The gaps of an export: `arrived` are types of which resources came, `doubts` what its files and errors gave rise
    to, `supported` the types that the server says it has, if it says so, `method` how it was asked."""
    lacking = [kind for kind in order.types if kind in not_granted]
    gaps = [Gap(kind, "the access token does not stand for reading it in full") for kind in lacking]
    if order.since:
        gaps.append(Gap("*", "only what changed since a moment was exported"))
    filtered = sorted({text.partition("?")[0] for text in order.type_filters})
    gaps += [Gap(kind, "only what fits a filter was exported") for kind in filtered]
    gaps += doubts
    silent = [kind for kind in order.types if kind not in arrived]
    if method == "post" and len(arrived) < 2 <= len(order.types):
        gaps += [Gap(kind, "nothing came, and the server may have read only one of the types") for kind in silent]
    gaps += _silent(silent, order.types, supported)
    return tuple(dict.fromkeys(gaps))


def _silent(silent: Collection[str], types: Collection[str], supported: Collection[str] | None) -> list[Gap]:
    """The gaps among types of which nothing came."""
    gaps = [Gap("Patient", "no Patient came")] if "Patient" in silent else []
    others = [kind for kind in silent if kind != "Patient"]
    if supported is None:
        return gaps + [Gap(kind, "nothing came, and the server does not say which types it has") for kind in others]
    lacking = {kind for kind in others if kind not in supported}
    drugs = DRUG_TYPES & set(types)
    harmless = lacking & drugs if not drugs <= lacking else set()
    return gaps + [Gap(kind, "the server does not say that it has this type") for kind in sorted(lacking - harmless)]
