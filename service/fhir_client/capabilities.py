"""What a server says that it can do: the parts of a CapabilityStatement that are read
(https://hl7.org/fhir/R4/capabilitystatement.html)."""

import msgspec

from service.fhir_client.servers import Server


class Named(msgspec.Struct):
    name: str = ""


class Offered(msgspec.Struct):
    """What is offered of a resource type."""

    type: str = ""
    searchParam: list[Named] | None = None
    operation: list[Named] | None = None


class Rest(msgspec.Struct):
    resource: list[Offered] | None = None
    operation: list[Named] | None = None


class Capabilities(msgspec.Struct):
    """That it is a CapabilityStatement, the client has seen to."""

    fhirVersion: str = ""
    rest: list[Rest] | None = None

    @property
    def whole(self) -> Rest:
        """The server's own side, which stands first."""
        return self.rest[0] if self.rest else Rest()

    @property
    def types(self) -> frozenset[str]:
        return frozenset(offered.type for rest in self.rest or () for offered in rest.resource or ())


def capabilities(server: Server, deadline: float) -> tuple[Capabilities | None, str]:
    """What a server says by a deadline (of time.monotonic()), or None and why there is nothing."""
    answer = server.metadata(deadline)
    if not answer.complete or not answer.pages:
        return None, answer.problem or "nothing came"
    try:
        return msgspec.json.decode(answer.pages[0], type=Capabilities), ""
    except msgspec.DecodeError:
        return None, "it is malformed"
