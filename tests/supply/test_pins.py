"""What a lock file pins."""

from pathlib import Path

import pytest

from supply.pins import Pin, WrongLock, read_pins

HASH = "    --hash=sha256:00\n"


def pins(folder: Path, text: str) -> tuple[Pin, ...]:
    path = folder / "requirements.lock"
    path.write_text(text, "utf-8")
    return read_pins(path)


def test_packages_are_read_with_those_who_ask_for_them(tmp_path: Path) -> None:
    text = (
        "# written by uv\n"
        f"Mako==1.4.3 \\\n{HASH}    # via alembic\n"
        f"alembic==1.20.1 \\\n{HASH}    # via trialhook (pyproject.toml)\n"
        f"typing-extensions==4.16.0 \\\n{HASH}{HASH}    # via\n    #   trialhook (pyproject.toml)\n    #   Alembic\n"
    )
    assert pins(tmp_path, text) == (
        Pin("alembic", "1.20.1", True, ("trialhook",)),
        Pin("mako", "1.4.3", True, ("alembic",)),
        Pin("typing-extensions", "4.16.0", True, ("alembic", "trialhook")),
    )


@pytest.mark.parametrize(("marker", "applies"), [("python_version >= '3'", True), ("python_version < '3'", False)])
def test_a_marker_says_whether_a_package_applies_here(tmp_path: Path, marker: str, applies: bool) -> None:
    (pin,) = pins(tmp_path, f"mako==1 ; {marker} \\\n{HASH}")
    assert pin.applies is applies


def test_the_extras_of_a_package_are_no_part_of_its_name(tmp_path: Path) -> None:
    (pin,) = pins(tmp_path, f"psycopg[binary]==3.3.9 \\\n{HASH}")
    assert pin.name == "psycopg"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"mako>=1 \\\n{HASH}", "one exact version"),
        (f"mako==1,!=2 \\\n{HASH}", "one exact version"),
        (f"mako \\\n{HASH}", "one exact version"),
        ("mako==1\n", "without a hash"),
        (f"mako==1 \\\n{HASH}alembic==2\n", "without a hash: alembic==2"),
        (f"mako at 1 \\\n{HASH}", "not a requirement: mako at 1"),
        ("", "pins nothing"),
        ("# nothing\n", "pins nothing"),
    ],
)
def test_anything_that_is_not_pinned_and_hashed_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongLock, match=said):
        pins(tmp_path, text)


def test_a_lock_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongLock, match=r"requirements\.lock cannot be read"):
        read_pins(tmp_path / "requirements.lock")
