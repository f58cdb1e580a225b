"""Simulated participants are left out of a report unless asked for, and then it says so."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis import simulated
from analysis.__main__ import main
from analysis.dataset import Dataset, load
from analysis.exclusions import exclude
from analysis.results import results

ROBOTS = 6
ALONE = {"declined": 0, "withdrawn": 0, "active": 0, "fast": 0}


@pytest.fixture
def dataset(build) -> Dataset:
    return load(build(simulated=ROBOTS, people=8, **ALONE))


def test_simulated_participants_are_left_out_unless_asked_for(dataset: Dataset) -> None:
    without, with_them = results(dataset), results(dataset, with_simulated=True)
    assert without["participants"]["simulated"] == with_them["participants"]["simulated"] == ROBOTS
    assert without["participants"]["reasons"] == {"simulated": ROBOTS}
    assert "simulated" not in with_them["participants"]["reasons"]
    assert with_them["participants"]["asked"] - without["participants"]["asked"] == ROBOTS


def test_a_report_with_them_says_so_at_its_top(build, tmp_path: Path) -> None:
    bundle = build(simulated=ROBOTS, people=8, **ALONE)
    assert main(["report", str(bundle), "--out", str(tmp_path / "without")]) == 0
    assert main(["report", str(bundle), "--out", str(tmp_path / "with"), "--with-simulated"]) == 0
    said = f"{ROBOTS} simulated participants are counted as people"
    assert said not in (tmp_path / "without" / "report.html").read_text()
    page = (tmp_path / "with" / "report.html").read_text()
    assert page.index(said) < page.index("<main>")
    found = json.loads((tmp_path / "with" / "results.json").read_text())
    assert found["participants"]["simulated_count"] is True


def test_robots_take_as_long_as_their_browser_says(dataset: Dataset) -> None:
    robots = dataset.participants.loc[dataset.participants["simulated"], "participant_id"]
    trials = dataset.steps[dataset.steps["step_kind"] == "trial"]
    theirs = trials[trials["participant_id"].isin(robots)]
    first, second = robots.iloc[0], robots.iloc[1]
    events = pd.DataFrame(
        [
            {"participant_id": who, "step_position": at, "kind": kind, "at_ms": ms}
            for who, at in theirs[["participant_id", "step_position"]].itertuples(index=False)
            for kind, ms in (("shown", 0.0), ("submit", 900.0 if who == first else 4000.0))
        ]
    )
    # On the server's clock everybody takes long enough; by the browser's the first robot does not.
    found = simulated.as_people(replace(dataset, events=events))
    _, left_out = exclude(found, found.design.exclusions)
    assert [who for who, reason, _ in left_out.rows if reason == "too_fast"] == [first]
    durations = found.steps.set_index(["participant_id", "step_position"])["duration_ms"]
    assert set(durations[second].dropna()) == {4000.0}
    real = dataset.participants.loc[~dataset.participants["simulated"], "participant_id"]
    kept = found.steps["participant_id"].isin(real)
    pd.testing.assert_frame_equal(found.steps[kept], dataset.steps[kept])
