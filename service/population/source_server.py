"""A FHIR server as the source of a population: what is asked of it. Asking is for `staging`."""

import msgspec

from service.population.export_order import Level


class Server(msgspec.Struct, frozen=True, omit_defaults=True):
    """A FHIR server as a source: which patients, and how they are asked for."""

    base: str
    query: str = "Patient"
    group: str = ""
    bulk: bool = False
    since: str = ""
    level: Level = "auto"  # of an export that is not of a group
    longest_wait: float = (
        0  # seconds between two questions about an export; 0: as long as the server asks, within bounds
    )


def options_of(server: Server) -> dict[str, str]:
    """What of a server is part of the question."""
    plain = msgspec.to_builtins(msgspec.structs.replace(server, longest_wait=0))
    return {name: str(value) for name, value in plain.items()}
