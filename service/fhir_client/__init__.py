"""Reading from FHIR servers: only listed ones, only GET, within a deadline and a number of bytes, all pages followed.

What a server says is returned as an `Answer`, complete or with the reason why not; what it means is the mappers' part.
"""

from service.fhir_client.addresses import NotAllowed
from service.fhir_client.answers import Answer
from service.fhir_client.servers import FhirServers, Server

__all__ = ["Answer", "FhirServers", "NotAllowed", "Server"]
