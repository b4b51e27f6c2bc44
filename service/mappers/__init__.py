"""From FHIR R4 resources to the facts that the criteria judge. One file a resource type."""
