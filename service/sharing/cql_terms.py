"""What expressions in CQL are made of: names, dates, quantities, value sets, and the list of what was not expressed."""

from collections.abc import Iterable
from decimal import Decimal
from textwrap import indent

from service.criteria.spans import Window
from service.mappers.inputs import Input
from service.mappers.observed_value import NAMES_NONE
from service.screening import Screening
from service.sharing.value_sets import ValueSets

UNKNOWN = "null"
UNITS_OF = "Units of "
# UCUM codes that laboratories send; those that fit an input are told with their factors.
_UCUM = (
    "10*3/uL", "10*9/L", "10*3/mm3", "10*6/mL", "/uL", "/mm3", "10*6/L", "g/dL", "g/L", "mg/dL", "mg/L", "ug/dL",
    "ug/L", "ng/mL", "ng/L", "pg/mL", "mmol/L", "umol/L", "nmol/L", "pmol/L", "U/L", "[iU]/L", "m[iU]/mL", "kU/L", "%",
    "ms", "s", "kg/m2", "mm[Hg]", "mL/min/{1.73_m2}", "1", "{ratio}", "{score}",
)  # fmt: skip
_PLACES = 8  # of a CQL decimal behind the point


class Terms:
    """What the expressions of one trial share. `gaps` are the reasons why parts of the criterion in hand are null;
    `definitions` what expressions need besides."""

    def __init__(self, screening: Screening, trial: str) -> None:
        self.terminology = screening.terminology
        self.inputs = screening.inputs
        self.value_sets = ValueSets(screening.terminology, trial)
        self.gaps: list[str] = []
        self.definitions: dict[str, str] = {}

    def nothing(self, why: str) -> str:
        """A part that is not expressed: null, and noted."""
        self.gaps.append(why)
        return UNKNOWN

    def value_set(self, identifier: str) -> str:
        return quoted(self.value_sets.named(identifier))

    def leave_open(self, name: str) -> list[str]:
        """The value sets of answers that say of an input asked for a site or a diagnosis that there is one, and not
        which; none for any other input."""
        asks = bool(self.inputs.by_name[name].answer_families)
        return [self.value_set(f"answer-{word}") for word in sorted(NAMES_NONE)] if asks else []

    def retrieved(self, kind: str, identifiers: Iterable[str]) -> str:
        """All resources of a kind with a code of one of the value sets."""
        return together([f"[{kind}: {self.value_set(name)}]" for name in identifiers])

    def results(self, made: Input) -> str:
        """All Observations of an input."""
        return self.retrieved("Observation", [f"observation-{name}" for name in self.concepts(made.name)])

    def concepts(self, name: str) -> list[str]:
        """The observation concepts that feed an input."""
        fed = self.inputs.by_concept.items()
        return sorted(concept for concept, pairs in fed if any(made.name == name for made, _ in pairs))

    def units_of(self, made: Input) -> str:
        """The units of an input, as a define of the library."""
        name = f"{UNITS_OF}{made.name}"
        entries = [_unit(code, factor) for code, factor in known_units(made).items()]
        self.definitions[name] = f"define {quoted(name)}:\n  {{\n{indent(_joined(entries, ','), '    ')}\n  }}"
        return quoted(name)

    def other_units(self, made: Input) -> list[str]:
        """The concepts under whose codes an input is told in another unit than its own."""
        pairs = ((concept, fed) for concept, found in self.inputs.by_concept.items() for fed, _ in found)
        return sorted(c for c, fed in pairs if fed.name == made.name and fed.only_unit not in ("", made.unit))


def quoted(name: str) -> str:
    """An identifier: any text may be one in double quotes."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def text(said: str) -> str:
    """A string."""
    escaped = said.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def comment(said: str) -> str:
    """Words of an author on lines of their own, each of them a comment."""
    return "\n".join(f"// {line}" for line in " ".join(said.split("\n")).splitlines() or [""])


def together(lists: list[str]) -> str:
    if len(lists) == 1:
        return lists[0]
    return f"flatten {{\n{indent(_joined(lists, ','), '  ')}\n}}"


def all_of(parts: list[str]) -> str:
    return _chain(parts, "and")


def any_of(parts: list[str]) -> str:
    return _chain(parts, "or")


def negated(part: str) -> str:
    return f"not {braced(part)}"


def braced(part: str) -> str:
    """In parentheses, on lines of its own where it is long."""
    return f"(\n{indent(part, '  ')}\n)" if "\n" in part else f"({part})"


def call(function: str, *arguments: str) -> str:
    """A call of one of the reading functions."""
    if any("\n" in argument for argument in arguments):
        return f"{quoted(function)}(\n{indent(_joined(list(arguments), ','), '  ')}\n)"
    return f"{quoted(function)}({', '.join(arguments)})"


def each(source: str, alias: str, answer: str) -> str:
    """What each element says, as a list with nulls in it."""
    said = f"\n{indent(answer, '    ')}" if "\n" in answer else f" {answer}"
    return f"{listed(source)} {alias}\n  return all{said}"


def listed(source: str) -> str:
    """As the source of a query: a retrieve as it is, anything else in parentheses."""
    plain = source.startswith("[") or (source.startswith("(") and source.endswith(")"))
    return source if plain else braced(source)


def since(window: Window) -> str:
    """The first day of a window: it belongs to it."""
    unit = window.unit if window.number != 1 else window.unit.removesuffix("s")
    return f'"As of" - {window.number} {unit}'


def quantity(number: Decimal, unit: str) -> str:
    return f"{decimal(number)} {text(unit)}"


def decimal(number: Decimal) -> str:
    """A number without an exponent."""
    plain = format(number.normalize(), "f")
    return plain if "." in plain else f"{plain}.0"


def known_units(made: Input) -> dict[str, Decimal]:
    """UCUM codes in which an input may be told, with the factors into its own unit; that comes first."""
    found = {made.unit: Decimal(1)}
    for code in _UCUM:
        factor = made.factors[code]
        if factor is not None and len(factor.normalize().as_tuple().digits) <= _PLACES:
            found.setdefault(code, factor)
    return found


def _unit(code: str, factor: Decimal) -> str:
    """A unit with its factor: first divided by a power of ten, so that what is left has the places of a CQL decimal."""
    places = -int(factor.normalize().as_tuple().exponent)
    divisor = Decimal(10) ** max(0, places - _PLACES)
    return f"Tuple {{ code: {text(code)}, divisor: {decimal(divisor)}, factor: {decimal(factor * divisor)} }}"


def _chain(parts: list[str], word: str) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"\n{word} ".join(braced(part) for part in parts)


def _joined(parts: list[str], mark: str) -> str:
    return f"{mark}\n".join(parts)
