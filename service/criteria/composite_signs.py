"""Signs made of other signs."""

from collections.abc import Iterable

import msgspec

from service.criteria import keys
from service.criteria.evaluation import Evaluation, Sign
from service.criteria.findings import Sighting
from service.criteria.rules import unique


class AllSigns(msgspec.Struct, frozen=True):
    """Found where every part is; not there where one is known not to be, or silent."""

    signs: tuple[Sign, ...]

    def reads(self) -> frozenset[str]:
        return keys.together(sign.reads() for sign in self.signs)

    def look(self, ev: Evaluation) -> Sighting:
        seen = [ev.see(sign) for sign in self.signs]
        evidence = unique(s.evidence for s in seen)
        absent = [s for s in seen if s.state == "absent"]
        if absent:
            said = "; ".join(s.reason for s in absent)
            return Sighting("absent", said, "recorded", evidence, site_default=_defaults(absent))
        reason = "; ".join(s.reason for s in seen)
        needs = tuple(n for s in seen if s.state != "found" for n in s.needs)
        if any(s.state == "silent" for s in seen):
            return Sighting("silent", reason, "no-record", evidence, needs)
        doubtful = next((s for s in seen if s.state == "maybe"), None)
        if doubtful is not None:
            return Sighting("maybe", reason, doubtful.basis, evidence, needs)
        for_good = all(s.lasting for s in seen)
        return Sighting("found", reason, "recorded", evidence, lasting=for_good, site_default=_defaults(seen))


class AnySign(msgspec.Struct, frozen=True):
    """Found where one part is."""

    signs: tuple[Sign, ...]

    def reads(self) -> frozenset[str]:
        return keys.together(sign.reads() for sign in self.signs)

    def look(self, ev: Evaluation) -> Sighting:
        seen = [ev.see(sign) for sign in self.signs]
        evidence = unique(s.evidence for s in seen)
        for state in ("found", "maybe", "absent"):
            chosen = [s for s in seen if s.state == state]
            if chosen:
                reason = "; ".join(s.reason for s in chosen)
                needs = tuple(dict.fromkeys(n for s in seen if s.state != "absent" for n in s.needs))
                for_good = any(s.lasting for s in chosen)
                return Sighting(state, reason, chosen[0].basis, evidence, needs, for_good, _defaults(chosen))
        return Sighting("silent", "; ".join(s.reason for s in seen), "no-record", evidence)


def _defaults(seen: Iterable[Sighting]) -> str:
    """What the site decided of several signs."""
    return "; ".join(dict.fromkeys(s.site_default for s in seen if s.site_default))
