"""One patient's resources out of a Bundle: whose they are, which version counts, which types were read completely."""

from .spans import Span, birthday, span

EVERYTHING = "*"


class Record:
    """What was handed in about one patient, as of one day."""

    def __init__(self, bundle: dict, as_of: int) -> None:
        self.as_of = as_of
        self.incomplete: set[str] = set()
        self._entries: list[dict] = []
        self._flatten(bundle, nested=False)
        self._patient_entry = next(e for e in self._entries if e["resource"]["resourceType"] == "Patient")
        self.patient: dict = self._patient_entry["resource"]
        self._by_type: dict[str, list[dict]] = {}
        for resource in self._newest_versions():
            if self._is_mine(resource):
                self._by_type.setdefault(resource["resourceType"], []).append(resource)

    def of(self, *types: str) -> list[dict]:
        return [resource for kind in types for resource in self._by_type.get(kind, [])]

    def complete(self, *types: str) -> bool:
        """Silence counts only where the type was read completely."""
        return EVERYTHING not in self.incomplete and not self.incomplete & set(types)

    def resolve(self, reference: str | None, container: dict) -> dict | None:
        """What a reference leads to: contained, by full URL, or by type and id."""
        if not reference:
            return None
        if reference.startswith("#"):
            return next((r for r in container.get("contained", []) if r.get("id") == reference[1:]), None)
        for entry in self._entries:
            resource = entry["resource"]
            if reference in (entry.get("fullUrl"), f"{resource['resourceType']}/{resource.get('id')}"):
                return resource
        return None

    def is_patient(self, reference: str) -> bool:
        """A version is the same patient; the same id on another server is another one."""
        bare = reference.split("/_history/")[0]
        return bare in (f"Patient/{self.patient.get('id')}", self._patient_entry.get("fullUrl"))

    def born(self) -> Span | None:
        return span(self.patient.get("birthDate"))

    def at_least(self, age: int, day: int | None = None) -> bool | None:
        """Has reached an age on a day; None without a birth date, or where its missing part decides."""
        born = self.born()
        if born is None:
            return None
        day = self.as_of if day is None else day
        earliest, latest = birthday(born.first, age), birthday(born.last, age)
        if latest <= day:
            return True
        return False if earliest > day else None

    def _flatten(self, bundle: dict, nested: bool) -> None:
        """A Bundle inside the Bundle is a search's answer; a next link or an error makes its type incomplete."""
        entries = bundle.get("entry", [])
        links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
        asked = _type_of_search(links) if nested else EVERYTHING
        if "next" in links or bundle.get("total", 0) > len(entries):
            self.incomplete.add(asked)
        for entry in entries:
            resource = entry["resource"]
            if resource["resourceType"] == "Bundle":
                self._flatten(resource, nested=True)
            elif resource["resourceType"] == "OperationOutcome":
                if any(issue.get("severity") in ("error", "fatal") for issue in resource.get("issue", [])):
                    self.incomplete.add(asked)
            else:
                self._entries.append(entry)

    def _newest_versions(self) -> list[dict]:
        """Of two versions of a resource the newer counts."""
        newest: dict[tuple[str, str], dict] = {}
        for entry in self._entries:
            resource = entry["resource"]
            key = (resource["resourceType"], resource["id"])
            if key not in newest or _version(resource) > _version(newest[key]):
                newest[key] = resource
        return list(newest.values())

    def _is_mine(self, resource: dict) -> bool:
        """Evidence from one patient only; a resource without a subject is set aside."""
        subject = resource.get("subject") or resource.get("patient") or {}
        return bool(subject.get("reference")) and self.is_patient(subject["reference"])


def _version(resource: dict) -> int:
    return int(resource.get("meta", {}).get("versionId", "0"))


def _type_of_search(links: dict[str, str]) -> str:
    url = links.get("self") or links.get("next")
    return url.split("?")[0].rsplit("/", 1)[-1] if url else EVERYTHING
