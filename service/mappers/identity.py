"""Whose resource is it: references compared after resolving, so that another patient's data are never used."""

import re

from service.mappers import wire

_VERSION = re.compile(r"/_history/[^/]+\Z")


def without_version(reference: str) -> str:
    return _VERSION.sub("", reference) if "/_history/" in reference else reference


def base_of(full_url: str, kind: str, identifier: str | None) -> str:
    """The server a full URL belongs to, with a trailing slash; empty where it tells none."""
    plain = without_version(full_url)
    tail = f"{kind}/{identifier}"
    if identifier and plain.startswith(("http://", "https://")) and plain.endswith(f"/{tail}"):
        return plain[: -len(tail)]
    return ""


class Identity:
    """Decides whether a reference leads to the one patient of a record."""

    def __init__(self, patient: wire.Patient, full_url: str, base: str = "") -> None:
        self.relative = f"Patient/{patient.id}" if patient.id else ""
        self.base = base_of(full_url, "Patient", patient.id) or base
        self.known: dict[str | None, bool] = {}
        for name in (self.relative, without_version(full_url), f"urn:uuid:{patient.id}" if patient.id else ""):
            if name:
                self.known[name] = True
        if self.base and self.relative:
            self.known[self.base + self.relative] = True
        self._inferred_base = ""
        self.unwatched: tuple[str, ...] = (self.base, "urn:") if self.base else ("",)

    def watches(self, full_url: str) -> bool:
        """Whether a resource may come from another server, so that its references need a closer look."""
        return bool(self.base and full_url) and not full_url.startswith((self.base, "urn:"))

    def owns(self, reference: str | None, full_url: str = "") -> bool | None:
        """True where a resource with this subject is the patient's, False where it is another's, None without one."""
        if not reference:
            return None
        known = self.known.get(reference)
        if known is None:
            known = self.known[reference] = self._resolve(reference)
        if known and self.watches(full_url):
            return self._elsewhere(reference, full_url)
        return known

    def _resolve(self, reference: str) -> bool:
        plain = without_version(reference).rstrip("/")
        if plain in self.known and plain != reference:
            return self.known[plain]
        if not self.relative or self.base or not plain.startswith(("http://", "https://")):
            return False
        # No server is known for this record: the first absolute address of this patient is taken as its own.
        if plain.endswith(f"/{self.relative}"):
            base = plain[: -len(self.relative)]
            if self._inferred_base in ("", base):
                self._inferred_base = base
                return True
        return False

    def _elsewhere(self, reference: str, full_url: str) -> bool:
        """A relative reference resolves against the server of the resource that holds it."""
        if not full_url.startswith(("http://", "https://")):
            return True
        return reference.startswith(("http://", "https://", "urn:"))
