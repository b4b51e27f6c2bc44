"""Reading from FHIR servers: only listed ones, within a deadline and a number of bytes, all pages followed.

What a server says is returned as an `Answer`, complete or with the reason why not; what it means is the mappers' part.
Jobs and files (`Remote`) and tokens of our own (`Backend`) serve the screening of populations.
"""

from service.fhir_client.access import Access, Bearer, NotAuthorized
from service.fhir_client.addresses import NotAllowed, in_clear_text
from service.fhir_client.answers import Answer
from service.fhir_client.backend import Backend, BackendAccess
from service.fhir_client.remote import Remote
from service.fhir_client.servers import FhirServers, Server

__all__ = [
    "Access",
    "Answer",
    "Backend",
    "BackendAccess",
    "Bearer",
    "FhirServers",
    "NotAllowed",
    "NotAuthorized",
    "Remote",
    "Server",
    "in_clear_text",
]
