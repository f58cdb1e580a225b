"""Rules that leave participants out say whom and why."""

from dataclasses import replace

import bundles
import pytest

from analysis.bundle import BundleError
from analysis.dataset import load
from analysis.exclusions import exclude, rule_text
from analysis.results import results


def checked(build, rules, checks=(), **options):
    """A study with attention checks, which everyone passes but P0001 (twice) and P0002 (once)."""
    study = bundles.Study(exclusions=rules, **options)
    design = bundles.design(study) | {"checks": list(checks)}
    design["items"]["colour"] = {
        "kind": "choice",
        "text": "Which colour?",
        "choices": [{"value": "red"}, {"value": "blue"}],
    }
    design["items"]["sum"] = {"kind": "number", "text": "1 + 1?"}
    tables = bundles.tables(study)
    people = [p["participant_id"] for p in tables["participants"] if p["outcome"] == "complete"]
    extra = []
    for person in people:
        right = {"colour": "red", "sum": 2}, {"colour": "blue", "sum": 2}
        wrong = {"P0001": {"colour": "red", "sum": 3}, "P0002": {"colour": "red", "sum": 2}}
        tries = [wrong[person]] * 2 if person in wrong else right
        for attempt, answers in enumerate(tries, start=1):
            row = {
                "participant_id": person,
                "study_version": bundles.VERSION,
                "step_position": 2,
                "step_kind": "check",
                "attempt": attempt,
            }
            extra += [
                row | {"item_id": "colour", "item_kind": "choice", "value_text": answers["colour"]},
                row | {"item_id": "sum", "item_kind": "number", "value_number": answers["sum"]},
            ]
    changed = {"responses": [*tables["responses"], *extra]}
    return load(build(changed, design, exclusions=rules, **options))


CHECKS = ({"correct": {"colour": "blue"}}, {"correct": {"sum": [2, 2.0]}})


@pytest.mark.parametrize(("above", "who"), [(0, {"P0001": 2, "P0002": 1}), (1, {"P0001": 2})])
def test_failed_checks_count_the_last_attempt(build, above, who):
    rule = {"id": "inattentive", "failed_checks_above": above}
    dataset = checked(build, [rule], CHECKS)
    _, left_out = exclude(dataset, dataset.design.exclusions)
    found = {name: detail for name, reason, detail in left_out.rows if reason == "inattentive"}
    assert found == {name: f"failed {n} of 2 checks" for name, n in who.items()}


def test_one_answer_to_everything_is_straight_lining(build):
    rule = {"id": "straight", "straight_lining": bundles.SCALE}
    dataset = load(build(exclusions=[rule]))
    _, left_out = exclude(dataset, dataset.design.exclusions)
    found = {name for name, reason, _ in left_out.rows if reason == "straight"}
    scale = dataset.responses[dataset.responses["scale_id"] == bundles.SCALE]
    same = scale.groupby("participant_id")["value_number"].nunique() == 1
    real = set(dataset.participants.loc[~dataset.participants["simulated"], "participant_id"])
    assert found == set(same[same].index) & real
    rows = dataset.responses
    theirs = (rows["scale_id"] == bundles.SCALE) & (rows["participant_id"] == "P0005")
    flat = rows.assign(value_number=rows["value_number"].mask(theirs, 3.0))
    dataset = replace(dataset, responses=flat)
    _, left_out = exclude(dataset, dataset.design.exclusions)
    assert ("P0005", "straight", f"answered 3 to all 8 items of {bundles.SCALE}") in left_out.rows


def test_a_preview_is_counted_nowhere(build):
    tables = bundles.tables(bundles.Study(people=6))
    folder = build(people=6)
    path = folder / "data/table-participants_data.csv"
    lines = path.read_text().splitlines()
    flags = ["preview", "true", *["false"] * (len(lines) - 2)]
    path.write_text("".join(f"{a},{b}\n" for a, b in zip(lines, flags, strict=True)))
    bundles.seal(folder)
    dataset = load(folder)
    kept, left_out = exclude(dataset, ())
    assert ("P0001", "preview", "a researcher looking at the pages") in left_out.rows
    assert "P0001" not in set(kept.participants["participant_id"])
    asked = results(dataset)["participants"]["asked"]
    assert asked == len(tables["participants"]) - 2  # nor is the simulated one


def test_every_result_stands_with_and_without_whom_the_rules_exclude(build):
    rules = [
        {"id": "inattentive", "failed_checks_above": 0},
        {"id": "no", "item": "sum", "equals": 3},
    ]
    found = results(checked(build, rules, CHECKS, people=8, fast=0))
    # An answer can be a word that the answers may not be used, so it holds everywhere.
    assert found["main"]["n"] == 6
    assert found["with_excluded"]["n"] == 7
    assert [rule["undone"] for rule in found["rules"]] == [True, False]
    assert found["rules"][0]["text"] == "failed more than 0 attention or comprehension checks"


def test_rules_are_told_in_words(build):
    rules = [
        {"id": "a", "straight_lining": bundles.SCALE},
        {"id": "b", "median_trial_ms_below": 1500},
        {"id": "c", "item": "agree", "equals": 1},
    ]
    dataset = load(build(exclusions=rules))
    assert [rule_text(dataset, rule) for rule in dataset.design.exclusions] == [
        f"gave the same answer to every item of {bundles.SCALE}",
        "median time on a trial below 1500 ms",
        "answered yes to “Is it right?”",
    ]


def test_a_rule_about_a_scale_that_there_is_not_is_refused(build):
    with pytest.raises(BundleError, match="names the scale 'moods'"):
        load(build(exclusions=[{"id": "a", "straight_lining": "moods"}]))
