"""FHIR R4 AuditEvents: who used which patient's data, when, for which trials, and whether it succeeded.

They go to the database, a file a day, or a FHIR server; here, and only here, a patient is named.
"""

from service.audit_events.access import Access, TrialRead
from service.audit_events.event import audit_event
from service.audit_events.recorder import AuditTrail, opened

__all__ = ["Access", "AuditTrail", "TrialRead", "audit_event", "opened"]
