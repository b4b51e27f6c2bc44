"""The commands that the README lists do what it says, each on files as it names them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.authoring.records import document
from tests.builders import AS_OF
from tests.docs.pages import ROOT, Block, Here, blocks, is_only_read, script

README = blocks((ROOT / "README.md").read_text("utf-8"))
COMMANDS = [
    command
    for block in README
    if block.language == "sh" and not block.mark
    for command in script(block)
    if command.startswith("trialhook") and not is_only_read(command)
]
PATIENTS = ROOT / "service/demo/patients"
DRAFTS = {
    "resourceType": "MedicationRequest",
    "id": "draft",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/anna"},
    "medicationCodeableConcept": {
        "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "56946", "display": "paclitaxel"}]
    },
}


def example_trial() -> Block:
    return next(block for block in README if block.language == "yaml")


def prepared(folder: Path) -> None:
    """The files that the README's commands name."""
    shutil.copy(PATIENTS / "anna.json", folder / "patient.json")
    (folder / "export").symlink_to(PATIENTS)
    record = document("Inclusion Criteria:\n\n* Age of 18 years or older", id="NCT05302050")
    (folder / "NCT05302050.json").write_text(json.dumps(record))
    trial = folder / "mytrials" / "NCT00000000"
    trial.mkdir(parents=True)
    (trial / "trial.yaml").write_text(example_trial().text, "utf-8")
    cases = f'as-of: "{AS_OF}"\npatient: {{gender: female, born: "1980-01-01"}}\ncases:\n  adult:\n    - pass: {{}}\n'
    (trial / "cases.yaml").write_text(cases, "utf-8")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: re.sub(r"\s+#.*", "", command))
def test_a_command_of_the_readme_does_its_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared(tmp_path)
    monkeypatch.chdir(tmp_path)
    here = Here(monkeypatch, capfd)
    if "drafts.json" in command:
        (tmp_path / "drafts.json").write_text(json.dumps(DRAFTS))
    if "--resume" in command:
        here.run(COMMANDS[COMMANDS.index(command) - 1])
    here.run(command.replace("*.json", "patient.json"))


def test_the_readme_has_commands_to_run() -> None:
    assert len(COMMANDS) >= 8
    assert {command.split()[1] for command in COMMANDS} >= {"evaluate", "screen", "feedback", "trials"}
