"""Puts the sample patients, none of them a real person, on a FHIR server: `load_sample_patients.py BASE-URL`.

Waits for the server to answer. Sending them again changes nothing.
"""

import sys
import time
from typing import Any

import msgspec
import requests

from service.demo import patient_bundles

WAIT_SECONDS = 600
ASK_AGAIN_SECONDS = 3
_encode = msgspec.json.Encoder(decimal_format="number").encode
_session = requests.Session()
_session.headers.update({"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"})
# Containers are often told of the site's proxy, which does not know the server beside them.
_session.trust_env = False


def main(base: str) -> None:
    wait_for(base)
    for bundle in patient_bundles():
        answer = _session.post(base, data=_encode(transaction(bundle)), timeout=120)
        if not answer.ok:
            sys.exit(f"{bundle['id']}: the server answered {answer.status_code}: {answer.text[:500]}")
        print(f"{bundle['id']}: {len(bundle['entry'])} resources")


def wait_for(base: str) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not answers(base):
        if time.monotonic() > end:
            sys.exit(f"{base} did not answer within {WAIT_SECONDS} seconds")
        time.sleep(ASK_AGAIN_SECONDS)


def answers(base: str) -> bool:
    try:
        return _session.get(f"{base}/metadata", timeout=60).ok
    except requests.RequestException:
        return False


def transaction(bundle: dict[str, Any]) -> dict[str, Any]:
    """The same resources under the same ids, all or none."""
    entries = [
        {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}
        for resource in (entry["resource"] for entry in bundle["entry"])
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} BASE-URL")
    main(sys.argv[1].rstrip("/"))
