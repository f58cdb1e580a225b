"""Comparing explanations: numbers against scipy, what is printed, and what is written."""

import csv
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from flask import Flask
from lab import Artifacts, Laboratory, measures
from scipy import stats
from test_cli import done, refused

from webapp import comparison
from webapp.comparison import Mean, agreements, explained, lines, mean, t_quantile
from webapp.comparison_curves import OTHER, OWN, _levels, draw
from webapp.models import StudyVersion


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 11, 29, 100, 1000])
def test_the_t_quantile_is_scipys(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-4)


def test_means_have_the_interval_of_student() -> None:
    values = np.random.default_rng(0).normal(size=9)
    found = mean(values)
    low, high = stats.t.interval(0.95, 8, values.mean(), stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((values.mean(), low, high), 1e-4)
    assert mean(values[:1]) == Mean(values[0], None, None, 1)


@pytest.fixture
def compared(lab: Laboratory) -> Artifacts:
    """The small study registered; the mismatched ones are measured too, but for one."""
    version, made = lab.load(), lab.ready[1]
    lab.prepare(version)
    for digest in list(made.explanations["mismatched"].values())[1:]:
        lab.store.write_measures(digest, measures(lab.store.read_explanation(digest)))
    lab.prepare(version, made)
    return made


def test_every_metric_stands_beside_a_random_attributions(
    lab: Laboratory, compared: Artifacts
) -> None:
    with lab.session() as session:
        (shown,) = explained(session, session.get_one(StudyVersion, 1)).values()
        found = {(each.name, each.metric): each for each in lines("digits", shown)}
    areas = {
        name: [
            there.metrics["deletion_area"]
            for digest in each.values()
            if (there := lab.store.read_measures(digest)) is not None
        ]
        for name, each in compared.explanations.items()
    }
    for name, n in (("shap", 6), ("mismatched", 5)):
        line = found[name, "deletion_area"]
        assert line.found == mean(np.array(areas[name]))
        assert line.found.n == n
        assert line.chance is not None
        assert (line.chance.value, line.chance.low) == (0.5, 0.5)
        assert line.difference is not None
        assert line.difference.value == pytest.approx(line.found.value - 0.5)
        assert found[name, "deletion_area_other_mask"].found.value == line.found.value / 2
        assert found[name, "sparsity"].chance is None
        assert found[name, "evaluations"].found.value == 100
    assert found["shap", "completeness_gap"].found.value == 0
    assert ("mismatched", "completeness_gap") not in found
    names = [metric for name, metric in found if name == "shap"]
    assert names[:2] == ["deletion_area", "deletion_area_other_mask"]
    assert names[-2:] == ["evaluations", "seconds"]


def test_agreement_is_spearmans_over_stimuli(lab: Laboratory, compared: Artifacts) -> None:
    with lab.session() as session:
        (shown,) = explained(session, session.get_one(StudyVersion, 1)).values()
        (found,) = agreements("digits", shown, lab.store)
    read = lab.store.read_explanation
    expected = [
        stats.spearmanr(
            read(compared.explanations["shap"][of]).values[:, 0],
            read(compared.explanations["mismatched"][of]).values[:, 0],
        )[0]
        for of in compared.stimuli["digits"]
    ]
    assert (found.one, found.other) == ("mismatched", "shap")
    assert found.ranks.value == pytest.approx(np.mean(expected), abs=1e-12)
    assert found.ranks.n == 6


def test_what_is_compared_is_printed_and_written(
    app: Flask, lab: Laboratory, compared: Artifacts, tmp_path: Path
) -> None:
    out = tmp_path / "compared"
    said = done(app, "explanations", "compare", "small", "--out", out)
    assert "digits, shap (partition), 6 stimuli" in said
    assert re.search(r"^deletion_area +lower +\S+ +\[.*\] +0\.5 .* 5$", said, re.M)
    assert "not measured yet (1 of 6 stimuli)" in said
    assert "measure with: flask precompute small" in said
    assert "sensitivity: not measured here (6 of 6 stimuli)" in said
    assert "mismatched and shap" in said
    assert set(re.findall(r"^written: .*/(\S+)$", said, re.M)) == {
        "metrics.csv",
        "agreement.csv",
        "digits-curves.svg",
    }
    with (out / "metrics.csv").open(newline="") as file:
        rows = {(row["name"], row["metric"]): row for row in csv.DictReader(file)}
    row = rows["shap", "deletion_area"]
    assert (row["n"], row["random_mean"], row["random_n"], row["better"]) == (
        "6",
        "0.5",
        "6",
        "lower",
    )
    assert float(row["difference_mean"]) == pytest.approx(float(row["mean"]) - 0.5)
    assert rows["shap", "sparsity"]["random_mean"] == ""
    drawing = ElementTree.parse(out / "digits-curves.svg").getroot()  # noqa: S314  # our own
    (title, described) = (child.text or "" for child in list(drawing)[:2])
    assert "means over 6 stimuli" in title
    assert "Areas: mismatched " in described
    space = "{http://www.w3.org/2000/svg}"
    # Of the mismatched ones one is not measured, so theirs is another random attribution.
    names = [each.text for each in drawing.findall(f"{space}text")][-4:]
    assert names == ["mismatched", "shap", "random, as mismatched", "random, as shap"]
    assert len(drawing.findall(f".//{space}polyline")) == 2 * 4
    assert len(drawing.findall(f".//{space}polygon")) == 2 * 2


def test_curves_are_means_over_stimuli_whatever_their_points(
    lab: Laboratory, compared: Artifacts
) -> None:
    with lab.session() as session:
        (shown,) = explained(session, session.get_one(StudyVersion, 1)).values()
        drawn = draw("digits", {"shap": shown["shap"]}, OWN)
        assert draw("digits", shown, OTHER) is None
    assert drawn is not None
    deletion = drawn.panels[0].shapes
    assert [each.name for each in deletion] == ["shap", "random"]
    # Each curve is 1 at first, then its area at a half, then -2: by trapezoids.
    halves = [
        there.metrics["deletion_area"]
        for digest in compared.explanations["shap"].values()
        if (there := lab.store.read_measures(digest)) is not None
    ]
    area = (1 + np.mean(halves)) / 4 + (np.mean(halves) - 2) / 4
    assert float(deletion[0].area) == pytest.approx(area, rel=0.006)
    first = [float(each.split(",")[1]) for each in deletion[0].line.split()]
    assert first[0] == deletion_top(deletion[1].line)


def deletion_top(line: str) -> float:
    """Where a line begins: both curves begin with nothing removed."""
    return float(line.split(maxsplit=1)[0].split(",")[1])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-40, 0.2), (0.001, 0.0013), (-3, 900)])
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    found = _levels(low, high)
    assert 3 <= len(found) <= 8
    assert low <= found[0]
    assert found[-1] <= high
    assert len(set(np.round(np.diff(found), 12))) == 1


def test_nothing_to_compare_is_said(app: Flask, lab: Laboratory) -> None:
    assert "no study 'small'" in refused(app, "explanations", "compare", "small")
    lab.load()
    said = refused(app, "explanations", "compare", "small")
    assert "version 1 has no explanations yet; run: flask precompute small" in said


def test_metrics_that_nobody_named_come_after_the_others(
    lab: Laboratory, compared: Artifacts
) -> None:
    digest = next(iter(compared.explanations["shap"].values()))
    there = lab.store.read_measures(digest)
    assert there is not None
    lab.store.write_measures(digest, replace(there, metrics={**there.metrics, "new": 3.0}))
    lab.prepare(1, compared)
    with lab.session() as session:
        (shown,) = explained(session, session.get_one(StudyVersion, 1)).values()
        found = [each for each in lines("digits", shown) if each.name == "shap"]
    assert [each.metric for each in found][-4:] == ["new", "sparsity", *comparison.LAST]
    assert next(each for each in found if each.metric == "new").found == Mean(3.0, None, None, 1)
