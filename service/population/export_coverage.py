"""For which resource types the silence of an export is not proven, and why.

A type of which nothing came counts as one of which there is nothing only where all of this holds: the job was whole, no
file, line or count of the type is in doubt, the token stands for reading it in full, no filter and no `_since` held
anything back, the server says in its CapabilityStatement that it has the type, and it says that there is nothing of it:
by an empty file, or by a search that counts none, of all patients or of each of a Group's. A manifest that lacks the
type does not.

As for single patients, a server may lack some of the resources that tell of drugs, not all; a Medication is missed
where one is referred to. Types posted one by one count only where two of them came: some servers read the first and
pass over the others.
"""

from collections.abc import Collection, Iterable

import msgspec

from service.mappers.record import MEDICATION_TYPES
from service.population.export_order import Order
from service.population.spill import Gap

DRUG_TYPES = frozenset(MEDICATION_TYPES)


class Said(msgspec.Struct, frozen=True):
    """What a server said of its resource types: those of which resources `arrived`, those of which it says that it has
    `none`, those it says it supports, if it says so, and those it `refused` to export."""

    arrived: Collection[str]
    none: Collection[str] = ()
    supported: Collection[str] | None = None
    refused: Collection[str] = ()


def coverage(
    order: Order, said: Said, doubts: Iterable[Gap], not_granted: Collection[str], method: str = "get"
) -> tuple[Gap, ...]:
    """The gaps of an export: `doubts` are what its files and errors gave rise to, `method` is how it was asked."""
    # there is no token for a type that a server does not have; that it says nothing of it is judged as without tokens
    had = set(order.types if said.supported is None else said.supported)
    lacking = [kind for kind in order.types if kind in not_granted and kind in had]
    gaps = [Gap(kind, "the access token does not stand for reading it in full") for kind in lacking]
    if order.since:
        gaps.append(Gap("*", "only what changed since a moment was exported"))
    filtered = sorted({text.partition("?")[0] for text in order.type_filters})
    gaps += [Gap(kind, "only what fits a filter was exported") for kind in filtered]
    gaps += doubts
    doubtful = {gap.type for gap in gaps}
    silent = [kind for kind in silent_types(order.types, {*said.arrived, *said.none}) if not doubtful & {kind, "*"}]
    if method == "post" and len(said.arrived) < 2 <= len(order.types):
        gaps += [Gap(kind, "nothing came, and the server may have read only one of the types") for kind in silent]
    else:
        gaps += [Gap(kind, _reason(kind, said)) for kind in silent]
    if "Patient" in order.types and "Patient" not in said.arrived:
        gaps.append(Gap("Patient", "no Patient came"))
    return tuple(dict.fromkeys(gaps))


def silent_types(types: Collection[str], told: Collection[str]) -> list[str]:
    """The types that nothing is known of, and whose silence would be an answer. `told`: those of which resources came
    or the server says that there are none."""
    silent = [kind for kind in types if kind not in told and kind not in ("Patient", "Medication")]
    return [kind for kind in silent if kind not in DRUG_TYPES] if DRUG_TYPES & set(told) else silent


def _reason(kind: str, said: Said) -> str:
    """Why the silence about a type proves nothing."""
    if kind in said.refused:
        return "the server does not export this type"
    if said.supported is None:
        return "nothing came, and the server does not say which types it has"
    if kind not in said.supported:
        return "the server does not say that it has this type"
    return "nothing came, and the server does not say that there is nothing of it"
