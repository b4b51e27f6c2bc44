"""trialhook: which open trials fit this patient, why, and what is missing."""

__version__ = "0.1.0"
