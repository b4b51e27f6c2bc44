"""A trial for others: as FHIR R4, as CQL, as a page. What a form cannot say is told beside it, never dropped."""
