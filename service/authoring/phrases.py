"""Registry phrases brought to one spelling: comparison signs, thousands, powers of ten, windows. Only for recognition;
what is shown is always the registry's own text.
"""

import re
import unicodedata

import msgspec

_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_NUMBER = r"\d+(?:\.\d+)?"
# Two numbers or two units in one: `100.000` (a thousand or a decimal point?), `1,5` (a decimal comma), `5-10,000`.
_DOUBTFUL_NUMBER = re.compile(
    r"\d\.\d{3}(?!\d)(?=\s*(?:/|cells|plat))|\d,\d{1,2}(?!\d)|\d,\d{4,}|\d \d{3}(?=\s*(?:/|cells))"
)

_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])")
_REPLACED = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"[‐‑‒–—―−﹣]", "-"),
        (r"[×✕✖⨯]", "x"),
        (r"[µμ]", "u"),
        (r"[‘’`´]", "'"),
        (r"[“”]", '"'),
        (r"mm\s?\^\s?3", "mm3"),
        (r"m\s?\^\s?2", "m2"),
        (r"[≥≧⩾]|>\s?/\s?=|>\s?or\s?=|>\s?=|=\s?>", ">="),
        (r"[≤≦⩽]|<\s?/\s?=|<\s?or\s?=|<\s?=|=\s?<", "<="),
        (r"[﹤＜]", "<"),
        (r"[﹥＞]", ">"),
        (
            r"\b(?:greater|more|higher) than or equals?(?: to)?\b|\bequal(?:s|ing)?(?: to)? or (?:greater|more|"
            r"higher) than\b",
            ">=",
        ),
        (r"\b(?:less|lower) than or equals?(?: to)?\b|\bequal(?:s|ing)?(?: to)? or (?:less|lower) than\b", "<="),
        (r"\b(?:greater|less) or equal (?:to|than)\b", "?"),
        (r"\b(?:not|no) (?:less|lower|younger) than\b|\bat least\b|\ba minimum of\b", ">="),
        (r"\b(?:not|no) (?:more|greater|higher|older) than\b|\bat most\b|\bnot exceeding\b|\ba maximum of\b", "<="),
        (r"\b(?:greater|more|higher|older) than\b|\b(?:above|over|exceeding|exceeds)\b", ">"),
        (r"\b(?:less|lower|younger|fewer) than\b|\b(?:below|under)\b", "<"),
        (r"\bthe (?=[<>])", ""),
        (
            r"\bupper limits? of (?:the )?(?:institutional |laboratory |local )?(?:normal|reference)(?: range|"
            r" limits?)?",
            "uln",
        ),
        (r"\b(?:upper normal limit|normal upper limit|upper limit of normality)\b|\bunl\b", "uln"),
        (r"\buln\b\s*\((?:uln|unl)\)", "uln"),
        (r"\b(?:the |institutional |institution's |laboratory |lab |local |laboratory's )+uln\b", "uln"),
        (r"\buln\b(?: (?:for|of|at|per) (?:the |each |local )?(?:lab|laboratory|institution|site|age))\b", "uln"),
        (r"\(uln\)", ""),
        (r"\s+", " "),
    )
)


