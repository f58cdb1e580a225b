"""Take pictures of every kind of trial, at the width of a desk and of a phone.

`python tests/browser/trial_pictures.py` writes docs/trials/KIND-WIDTH.png, from the shipped models.
"""

import json
import tempfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from installation import ROOT, Site, flask
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from visitor import follow, launch

WIDTHS = (1280, 360)
ASSETS = ROOT / "explainer" / "assets"
DOCS = ROOT / "docs" / "trials"
# Of each set: its checkpoint, its data, what is selected, and how it is explained.
SETS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "digits": ("mnist-noisy-s4d", "mnist-noisy-120.npz", {"right": 4, "wrong": 0, "seed": 2}),
    "ideas": ("mnist-senn", "mnist-200.npz", {"right": 2, "wrong": 0, "seed": 2}),
    "reviews": ("reviews-s4", "reviews-48.jsonl", {"right": 4, "wrong": 0, "seed": 3}),
    "changed": ("reviews-s4", "changed.jsonl", {"count": 48, "seed": 3}),
    "prices": ("sp500-spacetime", "sp500-40.npz", {"right": 2, "wrong": 0, "seed": 2}),
    "prompts": ("wikitext-s4", "prompts-24.jsonl", {"count": 2, "seed": 2}),
}
TRIALS: dict[str, tuple[str, Any]] = {
    "rate": ("prices", "rate"),
    "advice": ("digits", {"task": "advice", "feedback": True}),
    "forward_simulation": ("reviews", "forward_simulation"),
    "counterfactual_simulation": (
        "reviews",
        {"task": "counterfactual_simulation", "changed": "changed"},
    ),
    "compare": ("digits", {"task": "compare", "explanations": ["shap", "lime"]}),
    "highlight_picture": ("digits", "highlight"),
    "highlight_text": ("reviews", "highlight"),
    "read": ("prompts", "read"),
}


def study(home: Path) -> dict[str, Any]:
    """A study with one trial of each kind."""
    used = {stimuli for stimuli, _ in TRIALS.values()} | {"changed"}
    return {
        "schema": "credence/study/1",
        "slug": "kinds",
        "title": {"en": "Every kind of trial"},
        "seed": 1,
        "pages": {"consent": "text.md", "debrief": "text.md"},
        "checkpoints": {name: _checkpoint(name) for name in {SETS[each][0] for each in used}},
        "stimuli": {
            name: {
                "checkpoint": SETS[name][0],
                "data": {"path": f"data/{SETS[name][1]}", "sha256": _digest(home, SETS[name][1])},
                "select": SETS[name][2],
            }
            for name in used
        },
        "explanations": {
            "shap": {
                "method": "permutation",
                "parameters": {"evaluations": 1600},
                "output": "predicted",
                "seed": 1,
            },
            "lime": {
                "method": "lime",
                "parameters": {"evaluations": 500},
                "output": "predicted",
                "seed": 1,
            },
        },
        "factors": {"explanation": {"levels": ["shap", "lime"], "vary": "between"}},
        "items": {
            "trust": {
                "kind": "likert",
                "text": {"en": "I would rely on this answer."},
                "min": 1,
                "max": 7,
                "labels": {1: {"en": "not at all"}, 7: {"en": "completely"}},
            }
        },
        "flow": [
            {"step": "consent"},
            *(
                {
                    "block": name,
                    "trial": trial,
                    "stimuli": stimuli,
                    "per_participant": 1,
                    "items": ["trust"] if name == "rate" else [],
                }
                for name, (stimuli, trial) in TRIALS.items()
            ),
            {"step": "debrief"},
        ],
    }


def _checkpoint(name: str) -> dict[str, str]:
    card = json.loads((ASSETS / "checkpoints" / name / "card.json").read_text())
    return {"path": f"checkpoints/{name}", "sha256": card["weights_sha256"]}


def _digest(home: Path, name: str) -> str:
    places = (home / "data" / name, ASSETS / "data" / name)
    return sha256(next(place for place in places if place.exists()).read_bytes()).hexdigest()


def _change_reviews(home: Path) -> None:
    """Write each review again, with the doubt of somebody who only heard of it."""
    (home / "data").mkdir()
    lines = (ASSETS / "data" / "reviews-48.jsonl").read_text("utf-8").splitlines()
    changed = [{"text": "I am told, but do not believe: " + json.loads(x)["text"]} for x in lines]
    text = "".join(json.dumps(each) + "\n" for each in changed)
    (home / "data" / "changed.jsonl").write_text(text, "utf-8")


def main() -> None:
    """Prepare, serve, photograph."""
    DOCS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home, instance = Path(folder) / "kinds", Path(folder) / "instance"
        home.mkdir()
        (home / "text.md").write_text("Every kind of trial, one after another.\n")
        _change_reviews(home)
        (home / "study.yaml").write_text(json.dumps(study(home)))
        for command in (
            ("db", "upgrade"),
            ("study", "load", str(home)),
            ("precompute", "kinds"),
            ("study", "open", "kinds"),
        ):
            flask(instance, *command)
        site = Site(instance)
        try:
            with sync_playwright() as playwright:
                browser = launch(playwright)
                for width in WIDTHS:
                    _walk(site, browser, width)
        finally:
            site.stop()


def _walk(site: Site, browser: Browser, width: int) -> None:
    page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
    page.goto(f"{site.url}/s/kinds")
    follow(page.get_by_role("button", name="I agree and take part"))
    seen: dict[str, int] = {}
    for block in (name for name, (_, trial) in TRIALS.items() for _ in range(_pages(trial))):
        seen[block] = seen.get(block, 0) + 1
        _answer(page)
        part = f"-{seen[block]}" if _pages(TRIALS[block][1]) > 1 else ""
        _save(page, f"{block}{part}-{width}.png")
        follow(page.get_by_role("button", name="Continue"))


def _pages(trial: Any) -> int:
    task = trial if isinstance(trial, str) else trial["task"]
    return 3 if task == "advice" else 1


def _answer(page: Page) -> None:
    for group in page.locator("fieldset[role=radiogroup]").all():
        group.get_by_role("radio").nth(1).check()
    for box in page.locator("input[type=text]").all():
        box.fill("60")
    for unit in page.locator(".unit").all()[:3]:
        unit.click()


def _save(page: Page, name: str) -> None:
    """Save a page in 256 colours, which one of a few flat ones does not miss."""
    with Image.open(BytesIO(page.screenshot(full_page=True))) as picture:
        picture.convert("RGB").quantize(256).save(DOCS / name, optimize=True)


if __name__ == "__main__":
    main()
