"""Which network addresses may be connected to for a host that is listed.

A listed host that is an address itself is that address and no other; `localhost` is this machine. A name may lie in a
private network, as a hospital's servers do, but it has to have done so when it was first used: a name that was public
then and is private now has been pointed at somebody else's server (DNS rebinding), and is refused. A restart asks
anew. Link-local addresses and those where clouds keep their machines' secrets are refused for every name.
"""

import ipaddress
import threading

from service.fhir_client.addresses import ip_of

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_INSTANCE_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)


class Peers:
    """The rule for all hosts of a process; remembers which names were private on their first use. Thread-safe."""

    def __init__(self) -> None:
        self._private: dict[str, bool] = {}
        self._lock = threading.Lock()

    def allowed(self, host: str, found: list[str]) -> list[str]:
        """Those of the addresses found for a host that may be connected to, in their order."""
        addresses = {text: innermost(text) for text in found}
        literal = ip_of(host)
        if literal is not None:
            return [text for text, ip in addresses.items() if ip == innermost(str(literal))]
        if host == "localhost" or host.endswith(".localhost"):
            return [text for text, ip in addresses.items() if ip.is_loopback]
        safe = {text: ip for text, ip in addresses.items() if not _never(ip)}
        if not safe:
            return []
        private = self._was_private(host, any(not ip.is_global for ip in safe.values()))
        return [text for text, ip in safe.items() if private or ip.is_global]

    def _was_private(self, host: str, now: bool) -> bool:
        with self._lock:
            return self._private.setdefault(host, now)


def innermost(text: str) -> Ip:
    """The address that a packet reaches in the end: IPv4 inside IPv6 taken out, the zone left off."""
    ip = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return inner or ip
    return ip


def _never(ip: Ip) -> bool:
    return ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _INSTANCE_METADATA
