"""Populations as files: the same patients as NDJSON in any order, gzipped, as Bundles, in archives."""

import gzip
import io
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from tests.builders import ASPIRE, PATINA, SINAI, YALE, Json, Record, RxNorm, as_json, eligible, medication, request

TRIALS = (PATINA, SINAI, YALE, ASPIRE)


def owned_by(record: Record, patient: str) -> Record:
    """The same record as another patient's: ids and references renamed."""

    def renamed(value: object) -> object:
        if isinstance(value, dict):
            return {
                name: _reference(inner, patient) if name == "reference" else renamed(inner)
                for name, inner in value.items()
            }
        return [renamed(inner) for inner in value] if isinstance(value, list) else value

    made = {}
    for key, resource in record.resources.items():
        copy = renamed(resource)
        assert isinstance(copy, dict)
        copy["id"] = patient if resource["resourceType"] == "Patient" else f"{patient}-{resource['id']}"
        made[key] = copy
    return Record(made)


def _reference(value: object, patient: str) -> object:
    if not isinstance(value, str) or "/" not in value:
        return value
    kind, _, identifier = value.rpartition("/")
    if kind.endswith("Medication"):
        return value
    return f"{kind}/{patient}" if kind.endswith("Patient") else f"{kind}/{patient}-{identifier}"


def population() -> dict[str, Record]:
    """Eight patients: one for each trial, and one each with a change; the last refers to a shared Medication."""
    found = {}
    for n, trial in enumerate(TRIALS):
        found[f"a{n}"] = owned_by(eligible(trial), f"a{n}")
        order = request(RxNorm.VERAPAMIL, "2026-09-01") | {"id": "order"}
        del order["medicationCodeableConcept"]
        order["medicationReference"] = {"reference": "Medication/shared"}
        found[f"b{n}"] = owned_by(
            eligible(trial).drop("lvef").put(order=order) if trial == SINAI else eligible(trial), f"b{n}"
        )
    return found


SHARED = medication(RxNorm.VERAPAMIL, id="shared")


def bundle_of(record: Record) -> Json:
    return record.bundle({"resource": SHARED}, server=None)


def resources(records: Iterable[Record]) -> list[Json]:
    return [SHARED, *(resource for record in records for resource in record.resources.values())]


def by_type(
    folder: Path, records: Mapping[str, Record], *, seed: int = 1, packed: bool = False, files: int = 1
) -> Path:
    """A file (or several) a type, lines in any order, as Bulk Data writes them."""
    found: dict[str, list[bytes]] = {}
    for resource in resources(records.values()):
        found.setdefault(resource["resourceType"], []).append(as_json(resource))
    shuffled = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for kind, lines in found.items():
        shuffled.shuffle(lines)
        for n in range(files):
            write_lines(folder / f"{n}.{kind}.ndjson{'.gz' if packed else ''}", lines[n::files])
    return folder


def write_lines(path: Path, lines: Iterable[bytes], end: bytes = b"\n") -> None:
    data = b"".join(line + end for line in lines)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def one_file(folder: Path, records: Mapping[str, Record]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [as_json(resource) for resource in resources(records.values())]
    random.Random(7).shuffle(lines)
    write_lines(folder / "everything.ndjson", lines, b"\r\n")
    return folder / "everything.ndjson"


def bundles(folder: Path, records: Mapping[str, Record]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, record in records.items():
        (folder / f"{name}.json").write_bytes(as_json(bundle_of(record)))
    return folder


def one_bundle(folder: Path, records: Mapping[str, Record]) -> Path:
    """One Bundle of several patients, pretty-printed."""
    import json

    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": r} for r in resources(records.values())],
    }
    (folder / "all.json").write_text(json.dumps(json.loads(as_json(whole)), indent=2), "utf-8")
    return folder


def urn(name: str) -> str:
    """A UUID as a client makes up for a resource that has no id yet."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"


def transaction(folder: Path, records: Mapping[str, Record], keep_ids: bool = False) -> Path:
    """One Bundle of several patients as it is posted: the resources have full URLs of their own, and refer to these."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = resources(records.values())
    urns = {f"{r['resourceType']}/{r['id']}": urn(f"{r['resourceType']}/{r['id']}") for r in everything}

    def posted(value: object) -> object:
        if isinstance(value, dict):
            return {k: urns.get(v, v) if k == "reference" else posted(v) for k, v in value.items()}
        return [posted(inner) for inner in value] if isinstance(value, list) else value

    entries = []
    for resource in everything:
        full_url = urns[f"{resource['resourceType']}/{resource['id']}"]
        kept = resource if keep_ids else {k: v for k, v in resource.items() if k != "id"}
        entries.append({"fullUrl": full_url, "resource": posted(kept), "request": {"method": "POST", "url": "x"}})
    (folder / "all.json").write_bytes(as_json({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    return folder


def zipped(folder: Path, records: Mapping[str, Record]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "patients.zip", "w") as archive:
        for name, record in records.items():
            archive.writestr(f"in/{name}.json", as_json(bundle_of(record)))
    return folder / "patients.zip"


def tarred(folder: Path, records: Mapping[str, Record]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "patients.tar.gz", "w:gz") as archive:
        for name, record in records.items():
            data = as_json(bundle_of(record))
            member = tarfile.TarInfo(f"{name}.json")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return folder


FORMS: dict[str, Callable[[Path, Mapping[str, Record]], Path]] = {
    "a file a type": by_type,
    "several files a type": lambda folder, records: by_type(folder, records, seed=2, files=3),
    "gzipped": lambda folder, records: by_type(folder, records, seed=3, packed=True, files=2),
    "one file with CRLF": one_file,
    "a Bundle a patient": bundles,
    "one Bundle of all patients": one_bundle,
    "a zip archive of Bundles": zipped,
    "a packed tar archive of Bundles": tarred,
}
