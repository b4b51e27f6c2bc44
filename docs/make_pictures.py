"""The README's pictures, taken of the demo: `python docs/make_pictures.py`. Needs Playwright and Chromium."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
CHROMIUM = "/usr/bin/chromium"
PATIENT = "dora"
TRIAL = "NCT03304080"
MARGIN = 10
MOST_BYTES = 250_000


@contextmanager
def demo() -> Iterator[str]:
    """The address of a demo on loopback."""
    command = [sys.executable, "-m", "service", "serve", "--demo", "--port", "0", "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("trialhook demo: "))
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield line.split()[-1]
        finally:
            process.terminate()


def take(page: Page, name: str, element: str, height: float | None = None) -> None:
    """A picture of an element with a margin, cut at a height where one is given."""
    box = page.locator(element).first.bounding_box()
    assert box is not None
    clip = {
        "x": max(box["x"] - MARGIN, 0),
        "y": max(box["y"] - MARGIN, 0),
        "width": box["width"] + 2 * MARGIN,
        "height": min(height or box["height"], box["height"]) + 2 * MARGIN,
    }
    file = IMAGES / name
    page.screenshot(path=file, clip=clip, full_page=True)
    size = file.stat().st_size
    if size > MOST_BYTES:
        sys.exit(f"{name} has {size:,} bytes, at most {MOST_BYTES:,} were expected")
    print(f"{file}: {size:,} bytes")


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with demo() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport={"width": 1560, "height": 900},
            device_scale_factor=1.5,
            color_scheme="light",
            reduced_motion="reduce",
        )
        page.goto(f"{address}#{PATIENT}")
        page.wait_for_selector("#cards[aria-busy=false]")
        card = f"article.card:has-text('{TRIAL}')"
        take(page, "card.png", card)
        link = page.locator(f"{card} a[href*='/explain/']").first.get_attribute("href")
        assert link is not None
        page.set_viewport_size({"width": 960, "height": 900})
        page.goto(link)
        take(page, "explanation.png", "main", height=895)
        browser.close()


if __name__ == "__main__":
    main()
