"""The environment of every page: templates escape what they are given, and text from outside keeps its place."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

# A record's text must not reorder or hide what stands around it, nor reach a terminal as commands to it.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# What a reader calls a code system.
SYSTEMS = {
    "http://loinc.org": "LOINC",
    "http://snomed.info/sct": "SNOMED CT",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
}


def environment() -> Environment:
    return Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: object) -> object:
    # Markup is the templates' own; any other text came from outside.
    return CONTROL.sub("", value) if isinstance(value, str) and not isinstance(value, Markup) else value
