"""Trial files: every mistake is told at once with file, line and column; nothing but the core of YAML is taken."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from service.criteria.catalogue import Trial, compile_trial, load_trials
from service.criteria.measured import MeasurementRule
from service.errors import TrialError
from service.screening import Screening

HEAD = """\
id: NCT00000001
short-name: EXAMPLE
title: An example
version: "2026-01-01"
status: active
phases: [phase-2]
recruitment: recruiting
sponsor: Somebody
registry-url: https://registry.example.org/NCT00000001
source: The registry
criteria:
"""
FIRST_RULE = 16  # the line on which the first criterion's rule stands


def criterion(rule: str, id: str = "a", text: str = "Something") -> str:
    lines = [f"  - id: {id}", "    type: inclusion", "    source: I1", f"    text: {text}", f"    rule: {rule}"]
    return "\n".join(lines) + "\n"


Compile = Callable[[str], Trial]


@pytest.fixture
def compiled(screening: Screening) -> Compile:
    return lambda text: compile_trial(text, "trial.yaml", screening.vocabulary)


@pytest.fixture
def mistakes(compiled: Compile) -> Callable[[str], list[str]]:
    def told(text: str) -> list[str]:
        with pytest.raises(TrialError) as caught:
            compiled(text)
        assert caught.value.message == "\n".join(caught.value.problems)
        return list(caught.value.problems)

    return told


Mistakes = Callable[[str], list[str]]


def test_a_right_file_is_compiled_in_its_order(compiled: Compile) -> None:
    rules = ("{review: Is it so?}", "{measurement: anc, at-least: 1500 /mm3, within: 28 days}", "{age: {at-least: 18}}")
    trial = compiled(HEAD + "".join(criterion(rule, id) for rule, id in zip(rules, "abc", strict=True)))
    assert [c.id for c in trial.criteria] == ["a", "b", "c"]
    assert (trial.id, trial.short_name, trial.version) == ("NCT00000001", "EXAMPLE", "2026-01-01")
    assert trial.is_open
    assert trial.path == "trial.yaml"


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(mistakes: Mistakes) -> None:
    text = (
        HEAD.replace("title: An example\n", "titel: An example\n")
        .replace("status: active", "status: activ")
        .replace("[phase-2]", "[phase-2, phase-9, 3]")
        + criterion("{measurement: ank, at-least: 1500 /mm3}")
        + criterion("{measurement: anc, at-least: 1500 /mm3, within: 28 dayz, windw: 1}", "b")
        + criterion(
            "{absent: [{diagnosis: cirrosis}, {drug: cyp, taken: ever}, {diagnosis: cirrhosis, then: no}]}", "c"
        )
        + criterion("{all-of: [{review: x}, {sex: woman}]}", "d", '""')
    )
    told = mistakes(text)
    assert [line.split(": ")[0] for line in told] == [
        *("trial.yaml:1:1", "trial.yaml:3:1", "trial.yaml:5:1", "trial.yaml:6:19", "trial.yaml:6:28"),
        *("trial.yaml:16:12", "trial.yaml:21:51", "trial.yaml:21:68"),
        *("trial.yaml:26:22", "trial.yaml:26:45", "trial.yaml:26:93"),
        *("trial.yaml:30:5", "trial.yaml:31:35"),
    ]
    said = [line.split(": ", 1)[1] for line in told]
    assert said[0] == "title: title is missing"
    assert said[1] == "titel: unknown key titel; did you mean title?"
    assert said[2].endswith("did you mean active?")
    assert said[5] == "a → rule → measurement: no input called ank; did you mean anc?"
    assert said[7].startswith("b → rule → windw: unknown key windw")
    assert said[8] == "c → rule → absent → entry 1 → diagnosis: no diagnosis called cirrosis; did you mean cirrhosis?"


@pytest.mark.parametrize(
    ("rule", "at", "said"),
    [
        ("{measurement: anc, at-least: 1500 mg/dL}", "rule", "mg/dL does not fit anc, which is measured in 10*3/uL"),
        ("{measurement: anc, at-least: 1500}", "rule", "'1500' has no unit; anc is measured in 10*3/uL"),
        ("{measurement: anc}", "rule", "one of at-least, more-than, at-most, less-than was expected"),
        (
            "{measurement: anc, at-least: 1 /mm3, more-than: 2 /mm3}",
            "rule",
            "one of at-least, more-than, at-most, less-than",
        ),
        ("{measurement: anc, at-least: many}", "rule", "'many' is not a limit such as 1500 /mm3, 50 % or 1.5 x ULN"),
        (f"{{measurement: anc, at-least: {'9' * 29} /mm3}}", "rule", "9 /mm3' is not a limit such as 1500 /mm3"),
        ("{measurement: anc, at-least: 1e400 /mm3}", "rule", "'1e400 /mm3' is not a limit such as 1500 /mm3"),
        ("{measurement: alt, at-most: 3 times ULN}", "rule", "'3 times ULN' is not a limit such as 1500 /mm3"),
        ("{measurement: anc, at-least: true}", "at-least", "a limit was expected, such as 1500 /mm3"),
        ("{measurement: anc, at-least: 1 /mm3, within: 0 days}", "within", "a length of time was expected"),
        ("{measurement: anc, at-least: 1 /mm3, within: 28}", "within", "a length of time was expected"),
        ("{measurement: anc, at-least: 1 /mm3, within: 99999 days}", "within", "a length of time was expected"),
        ("{measurment: anc}", "rule", "no kind of rule; did you mean measurement?; known are absent, age"),
        ("{}", "rule", "no kind of rule"),
        ("5", "rule", "a rule was expected: a mapping such as {measurement: anc, at-least: 1500 /mm3}"),
        ("[{review: x}]", "rule", "a rule was expected"),
        ("", "rule", "rule"),
        ("{age: {}}", "rule", "at-least, below or at-most was expected"),
        ("{age: {at-least: old}}", "at-least", "integer"),
        ("{age: {at-least: -1}}", "at-least", "a whole number (integer) from 0 to 130 was expected"),
        ("{age: {at-least: 131}}", "at-least", "from 0 to 130 was expected"),
        ("{age: {at-least: true}}", "at-least", "from 0 to 130 was expected"),
        ("{age: {below: 0}}", "below", "from 1 to 130 was expected"),
        ("{measurement: anc, at-least: -1500 /mm3}", "rule", "'-1500 /mm3' is no limit for anc, whose values lie"),
        ("{measurement: anc, at-least: 1500 10*3/uL}", "rule", "whose values lie from 0 to 200 10*3/uL"),
        ("{measurement: estradiol, at-least: '-1 pg/mL'}", "rule", "which is never below zero"),
        ("{measurement: fsh, at-least: '-1 [iU]/L'}", "rule", "whose values lie from 0 to 1,000"),
        ("{measurement: anc, at-least: ١٥٠٠ /mm3}", "rule", "is not a limit such as 1500 /mm3"),
        ("{measurement: anc, at-most: 1.5 x ULN}", "rule", "anc has no upper limit of normal"),
        ("{measurement: alt, at-most: 0 x ULN}", "rule", "more than 0 and at most 100 times ULN was expected"),
        ("{measurement: alt, at-most: 101 x ULN}", "rule", "more than 0 and at most 100 times ULN was expected"),
        ("{measurement: anc, at-least: 1 /mm3, within: 131 years}", "within", "at most 130 years was expected"),
        ("{measurement: anc, at-least: 1 /mm3, within: ٢٨ days}", "within", "a length of time was expected"),
        (
            "{lines-of-therapy: chemotherapy, cancer: breast, at-most: -1, new-after: 1 days, together: 1 days}",
            "at-most",
            "from 0 to 20 was expected",
        ),
        ("{present: {class: nyha, of: 7, within: 6 months}}", "present", "no NYHA"),
        ('{review: "x\\x07"}', "review", "a text without control characters was expected"),
        ("{age: {at-least: 18, below: 10}}", "rule", "nobody is at least 18 and younger than 10"),
        ("{absent: []}", "absent", "at least one was expected"),
        ("{absent: cirrhosis}", "absent", "a sign was expected: a mapping such as {diagnosis: cirrhosis}"),
        ("{review: ''}", "review", "a text was expected; this is empty"),
        ("{review: x, measurement: anc}", "measurement", "unknown key measurement"),
    ],
)
def test_a_mistake_in_a_rule_names_its_place_and_what_was_expected(
    mistakes: Mistakes, rule: str, at: str, said: str
) -> None:
    text = HEAD + criterion(rule)
    (told,) = mistakes(text)
    column = text.split("\n")[FIRST_RULE - 1].index(f"{at}:") + 1
    assert told.startswith(f"trial.yaml:{FIRST_RULE}:{column}: a → rule")
    assert said in told


@pytest.mark.parametrize(
    "rule",
    [
        "{age: {at-least: 0, below: 130}}",
        "{measurement: anc, at-least: 0 /mm3, within: 130 years}",
        "{measurement: anc, at-least: 400 10*3/uL}",
        "{measurement: alt, at-most: 100 x ULN}",
        "{present: {class: nyha, of: [1, 4], within: 6 months}}",
    ],
)
def test_numbers_on_the_edge_of_sense_are_taken(compiled: Compile, rule: str) -> None:
    assert compiled(HEAD + criterion(rule)).criteria


def test_a_limit_that_does_not_fit_is_told_beside_other_mistakes_of_its_rule(mistakes: Mistakes) -> None:
    told = mistakes(HEAD + criterion("{measurement: anc, at-least: 1500 mg/dL, windw: 1}"))
    assert [line.split(" → rule", 1)[1] for line in told] == [
        ": mg/dL does not fit anc, which is measured in 10*3/uL",
        " → windw: unknown key windw; did you mean window-is?",
    ]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{measurement: ank, at-least: 1500 mg/dL}", ["no input called ank; did you mean anc?"]),
        ("{measurement: anc, at-least: true}", ["a limit was expected, such as 1500 /mm3, 50 % or 1.5 x ULN"]),
    ],
)
def test_a_limit_that_cannot_be_held_against_anything_is_no_second_mistake(
    mistakes: Mistakes, rule: str, said: list[str]
) -> None:
    assert [line.rsplit(": ", 1)[1] for line in mistakes(HEAD + criterion(rule))] == said


@pytest.mark.parametrize("limit", ["1500 /mm3", "1500 cells/uL", "1.5 10*3/uL", "1.50 K/uL", "1.5 10*9/L"])
def test_limits_are_exact_decimals_in_any_unit_that_fits(compiled: Compile, limit: str) -> None:
    rule = compiled(HEAD + criterion(f"{{measurement: anc, at-least: {limit}}}")).criteria[0].rule
    assert isinstance(rule, MeasurementRule)
    assert rule.threshold.limit.number == Decimal("1.5")


def test_an_id_stands_once(mistakes: Mistakes) -> None:
    (told,) = mistakes(HEAD + criterion("{review: x}") + criterion("{review: y}", "b") + criterion("{review: z}"))
    assert told == "trial.yaml:22:5: a → id: the id a stands twice"


def test_an_id_that_stands_twice_is_told_beside_every_other_mistake(mistakes: Mistakes) -> None:
    text = HEAD.replace("status: active", "status: activ") + criterion("{review: ''}") + criterion("{sex: x}")
    told = mistakes(text + criterion("{review: z}"))
    assert [line.split(": ", 1)[1].split(":")[0] for line in told] == [
        *("status", "a → rule → review", "a → id", "a → rule → sex", "a → id"),
    ]


@pytest.mark.parametrize(
    ("criteria", "said"),
    [("criteria: []\n", "at least one criterion was expected"), ("criteria:\n", "a value was expected; there is none")],
)
def test_a_trial_without_criteria_would_fit_everybody_and_is_refused(
    mistakes: Mistakes, criteria: str, said: str
) -> None:
    (told,) = mistakes(HEAD.replace("criteria:\n", criteria))
    assert told.startswith(f"trial.yaml:11:1: criteria: {said}")


def test_entries_that_are_no_criteria_are_each_told(mistakes: Mistakes) -> None:
    told = mistakes(HEAD + "  - histology\n  - {id: b}\n")
    assert told[0].startswith("trial.yaml:12:5: criteria → entry 1: ")
    assert {line.split(" → ")[-1] for line in told[1:]} == {
        f"{key}: {key} is missing" for key in ("rule", "source", "text", "type")
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: a trial was expected"),
        ("- a\n- b\n", "1:1: a trial was expected"),
        ("just words\n", "1:1: a trial was expected"),
        ("id: x\nid: y\n", "2:1: the key 'id' stands twice"),
        ("id: &one x\ntitle: *one\n", "1:5: aliases are not allowed"),
        ("id: !!python/object:os.system x\n", "1:5: the tag tag:yaml.org,2002:python/object:os.system is not allowed"),
        ("? [a]\n: b\n", "1:3: a key must be a word"),
        ("id: [x\n", "2:1: "),
        ("id: x\ntitle: 'a\x00'\n", "2:10: the character U+0000 is not allowed"),
        ("id: x\x07\n", "1:6: the character U+0007 is not allowed"),
        ("id: \ud800\n", "1:5: the character U+D800 is not allowed"),
        ('"i\\nd": x\n', "1:1: a key must be a word; 'i\\nd' holds control characters"),
        ("id: !<a%0Ab> x\n", "1:5: the tag a\\nb is not allowed"),
        (f"id: {'9' * 19}\n", "1:5: a number of at most 18 digits was expected"),
        (f"id: {'9' * 5000}\n", "1:5: a number of at most 18 digits was expected"),
        (f"id: {'[' * 60}\n", "1:64: nested more than 60 deep"),
        (f"id: {'[' * 100_000}\n", "1:64: nested more than 60 deep"),
        ("id: x\n\tstatus: y\n", "2:1: a tab: only blanks indent a line"),
        ("id: |\n\tx\n", "2:1: a tab: only blanks indent a line"),
        ("id: x\n---\nid: y\n", "2:1: a file holds one document"),
        ("id: x\ntitle: 'a\nstatus: draft\n", "2:8: a quote that is opened here is not closed"),
        ("id: @x\n", "1:5: a text that begins with @ stands in quotes"),
        ("id: 'it's'\n", "1:9: the line should end here"),
        ('id: "a\\q"\n', "1:7: a text with a backslash stands in single quotes"),
        ("id: *one\n", "1:5: aliases are not allowed"),
        ("- a\nid: b\n", "2:1: the line is not indented like those before it"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_place(mistakes: Mistakes, text: str, said: str) -> None:
    (told,) = mistakes(text)
    assert told.startswith(f"trial.yaml:{said}")
    assert told.isprintable()


def test_a_name_with_a_line_break_in_quotes_is_told_in_one_line(mistakes: Mistakes) -> None:
    (told,) = mistakes(HEAD + criterion('{measurement: "an\\nk", at-least: 1500 /mm3}'))
    assert "no input called an\\nk" in told
    assert told.isprintable()


def test_words_and_dates_stay_what_they_are(compiled: Compile, mistakes: Mistakes) -> None:
    # in YAML 1.1 `no` is false, 2026-01-01 a date and 012 ten
    text = HEAD.replace("EXAMPLE", "no").replace('"2026-01-01"', "2026-01-01").replace("Somebody", "012")
    trial = compiled(text + criterion("{review: yes}"))
    assert (trial.short_name, trial.version, trial.sponsor) == ("no", "2026-01-01", "012")
    (told,) = mistakes(HEAD.replace("Somebody", "12") + criterion("{review: x}"))
    assert told == "trial.yaml:8:1: sponsor: a text was expected"


# ---- folders of trials ----


def trial_in(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trial.yaml").write_text(text, "utf-8")
    return folder


def test_the_mistakes_of_all_files_are_told_together(screening: Screening, tmp_path: Path) -> None:
    trial_in(tmp_path / "one", HEAD.replace("active", "activ") + criterion("{review: x}"))
    trial_in(tmp_path / "two", "id: [\n")
    trial_in(tmp_path / "right", HEAD + criterion("{review: x}"))
    trial_in(tmp_path / "unreadable", "").joinpath("trial.yaml").write_bytes(b"id: \xff\n")
    with pytest.raises(TrialError) as caught:
        load_trials(screening.vocabulary, [tmp_path], built_in=False)
    assert [line.split(": ")[0] for line in caught.value.problems] == [
        f"{tmp_path}/one/trial.yaml:5:1",
        f"{tmp_path}/two/trial.yaml:2:1",
        f"{tmp_path}/unreadable/trial.yaml:1:1",
    ]


def test_a_trial_of_the_same_id_in_a_later_folder_replaces_it(screening: Screening, tmp_path: Path) -> None:
    own = HEAD.replace("NCT00000001", "NCT03709082") + criterion("{review: x}")
    folders = [trial_in(tmp_path / "one", own), trial_in(tmp_path / "two", own.replace("EXAMPLE", "LATER"))]
    trials = load_trials(screening.vocabulary, folders)
    assert [trial.id for trial in trials.trials] == sorted(trial.id for trial in trials.trials)
    assert len(trials.trials) == len(screening.trials.trials)
    assert trials["NCT03709082"].short_name == "LATER"
    with pytest.raises(KeyError):
        trials["NCT00000001"]


def test_only_the_trials_asked_for_are_chosen(screening: Screening) -> None:
    chosen = screening.trials.chosen(["NCT03709082", "NCT02947685", "NCT03709082"])
    assert [trial.id for trial in chosen.trials] == ["NCT03709082", "NCT02947685"]
    assert screening.trials.chosen([]) is screening.trials
    with pytest.raises(KeyError):
        screening.trials.chosen(["NCT99999999"])


def test_equal_rules_of_several_trials_are_asked_once(screening: Screening, tmp_path: Path) -> None:
    rule = "{measurement: anc, at-least: 1500 /mm3, within: 28 days}"
    folders = [trial_in(tmp_path / name, HEAD.replace("NCT00000001", name) + criterion(rule)) for name in ("N1", "N2")]
    one, two = load_trials(screening.vocabulary, folders, built_in=False).trials
    assert one.criteria[0].rule is two.criteria[0].rule


def test_a_comma_for_thousands_is_told(mistakes: Mistakes) -> None:
    *_, told = mistakes(HEAD + criterion("{measurement: anc, at-least: 1,500 /mm3}"))
    assert told.endswith("unknown key 500 /mm3; a number is written without a comma for thousands")


def test_a_limit_beyond_a_score_is_told_without_a_unit(mistakes: Mistakes) -> None:
    (told,) = mistakes(HEAD + criterion("{measurement: ecog, at-most: 9}"))
    assert told.endswith("'9' is no limit for ecog, whose values lie from 0 to 4")


@pytest.mark.parametrize("version", ["2026-13-45", "2026-02-30", "01.11.2026", "2026/11/01"])
def test_a_version_that_looks_like_a_date_is_one(mistakes: Mistakes, version: str) -> None:
    (told,) = mistakes(re.sub(r"version: .*", f'version: "{version}"', HEAD) + criterion("{age: {at-least: 18}}"))
    assert told.endswith("version: a date such as 2026-11-21 was expected")


@pytest.mark.parametrize("version", ["2026-02-28", "2026-02", "Protocol 3.1", "3.1.2"])
def test_a_version_may_be_a_date_or_a_name(compiled: Compile, version: str) -> None:
    written = re.sub(r"version: .*", f'version: "{version}"', HEAD)
    assert compiled(written + criterion("{age: {at-least: 18}}")).version == version
