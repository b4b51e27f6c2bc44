"""What mkdocs is told besides mkdocs.yml: the pages made at build time, and links of docs/ to files outside of it."""

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs_site.links import ROOT, relinked
from docs_site.pages import generated, trial_pages

ASSETS = ("site.css", "iframe-worker.js", "tables.js")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The page of each trial goes below Trials."""
    nav: list[dict[str, Any]] = config.nav or []
    trials = next(part["Trials"] for part in nav if "Trials" in part)
    del trials[1:]  # a server that builds anew asks again
    trials += [{title: place} for title, place in trial_pages()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for place, text in generated().items():
        files.append(File.generated(config, place, content=text))
    for name in ASSETS:
        files.append(
            File.generated(config, f"assets/{name}", content=(ROOT / "docs_site/assets" / name).read_text("utf-8"))
        )
    icon = (ROOT / "service/static/icon.svg").read_text("utf-8")
    files.append(File.generated(config, "assets/icon.svg", content=icon))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.generated_by:
        return markdown
    return relinked(markdown, f"docs/{page.file.src_uri}", page.file.src_uri, lambda where: where in files.src_uris)
