"""The reference of rules and signs: what each means, takes, and is told as, made from the classes that read them."""

from docs_site.markdown import page
from service.criteria.catalogue import compile_trial
from service.criteria.describing import sentence
from service.criteria.schema import RULES, SIGNS
from service.render.kinds import reference
from service.render.markdown import escaped
from service.screening import Screening

_ONE_RULE = """\
id: EXAMPLE
short-name: EXAMPLE
title: One rule
version: "2026-01-01"
status: active
phases: [phase-2]
recruitment: recruiting
sponsor: A hospital
registry-url: https://example.org
source: Protocol
criteria:
  - {{id: it, type: inclusion, source: I1, text: It, rule: {rule}}}
"""


def kinds_page(screening: Screening) -> str:
    return page(
        "# Rules and signs",
        "A rule stands behind `rule:` in a trial file; the first key says its kind. Where a sign is expected, one of "
        "the signs is written. [Add a trial](../add-a-trial.md) shows them at work. “Told as” is how "
        "`trialhook trials show` says the example back in plain words.",
        _with_words(screening, reference().replace("### Rules", "## Rules").replace("### Signs", "## Signs")),
    )


def _with_words(screening: Screening, text: str) -> str:
    """The reference with each kind as a heading, and its example in plain words below it."""
    rules, mark, signs = text.partition("## Signs")
    for kind in RULES.values():
        rules = _told(rules, kind.word, f"rule: {kind.example}\n```\n", in_words(screening, kind.example))
    for kind in SIGNS.values():
        told = in_words(screening, f"{{present: {kind.example}}}")
        signs = _told(signs, kind.word, f"{kind.example}\n```\n", f"present: {told}")
    return rules + mark + signs


def _told(text: str, word: str, example: str, words: str) -> str:
    heading = f"**`{word}`** – "
    assert heading in text
    assert example in text
    named = text.replace(heading, f"### `{word}`\n\n", 1)
    return named.replace(example, f"{example}\nTold as: *{escaped(words)}*\n", 1)


def in_words(screening: Screening, example: str) -> str:
    """A rule, written in YAML, in plain words."""
    trial = compile_trial(_ONE_RULE.format(rule=example), "example", screening.vocabulary)
    return sentence(trial.criteria[0].rule)
