"""A gallery of a small network: whole, in one file, usable by all, quick the second time."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from installation import DEMO, ROOT, change, flask
from playwright.sync_api import Browser

from explainer.methods.catalogue import METHODS

pytestmark = pytest.mark.browser
CHECKPOINT = "checkpoints/mnist-cnn"  # reads an image in less than a millisecond
REFUSED = {"lrp", "senn_concepts"}  # what a network of convolutions has no


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with the demo study, of a small network."""
    folder = tmp_path_factory.mktemp("gallery")
    weights = ROOT / "explainer" / "assets" / CHECKPOINT / "weights.safetensors"
    shutil.copytree(DEMO, folder / "demo")
    change(
        folder / "demo" / "study.yaml",
        (
            r"checkpoints/mnist-s4d\n    sha256: \w+",
            f"{CHECKPOINT}\n    sha256: {_digest(weights)}",
        ),
        (r"evaluations: \d+", "evaluations: 100"),
    )
    flask(folder / "instance", "db", "upgrade")
    flask(folder / "instance", "study", "load", str(folder / "demo"))
    return folder / "instance"


def test_every_method_is_on_one_page_that_everyone_can_use(
    instance: Path, browser: Browser
) -> None:
    out = instance / "gallery.html"
    said = flask(instance, "gallery", "demo", "--stimuli", "1", "--out", str(out))
    assert str(out) in said
    context = browser.new_context()
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    page = context.new_page()
    page.goto(out.as_uri())
    applying = {name for name, method in METHODS.items() if "image" in method.kinds}
    assert set(page.locator("h4").all_inner_texts()) == {
        *applying,
        "shap (partition)",
        "mismatched (this study)",
    }
    for section in page.locator("section.method").all():
        name = section.locator("h4").inner_text()
        assert section.locator(".refused").count() == (name in REFUSED), name
        assert section.locator(".paper").count() == (name not in REFUSED), name
        assert section.locator("dt", has_text="Source").count() == 1
    for theme, width in (("light", 1280), ("dark", 360)):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 800})
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        overflow = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        assert overflow <= 0
    assert {url.partition(":")[0] for url in requests} <= {"file", "data"}
    assert "<script" not in out.read_text("utf-8")
    context.close()
    again = instance / "again.html"
    flask(instance, "gallery", "demo", "--stimuli", "1", "--out", str(again))
    assert again.read_bytes() == out.read_bytes()


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
