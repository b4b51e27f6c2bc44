"""Fields and the two polymorphic nodes (rule, sign) of a trial file, for marshmallow.

A rule or a sign is a mapping whose first key that is a kind says which; the other keys are that kind's options. Each
kind is a marshmallow schema registered here; the JSON Schema for editors is generated from the same classes.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

import msgspec
from marshmallow import RAISE, Schema, ValidationError, fields, post_load

from service.criteria.lexicon import InputInfo, Lexicon
from service.criteria.measured import Limit, plain
from service.criteria.spans import Window

T = TypeVar("T")
LEXICON: ContextVar[Lexicon] = ContextVar("lexicon")
INTERNED: ContextVar[dict[Any, Any]] = ContextVar("interned")
MAX_YEARS = 130  # nobody has lived longer
COMPARISONS = ("at-least", "more-than", "at-most", "less-than")

RULES: dict[str, type["Kind"]] = {}
SIGNS: dict[str, type["Kind"]] = {}


def nearest(name: object, known: list[str]) -> str:
    """`; did you mean X?` where something known is spelt alike."""
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _meant(key: str, known: list[str]) -> str:
    """What an unknown key may have been meant as."""
    if re.match(r"[0-9]{3}(?![0-9])", key):
        return "; a number is written without a comma for thousands"
    return nearest(key, known)


class Strict(Schema):
    """Unknown keys are mistakes, and named with the nearest known one."""

    class Meta:
        unknown = RAISE

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:
        if isinstance(error.messages, dict):
            known = [field.data_key or name for name, field in self.fields.items()]
            for key, messages in list(error.messages.items()):
                if messages == ["Unknown field."]:
                    error.messages[key] = [f"unknown key {key}{_meant(str(key), known)}"]
                elif messages == ["Missing data for required field."]:
                    error.messages[key] = [f"{key} is missing"]
                elif messages == ["Field may not be null."]:
                    error.messages[key] = ["a value was expected; there is none"]


class Kind(Strict):
    """Base of the schemas of rules and signs. `word` is the key that names the kind, `example` one written in YAML."""

    word: ClassVar[str]
    example: ClassVar[str]
    make: Callable[..., Any]  # from the loaded options to the compiled rule or sign

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Any:
        try:
            made = self.make(**data)
        except ValueError as problem:
            raise ValidationError(str(problem)) from None
        return interned(made)


def interned(made: T) -> T:
    """The one object for everything equal to it: equal rules of several trials are asked once."""
    found: T = INTERNED.get().setdefault(made, made)
    return found


def rule(cls: type[Kind]) -> type[Kind]:
    RULES[cls.word] = cls
    return cls


def sign(cls: type[Kind]) -> type[Kind]:
    SIGNS[cls.word] = cls
    return cls


class _Node(fields.Field[Any]):
    """A rule or a sign: the first key that is a kind decides which schema reads it."""

    kinds: ClassVar[Mapping[str, type[Kind]]]
    what: ClassVar[str]
    extra: ClassVar[tuple[str, ...]] = ()

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(f"a {self.what} was expected: a mapping such as {{{self._example()}}}")
        kind = next((key for key in value if key in self.kinds), None)
        if kind is None:
            raise ValidationError(self._unknown(value))
        return self.kinds[kind](unknown=RAISE).load(value)

    def _unknown(self, value: dict[str, Any]) -> str:
        known = sorted(self.kinds)
        first = next(iter(value), "")
        if self.what == "rule" and first in SIGNS:
            return f"{first} is a sign: write present: {{{first}: …}}, or absent: [{{{first}: …}}]"
        return f"no kind of {self.what}{nearest(first, known)}; known are {', '.join(known)}"

    def _example(self) -> str:
        return "measurement: anc, at-least: 1500 /mm3" if self.what == "rule" else "diagnosis: cirrhosis"


class RuleField(_Node):
    kinds = RULES
    what = "rule"


class SignField(_Node):
    kinds = SIGNS
    what = "sign"


class Text(fields.String):
    """A text that is not empty; a number is not taken for one."""

    default_error_messages = {"invalid": "a text was expected"}  # noqa: RUF012 - the base class declares it so

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.strip():
            raise ValidationError("a text was expected; this is empty")
        text = re.sub(r"\s+", " ", text).strip()
        if any(unicodedata.category(sign) == "Cc" for sign in text):
            raise ValidationError("a text without control characters was expected")
        return text


class DateText(Text):
    """A whole date, as written: `2026-11-21`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = value if isinstance(value, str) else ""
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
                return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
        raise ValidationError("a date such as 2026-11-21 was expected")


DIGEST_LENGTH = 16


