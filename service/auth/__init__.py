"""Who calls: the signed tokens by which CDS clients name themselves, and the keys that prove it."""

from service.auth.gate import Caller, Gate
from service.auth.startup import check_clients
from service.auth.token import Unauthorized

__all__ = ["Caller", "Gate", "Unauthorized", "check_clients"]
