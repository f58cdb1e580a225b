"""The whole loop: participants answer, a researcher watches and downloads, the report is made."""

import csv
import json
import re
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from io import TextIOWrapper
from pathlib import Path
from statistics import mean

import pytest
from conftest import NewPage, NewVisitor
from installation import EMAIL, PASSWORD, ROOT, Site
from playwright.sync_api import Page, expect
from visitor import Given, Visitor, follow

pytestmark = pytest.mark.browser
# The demo leaves out whoever takes less than 1.5 s for the median trial.
LOOKING_SECONDS = 1.6


def test_answers_reach_the_researcher_and_the_report(
    own_site: Site, new_visitor: NewVisitor, new_page: NewPage, tmp_path: Path
) -> None:
    visitors = [new_visitor(own_site) for _ in range(3)]
    for visitor, keep in zip(visitors, ("1", "1", "0"), strict=True):
        visitor.fixed["keep"] = keep
    codes = _finish_side_by_side(visitors)
    assert codes == ["DEMO-DONE"] * 3
    for visitor in visitors:
        assert own_site.stored(visitor.token) == visitor.given

    page = new_page(own_site, viewport={"width": 1280, "height": 800})
    _log_in(page, own_site)
    follow(page.get_by_role("link", name="Judging a digit reader"))
    expect(page.locator(".counts")).to_have_text(re.compile(r"finished\s*3\s*under way\s*0"))
    expect(page.get_by_text("10 of 10")).to_have_count(3)
    _expect_bars(page, _ratings(own_site, visitors))

    with page.expect_download() as download:
        page.get_by_role("link", name="Download the export bundle of version 1").click()
    archive = tmp_path / download.value.suggested_filename
    download.value.save_as(archive)
    bundled = _bundled(archive)
    assert sorted(bundled.values(), key=repr) == sorted((v.given for v in visitors), key=repr)

    folder = _report(archive, tmp_path / "report")
    people = json.loads((folder / "results.json").read_text("utf-8"))["participants"]
    assert (people["complete"], people["analysed"]) == (3, 2)
    assert [each["participant_id"] for each in people["left_out"]] == _took_back(bundled)
    page.goto((folder / "report.html").as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("Judging a digit reader")


def _finish_side_by_side(visitors: list[Visitor]) -> list[str]:
    """Let visitors look at every page together, for as long as people need at least."""
    while visitors[0].kind != "debrief":
        started = time.monotonic()
        for visitor in visitors:
            visitor.answer()
        if visitors[0].kind in ("explained", "bare"):
            time.sleep(max(0, LOOKING_SECONDS + started - time.monotonic()))
        for visitor in visitors:
            visitor.send()
    return [visitor.finish() for visitor in visitors]


def _log_in(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    follow(page.get_by_role("button", name="Log in"))


def _ratings(site: Site, visitors: list[Visitor]) -> dict[str, list[float]]:
    """The trust ratings that were given, by condition."""
    database = site.database()
    conditions = {
        (token_hash, position): condition
        for token_hash, position, condition in database.execute(
            "SELECT token_hash, position, condition FROM step"
            " JOIN participant p ON p.id = participant_id WHERE step.kind = 'trial'"
        )
    }
    database.close()
    ratings = defaultdict(list)
    for visitor in visitors:
        for (position, item), value in visitor.given.items():
            if item == "trust":
                assert isinstance(value, float)
                ratings[conditions[visitor.token_hash, position]].append(value)
    return ratings


def _expect_bars(page: Page, ratings: dict[str, list[float]]) -> None:
    assert set(ratings) == {f"explanation={level}" for level in ("none", "shap", "mismatched")}
    for condition, values in ratings.items():
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=condition))
        cells = row.get_by_role("cell")
        expect(cells.nth(0)).to_have_text(str(len(values)))
        expect(cells.nth(1)).to_have_text(f"{mean(values):.2f}")
        for point in range(2, 7):
            expect(cells.nth(2)).to_contain_text(f"{point}: {values.count(point)}")


def _bundled(archive: Path) -> dict[str, Given]:
    """The answers in a bundle, by participant."""
    answers: dict[str, Given] = defaultdict(dict)
    table = "data/table-responses_data.csv"
    with zipfile.ZipFile(archive) as bundle, bundle.open(table) as file:
        for row in csv.DictReader(TextIOWrapper(file, "utf-8", newline="")):
            assert row["missing_reason"] == ""
            number = row["value_number"]
            value = float(number) if number else row["value_text"]
            answers[row["participant_id"]][int(row["step_position"]), row["item_id"]] = value
    return answers


def _took_back(bundled: dict[str, Given]) -> list[str]:
    return [
        participant
        for participant, given in bundled.items()
        if any(item == "keep" and value == 0 for (_, item), value in given.items())
    ]


def _report(archive: Path, out: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "analysis", "report", str(archive), "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out
