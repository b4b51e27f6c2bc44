"""SNOMED CT expressions in place of a code, as `254837009 |breast cancer| : 272741003 |side| = 7771000 |left|`.

An expression is of the kind of its focus concepts. A side and a finding site are read; what else a refinement says is
not, and may change the meaning. https://confluence.ihtsdotools.org/display/DOCSCG
"""

import re

_TERM = re.compile(r"\|[^|]*\|")
_EXPRESSION = re.compile(r"(?:===|<<<)?(\d{6,18}(?:\+\d{6,18})*)(?::(.+))?")
_ATTRIBUTE = re.compile(r"(\d{6,18})=(\d{6,18})")
_SIDE, _FINDING_SITE = "272741003", "363698007"
_LONGEST = 1000


def _parts(code: str) -> tuple[str, str]:
    """Focus concepts and refinement as written, without terms and blanks; nothing where it is no expression."""
    if code.isdigit() or len(code) > _LONGEST:
        return "", ""
    written = _EXPRESSION.fullmatch("".join(_TERM.sub("", code).split()))
    return (written[1], written[2] or "") if written else ("", "")


def _attributes(refinement: str) -> list[tuple[str, str]] | None:
    """Attributes and values of a refinement; None where it holds more than plain ones."""
    found = [_ATTRIBUTE.fullmatch(part.strip("{}")) for part in re.split(r",|(?<=\})(?=\{)", refinement)]
    plain = [(match[1], match[2]) for match in found if match]
    return plain if len(plain) == len(found) else None


def focus_of(code: str) -> tuple[tuple[str, ...], bool]:
    """The focus concepts of an expression, and whether all that it says more is a side or a finding site.

    No concepts where a code is a plain one or no expression.
    """
    focus, refinement = _parts(code)
    if not focus:
        return (), False
    said = _attributes(refinement) if refinement else []
    return tuple(focus.split("+")), said is not None and all(name in (_SIDE, _FINDING_SITE) for name, _ in said)


def sites_of(code: str) -> tuple[str, ...]:
    """The finding sites that an expression tells."""
    said = _attributes(_parts(code)[1]) if "=" in code else None
    return tuple(value for name, value in said or () if name == _FINDING_SITE)
