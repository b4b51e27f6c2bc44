"""What is wrong with the clients that are configured, told when the service starts and by the doctor."""

from collections.abc import Mapping

from service.auth.key_set import KeySet, KeySetError, read_key_set
from service.auth.key_source import allowed_address, fetch_key_set
from service.setting_values import Client

WARNING = "warning: "

# The private key of the public CDS Hooks sandbox lies open in its repository: anyone can sign with it.
SANDBOX_ISSUER = "https://sandbox.cds-hooks.org"
SANDBOX_KEY_ID = "44823f3d"


def check_clients(clients: Mapping[str, Client], *, fetch: bool = False, certificates: str = "") -> list[str]:
    """A sentence for every problem; those that begin with "warning: " do not keep a client from calling.

    Published key sets are asked for only with `fetch`, so that a start does not depend on other servers.
    """
    return [
        problem for client in clients.values() for problem in _problems(client, fetch=fetch, certificates=certificates)
    ]


def _problems(client: Client, *, fetch: bool, certificates: str) -> list[str]:
    found: list[str] = []
    keys = KeySet({})
    try:
        keys, complete = _keys(client, fetch=fetch, certificates=certificates)
        if complete and not keys.keys:
            found.append(f"{client.issuer}: no usable key, all its calls will be refused")
    except KeySetError as problem:
        found.append(f"{client.issuer}: {problem.message}")
    for sentence in keys.problems:  # a set may hold keys for other purposes beside those that sign calls
        is_harmless = keys.keys and sentence not in keys.lost
        found.append(f"{WARNING if is_harmless else ''}{client.issuer}: {sentence}")
    if _is_sandbox(client, keys):
        found.append(
            f"{WARNING}{client.issuer}: this is the public CDS Hooks sandbox, whose private key anyone can read; "
            "do not trust it where there are data of patients"
        )
    return found


def _keys(client: Client, *, fetch: bool, certificates: str) -> tuple[KeySet, bool]:
    """The keys as far as they are known, and whether that is all of them."""
    if not client.key_set_url:
        return read_key_set(client.key_set), True
    if not allowed_address(client.key_set_url):
        raise KeySetError("the address of its key set must begin with https, or name this machine")
    return (fetch_key_set(client.key_set_url, certificates), True) if fetch else (KeySet({}), False)


def _is_sandbox(client: Client, keys: KeySet) -> bool:
    entries = client.key_set.get("keys")
    named = [entry.get("kid") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    ids = [str(kid) for kid in (*named, *keys.keys)]
    return client.issuer.rstrip("/") == SANDBOX_ISSUER or any(kid.startswith(SANDBOX_KEY_ID) for kid in ids)
