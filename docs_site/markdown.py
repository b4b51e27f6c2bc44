"""The few pieces of Markdown that generated pages are put together from."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = (head, ["---"] * len(head), *rows)
    return "".join(f"| {' | '.join(cell(text) for text in line)} |\n" for line in lines)


def cell(text: str) -> str:
    """One line that does not end its cell."""
    return " ".join(text.split()).replace("\\|", "|").replace("|", "\\|")


def code(text: str) -> str:
    """Text as code, whatever back ticks it holds."""
    fence = "`" * (1 + max((len(run) for run in _runs(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def _runs(text: str) -> Iterable[str]:
    return "".join(sign if sign == "`" else " " for sign in text).split()


def block(language: str, text: str) -> str:
    """A fenced block; the fence is longer than any inside."""
    fence = "`" * max(3, 1 + max((len(run) for run in _runs(text)), default=0))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def page(*parts: str) -> str:
    """Parts with a blank line between them; empty ones are left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"
