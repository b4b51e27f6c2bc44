"""The rules: no FHIR, no HTTP, no clock. Facts in, findings with evidence out."""