class DigestText(Text):
    """The first 16 hexadecimal digits of a SHA-256."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not re.fullmatch(f"[0-9a-f]{{{DIGEST_LENGTH}}}", text):
            raise ValidationError(f"a digest was expected: {DIGEST_LENGTH} of the signs 0-9 and a-f, in quotes")
        return text


class WindowField(fields.Field[Window]):
    """A length of time: `28 days`, `6 months`, `3 years`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Window:
        return read_window(value)


def read_window(value: Any) -> Window:
    found = re.fullmatch(r"([0-9]{1,4}) (day|week|month|year)s?", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValidationError("a length of time was expected, such as 28 days, 6 months or 3 years")
    window = Window(int(found[1]), f"{found[2]}s")
    if window.months > MAX_YEARS * 12 and window.unit in ("months", "years"):
        raise ValidationError(f"a length of time of at most {MAX_YEARS} years was expected")
    return window


class Name(fields.String):
    """The name of something in the lexicon; `kind` says what."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        known = LEXICON.get().names(self.kind)
        if name not in known:
            hint = nearest(name, known) or f"; `trialhook trials names {self.kind}` lists them"
            raise ValidationError(f"no {self.kind} called {name}{hint}")
        return name


class OneOf(fields.String):
    """One of a few words."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if value not in self.words:
            asked = f"one of {', '.join(self.words)}" if len(self.words) > 1 else self.words[0]
            raise ValidationError(f"{asked} was expected{nearest(value, list(self.words))}")
        return str(value)


class ListOf(fields.Field[list[Any]]):
    """One value, or a list of them; never empty."""

    def __init__(self, inner: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        if not values:
            raise ValidationError("at least one was expected")
        made, problems = [], {}
        for i, item in enumerate(values):
            try:
                made.append(self.inner.deserialize(item))
            except ValidationError as problem:
                problems[i] = problem.messages
        if problems:
            raise ValidationError(problems if isinstance(value, list) else problems[0])
        return made


class LimitText(fields.Field[str]):
    """A threshold as written: `1500 /mm3`, `50 %`, `1.5 x ULN`, `ULN`, `2`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValidationError("a limit was expected, such as 1500 /mm3, 50 % or 1.5 x ULN")
        return str(value)


MAX_TIMES_ULN = 100
_LIMIT = re.compile(
    r"(?P<number>-?[0-9]{1,18}(?:\.[0-9]{1,18})?)(?![0-9]|[.,eE][-+]?[0-9])"
    r"\s*(?:(?P<uln>[x×]\s*ULN)|(?P<unit>(?!.*ULN)\S.*))?\Z"
)


def limit_of(input_name: str, comparison: str, text: str) -> Limit:
    """A threshold for an input. ValueError where its unit does not fit."""
    found = _LIMIT.match("1 x ULN" if text.strip() == "ULN" else text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a limit such as 1500 /mm3, 50 % or 1.5 x ULN")
    number = Decimal(found["number"])
    info = LEXICON.get().input(input_name)
    if found["uln"]:
        if not info.ranges:
            raise ValueError(f"{text!r}: {input_name} has no upper limit of normal")
        if not 0 < number <= MAX_TIMES_ULN:
            raise ValueError(f"{text!r}: more than 0 and at most {MAX_TIMES_ULN} times ULN was expected")
        return _worded(Limit(comparison, number, True))
    unit = (found["unit"] or "").strip()
    if not unit and info.unit != "1":
        raise ValueError(f"{text!r} has no unit; {input_name} is measured in {info.unit or 'no unit'}")
    scale = LEXICON.get().scale(input_name, unit) if unit else Decimal(1)
    _check_possible(text, input_name, number * scale, info)
    return _worded(Limit(comparison, number * scale, False, unit, scale))


def _check_possible(text: str, input_name: str, number: Decimal, info: InputInfo) -> None:
    """A limit far beyond every value that a living person can have is a slip of the pen or of the unit."""
    low, high = info.usable or (Decimal(0), Decimal("Infinity"))
    if not min(low, Decimal(0)) <= number <= 2 * high:
        values = f"whose values lie from {plain(low)} to {plain(high)}" if info.usable else "which is never below zero"
        unit = "" if info.unit == "1" else info.unit
        raise ValueError(f"{text!r} is no limit for {input_name}, {values} {unit}".rstrip())


def _worded(limit: Limit) -> Limit:
    return msgspec.structs.replace(limit, asked=limit.words())


class WholeNumber(fields.Integer):
    """A whole number from `least` to `most`."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise ValidationError(f"a whole number (integer) from {self.least} to {self.most} was expected")
        return value


def the_comparison(input_name: str, options: dict[str, str | None]) -> Limit:
    """The one limit among at-least, more-than, at-most and less-than."""
    given = [(name, text) for name, text in options.items() if text is not None]
    if len(given) != 1:
        raise ValueError(f"one of {', '.join(COMPARISONS)} was expected")
    return limit_of(input_name, given[0][0], given[0][1])


Maker = Callable[..., Any]
