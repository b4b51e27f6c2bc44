"""Every page that is made at build time, by its place in the site."""

from collections.abc import Iterator
from pathlib import Path

from docs_site.commands import commands_page
from docs_site.http import http_page
from docs_site.links import PROJECT, ROOT, outside, place, relinked
from docs_site.markdown import block, page
from docs_site.results import results_page
from docs_site.trials import Shown, one_page, shown_trials, trials_page
from docs_site.vocabulary import answers_page, diagnoses_page, drugs_page, inputs_page
from service.render.settings import table as settings_table
from service.screening import Screening

_LANGUAGES = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".py": "python", ".conf": "nginx", ".sh": "sh"}
_UNSEARCHED = "---\nsearch: {exclude: true}\n---\n\n"


def generated() -> dict[str, str]:
    """The generated pages, place to Markdown, with links as they are in the site."""
    shown = shown_trials()
    pages = reference() | {"trials/index.md": trials_page(shown)} | {one.page: one_page(one) for one in shown}
    pages |= {place(name): _project(name) for name in PROJECT}
    texts = {f"docs/{where}": text for where, text in pages.items() if where.startswith(("reference/", "trials/"))}
    texts |= {name: (ROOT / name).read_text("utf-8") for name in PROJECT}
    texts |= {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in written()}
    linked = {aim for source, text in texts.items() for aim in outside(text, source)}
    files = {place(aim): _file(aim) for aim in sorted(linked)}
    return {where: _moved(where, text) for where, text in pages.items()} | files


def reference() -> dict[str, str]:
    screening = Screening()
    return {
        "reference/commands.md": commands_page(),
        "reference/settings.md": _settings(),
        "reference/http.md": http_page(),
        "reference/results.md": results_page(screening),
        "reference/inputs.md": inputs_page(screening),
        "reference/diagnoses.md": diagnoses_page(screening),
        "reference/drugs.md": drugs_page(screening),
        "reference/answers.md": answers_page(screening),
    }


def written() -> list[Path]:
    """The pages that stand in docs/."""
    return sorted((ROOT / "docs").rglob("*.md"))


def trial_pages() -> list[tuple[str, str]]:
    """(title, place) of the page of each trial."""
    return [(_title(one), one.page) for one in shown_trials()]


def _title(one: Shown) -> str:
    return one.trial.short_name if not one.trial.example else f"Example: {one.trial.short_name}"


def _moved(where: str, text: str) -> str:
    """Links of generated pages are written as if the page stood in docs/; those of the project's texts were moved."""
    if where.startswith("project/"):
        return text
    return relinked(text, f"docs/{where}", where, _is_generated)


def _is_generated(where: str) -> bool:
    return where.startswith(("reference/", "trials/", "project/"))


def _project(name: str) -> str:
    text = (ROOT / name).read_text("utf-8")
    return relinked(text, name, place(name), _is_generated) if name.endswith(".md") else _notice(text)


def _notice(text: str) -> str:
    return page("# Notice", block("text", text))


def _settings() -> str:
    return page(
        "# Settings",
        "Every setting is an environment variable; one marked secret may stand in a file named by `<NAME>_FILE`. A "
        "wrong or unknown one stops the start and is named. The service and all commands read the same.",
        settings_table(),
    )


def _file(path: str) -> str:
    """A file of the repository as a page; a folder as the list of what is in it."""
    found = ROOT / path
    if found.is_dir():
        return _UNSEARCHED + page(f"# {path}/", block("text", "\n".join(_listed(found))))
    text = found.read_text("utf-8")
    return _UNSEARCHED + page(f"# {path}", block(_LANGUAGES.get(found.suffix, "text"), text))


def _listed(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if not path.name.startswith((".", "__")):
            yield f"{path.name}/" if path.is_dir() else path.name
