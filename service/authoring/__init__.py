"""Trials written from a registry's record: read it, draft it, and tell later what has changed since."""
