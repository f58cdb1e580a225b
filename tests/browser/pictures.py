"""Take the README's pictures: `python tests/browser/pictures.py` writes docs/trial.png, admin.png.

The demo study is explained in full, and a script answers it as some twenty people might; the
answers know nothing of the conditions. Takes some minutes.
"""

import shutil
import tempfile
from io import BytesIO
from pathlib import Path
from random import Random

from installation import DEMO, EMAIL, PASSWORD, ROOT, Site, prepare
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from visitor import Visitor, follow, launch

PEOPLE = 20
WINDOW = {"width": 1280, "height": 790}
TALL = {"width": 1280, "height": 1080}
DOCS = ROOT / "docs"


def main() -> None:
    """Prepare, serve, answer, photograph."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "studies" / "demo"
        shutil.copytree(DEMO, study)
        prepare(Path(folder) / "instance", study)
        site = Site(Path(folder) / "instance")
        try:
            with sync_playwright() as playwright:
                _photograph(site, launch(playwright))
        finally:
            site.stop()


def _photograph(site: Site, browser: Browser) -> None:
    DOCS.mkdir(exist_ok=True)
    taken = False
    for number in range(PEOPLE):
        visitor = Visitor(browser.new_context(viewport=WINDOW).new_page(), Random(number))
        visitor.begin(site.study)
        leniency = visitor.random.gauss(0, 0.8)
        pages = 7 if number in (4, 11) else 100
        while visitor.kind != "debrief" and pages:
            pages -= 1
            _decide(visitor, leniency)
            take = not taken and visitor.kind == "explained" and _shows_both_signs(site, visitor)
            if take:
                visitor.fixed["trust"] = "2"
            visitor.answer()
            if take:
                _save(visitor.page, "trial.png")
                taken = True
            visitor.send()
        visitor.page.context.close()
    page = browser.new_context(viewport=TALL).new_page()
    page.goto(site.study)
    follow(page.get_by_role("button", name="I do not take part"))
    page.goto(f"{site.url}/admin/studies/demo")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    follow(page.get_by_role("button", name="Log in"))
    page.get_by_role("heading", name="Judging a digit reader").wait_for()
    _save(page, "admin.png")


def _decide(visitor: Visitor, leniency: float) -> None:
    """Settle the answers to this page: people differ, and like an explained answer a bit more."""

    def near(mean: float, most: int) -> str:
        return str(min(max(round(visitor.random.gauss(mean, 1.4)), 1), most))

    mean = 4.2 + 0.6 * (visitor.kind == "explained") + leniency
    visitor.fixed = {"trust": near(mean, 7), "keep": "1"}
    visitor.fixed |= {f"es{number}": near(3.3 + leniency / 2, 5) for number in range(1, 9)}


def _shows_both_signs(site: Site, visitor: Visitor) -> bool:
    """Whether the page shows a real explanation with parts for and parts against the answer."""
    real = site.count(
        "SELECT count(*) FROM step JOIN participant p ON p.id = participant_id"
        " WHERE token_hash = ? AND position = ? AND condition = 'explanation=shap'",
        visitor.token_hash,
        visitor.position,
    )
    against = visitor.page.locator("path[fill='url(#hatch)']")
    return bool(real and against.get_attribute("d"))


def _save(page: Page, name: str) -> None:
    """Save what the window shows in 256 colours, which a page of a few flat ones does not miss."""
    with Image.open(BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").quantize(256).save(DOCS / name, optimize=True)


if __name__ == "__main__":
    main()