def canonical(text: str) -> str:
    """A phrase in one spelling, in lower case. `?` stands where a comparison cannot be told."""
    plain = _SUPERSCRIPT.sub(lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    plain = unicodedata.normalize("NFKC", plain).lower().replace("mm^3", "mm3").replace("m^2", "m2")
    if _DOUBTFUL_NUMBER.search(plain):
        plain = f"? {plain}"
    plain = _THOUSANDS.sub(lambda m: m[0].replace(",", ""), plain)
    for pattern, by in _REPLACED:
        plain = pattern.sub(by, plain)
    return re.sub(r"(?:[.;,]\s*)+$", "", plain.strip()).strip()


class Window(msgspec.Struct, frozen=True):
    """A length of time as the trial language writes it, `28 days`."""

    number: int
    unit: str

    def __str__(self) -> str:
        return f"{self.number} {self.unit[:-1] if self.number == 1 else self.unit}"


_UNITS = {"d": "days", "w": "weeks", "m": "months", "y": "years"}
# What a registry's text counts back from: all of it stands for the as-of date.
_EVENT_WORDS = (
    r"the|a|an|this|their|his|her|of|into|in|on|to|for|at|and|study|trial|protocol|clinical|first|1st|initial|"
    r"initiation|"
    r"initiating|start|starting|beginning|commencement|commencing|dose|doses|dosing|administration|treatment|therapy|"
    r"drug|medication|product|products|imp|investigational|randomi[sz]ation|being|randomi[sz]ed|registration|"
    r"registering|"
    r"enrol?lment|enrolling|enrolled|inclusion|entry|entering|entrance|screening|visit|baseline|consent|informed|"
    r"signing|"
    r"signature|signed|date|day|time|cycle|c1d1|participation|participant|patient|subject|recruitment|icf|1"
)
EVENT = rf"(?:(?:{_EVENT_WORDS})\b[ -]*)+"
_WINDOW = re.compile(
    rf"[,(]?\s*(?:(?:measured|obtained|assessed|performed|tested|taken|documented|done|determined|evaluated)\s+)?"
    rf"(?:within|in|during|<=)\s+(?:the\s+)?(?:last\s+|past\s+|previous\s+|prior\s+|preceding\s+)?"
    rf"(?P<number>\d{{1,3}})\s?-?\s?(?P<unit>d|days?|weeks?|wks?|months?|years?|yrs?)\b"
    rf"(?:\s+(?:prior to|before|of|preceding|previous to|from)\s+(?P<event>{EVENT})|\s+(?:prior|before))"
    rf"?\s*\)?(?=$|[\s,;.):])"
)
_EVENT_TAIL = re.compile(
    rf",?\s*\(?\b(?:at|prior to|before|upon|on)\s+(?:the\s+)?(?:time of\s+|moment of\s+|date of\s+|day of\s+)"
    rf"?{EVENT}\)?\s*$"
)
_CONDITION = re.compile(r"[ ,(]*on\b(?!.*\b(?:time|moment|date|day|visit|c1d1|entry|enrol\w*|screening|randomi\w*)\b)")
_ANY_WINDOW = re.compile(
    r"\b(?:within|during|last|past|prior to|before|after|since|for|in)\b[^.;]{0,25}\b(?:hours?|days?|weeks?|"
    r"months?|years?)\b"
)


def take_window(text: str) -> tuple[Window | None, str] | None:
    """The window that a canonical phrase asks for, and the phrase without it. None where there are several, or one that
    the trial language cannot say."""
    found = list(_WINDOW.finditer(text))
    if len(found) > 1:
        return None
    if not found:
        return None if _ANY_WINDOW.search(text) else (None, text)
    window = Window(int(found[0]["number"]), _UNITS[found[0]["unit"][0]])
    rest = f"{text[: found[0].start()]} {text[found[0].end() :]}"
    rest = " ".join(rest.split()).strip(" ,;")
    if not window.number or _ANY_WINDOW.search(rest):
        return None
    return window, rest


def window_is_last(text: str) -> bool:
    """Whether the window of a canonical phrase stands at its end, and so is meant for all that it lists."""
    found = _WINDOW.search(text)
    return found is None or not text[found.end() :].strip(" ,;.)")


def without_event(text: str) -> str:
    """A canonical phrase without a closing "at screening", "at the time of registration" and the like. "On treatment"
    says under which condition, and stays."""
    return _EVENT_TAIL.sub(lambda tail: tail[0] if _CONDITION.match(tail[0]) else "", text).strip(" ,;")


def numbers_of(text: str) -> set[str]:
    """Every number of a text in one form: `1,500` is 1500, `9.0` is 9; what stands in a power of ten on its own too."""
    plain = re.sub(
        r"(?<=\d),(?=\d{3}(?!\d))", "", _SUPERSCRIPT.sub(lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    )
    return {bare(number) for number in re.findall(_NUMBER, unicodedata.normalize("NFKC", plain))}


def bare(number: str) -> str:
    """A number without zeros that say nothing."""
    whole, _, decimals = number.partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole.lstrip('0') or '0'}{'.' if decimals else ''}{decimals}"
