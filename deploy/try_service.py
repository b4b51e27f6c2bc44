"""Proves a running service from inside its container: it is ready, finds trials for a sample patient, and can write
only where it should. Exits with what is wrong."""

import http.client
import importlib.util
import json
import os
import shutil
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

PORT = 8080
WAIT_SECONDS = 60
UID = 10001
TOOLS = ("pip", "pip3", "gcc", "cc", "make", "ld")
INSTALLERS = ("pip", "setuptools", "ensurepip")
WRITABLE = ("/tmp", "/var/lib/trialhook")
READ_ONLY = ("/", "/etc", "/opt/venv", "/usr", "/var/log")


def main() -> None:
    wait_until_ready()
    problems = [*of_the_process(), *of_the_files(), *of_the_answers()]
    if problems:
        sys.exit("\n".join(problems))


def asked(method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """Status and body of an answer."""
    client = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    client.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    response = client.getresponse()
    return response.status, response.read()


def answer(method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Status and JSON value of an answer."""
    status, text = asked(method, path, body)
    return status, json.loads(text)


def wait_until_ready() -> None:
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            status, said = answer("GET", "/readyz")
        except OSError:
            status, said = 0, "no answer"
        if status == 200:
            return
        if time.monotonic() > end:
            sys.exit(f"not ready after {WAIT_SECONDS} seconds: {said}")
        time.sleep(0.2)


def of_the_process() -> list[str]:
    first = Path("/proc/1/cmdline").read_bytes().split(b"\0")
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    found = []
    if not any(part.endswith(b"/trialhook") for part in first):
        found.append(f"the first process is {first!r}, so that it would not be told to stop")
    if os.getuid() != UID or os.getgid() != UID:
        found.append(f"user {os.getuid()} and group {os.getgid()}, {UID} was expected of both")
    if int(status["CapEff"], 16) or status["NoNewPrivs"] != "1" or status["Seccomp"] != "2":
        found.append("it has capabilities, may gain some, or is not kept to some system calls")
    return found


def of_the_files() -> list[str]:
    found = [f"{folder} is not writable" for folder in WRITABLE if not writable(folder)]
    found += [f"{folder} is writable" for folder in READ_ONLY if writable(folder)]
    found += [f"{tool} is in the image" for tool in TOOLS if shutil.which(tool)]
    found += [
        f"{name} can be imported" for name in ("pip", "setuptools", "ensurepip") if importlib.util.find_spec(name)
    ]
    if not Path("/var/lib/trialhook/trialhook.db").is_file():
        found.append("the database is not on the data volume")
    return found


def writable(folder: str) -> bool:
    probe = Path(folder) / ".probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def of_the_answers() -> list[str]:
    record = json.loads((files("service.demo") / "patients" / "anna.json").read_bytes())
    status, result = answer("POST", "/evaluate", record)
    found = []
    if status != 200 or not any(trial["grade"] in ("certain", "probable", "possible") for trial in result["results"]):
        found.append(f"POST /evaluate answered {status} without a trial for the sample patient")
    status, cards = answer("POST", "/cds-services/trial-match", hook_call(record))
    if status != 200 or not cards["cards"]:
        found.append(f"the hook answered {status} without a card")
    if b"trialhook_requests_total" not in asked("GET", "/metrics")[1]:
        found.append("the metrics of the workers do not meet")
    return found


def hook_call(record: dict[str, Any]) -> dict[str, Any]:
    """The call of an EHR that has prefetched all that the service's discovery asks for."""
    _, discovery = answer("GET", "/cds-services")
    service = next(entry for entry in discovery["services"] if entry["id"] == "trial-match")
    resources = [entry["resource"] for entry in record["entry"]]
    patient = next(resource for resource in resources if resource["resourceType"] == "Patient")
    prefetch = {
        key: patient if template.startswith("Patient/") else searchset(resources, template.partition("?")[0])
        for key, template in service["prefetch"].items()
    }
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/example", "patientId": patient["id"]},
        "prefetch": prefetch,
    }


def searchset(resources: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    found = [{"resource": resource} for resource in resources if resource["resourceType"] == kind]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": found}


if __name__ == "__main__":
    main()
