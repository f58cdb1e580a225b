"""Measures of explanations against answers: a slope that is there is found, and one that is not."""

import bundles
import numpy as np
import pytest

from analysis.dataset import load
from analysis.quality import quality


@pytest.fixture
def measured(build):
    """The correlation follows how each explanation was rated, sparsity does not."""
    tables = bundles.tables(bundles.Study(people=40))
    rated = {}
    for row in tables["responses"]:
        if row["item_id"] == "trust" and row["explanation_digest"] and row["value_number"]:
            rated.setdefault(row["explanation_digest"], []).append(row["value_number"])
    random = np.random.default_rng(4)
    metrics = []
    for explanation in tables["explanations"]:
        digest = explanation["explanation_digest"]
        values = {
            "faithfulness_correlation": float(np.mean(rated[digest])) + 2.0,
            "random_faithfulness_correlation": 2.0,
            "sparsity": float(random.normal()),
            "lipschitz": 1.0,
        }
        metrics += [
            {"explanation_digest": digest, "metric": name, "value": value}
            for name, value in values.items()
        ]
    return load(build({"metrics": metrics}, people=40))


def test_a_measure_that_ratings_follow_is_found(measured):
    rows = {row["measure"]: row for row in quality(measured) if row["outcome"] == "trust"}
    # Measured beside chance, the difference counts; what is the same everywhere is not asked.
    assert list(rows) == ["faithfulness_correlation beyond random", "sparsity"]
    found = rows["faithfulness_correlation beyond random"]
    assert found["n_explanations"] == 24
    assert found["rho"]["value"] == pytest.approx(1.0, abs=0.02)
    assert found["estimate"]["low"] > 0
    assert found["p"] < found["p_fdr"] < 0.01
    assert rows["sparsity"]["estimate"]["low"] < 0 < rows["sparsity"]["estimate"]["high"]


def test_points_are_means_of_each_explanation(measured):
    (row,) = [
        row
        for row in quality(measured)
        if (row["outcome"], row["measure"]) == ("trust", "sparsity")
    ]
    trust = measured.responses[measured.responses["item_id"] == "trust"]
    means = trust.dropna(subset=["explanation_digest"]).groupby("explanation_digest")
    wanted = sorted(means["value_number"].mean())
    assert sorted(point["value"] for point in row["points"]) == pytest.approx(wanted)
    assert sum(point["n"] for point in row["points"]) == row["n_answers"]


def test_without_measures_there_is_nothing_to_say(build):
    assert quality(load(build({"metrics": [], "curves": []}))) == []
