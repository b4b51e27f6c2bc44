"""When two addresses name the same endpoint: one trailing slash and the scheme's default port do not tell them apart.

Nothing else is made equal: scheme, host, path and query are compared letter by letter.
"""

import re
from collections.abc import Collection

_DEFAULT_PORT = re.compile(r"\A(?:(https://[^/?#]+):443|(http://[^/?#]+):80)(?=[/?#]|\Z)")


def canonical(address: str) -> str:
    without_port = _DEFAULT_PORT.sub(lambda found: found[1] or found[2], address)
    return without_port.removesuffix("/")


def names_one_of(claimed: Collection[str], audiences: Collection[str]) -> bool:
    """Whether one of the claimed audiences (CDS Hooks 2.0: the URL of the endpoint that is called) is one of ours."""
    ours = {canonical(address) for address in audiences}
    return any(canonical(address) in ours for address in claimed)
