"""The README's table of settings is the one that the definitions give."""

from pathlib import Path

from service.render.settings import table, with_table
from service.settings import SETTINGS

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def test_the_readme_holds_the_present_table() -> None:
    assert with_table(README) == README
    assert table() in README


def test_every_setting_has_a_row() -> None:
    assert all(f"| `{setting.variable}` |" in table() for setting in SETTINGS)
