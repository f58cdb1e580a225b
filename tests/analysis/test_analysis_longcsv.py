"""A long CSV in place of a bundle."""

import bundles
import pandas as pd
import pytest
import yaml

from analysis.bundle import BundleError
from analysis.dataset import load
from analysis.longcsv import load_any, load_long
from analysis.preregistration import read
from analysis.results import results

QUIET = {"declined": 0, "withdrawn": 0, "active": 0, "simulated": 0, "fast": 0}


@pytest.fixture
def both(build, tmp_path):
    """A bundle, and its answers as a long table."""
    dataset = load(build(people=12, **QUIET))
    rows = dataset.responses
    correct = dataset.stimuli.set_index("stimulus_id")["model_correct"]
    table = pd.DataFrame(
        {
            "participant_id": rows["participant_id"],
            "item_id": rows["item_id"],
            "value": rows["value_text"].fillna(rows["value_number"].astype(str)),
            "stimulus_id": rows["stimulus_id"],
            "model_correct": rows["stimulus_id"].map(correct),
            "explanation_digest": rows["explanation_digest"],
            "scale_id": rows["scale_id"],
            "step_position": rows["step_position"],
            "factor_explanation": rows["factor_explanation"],
        }
    )
    path = tmp_path / "answers.csv"
    table.to_csv(path, index=False)
    return dataset, path


def test_it_gives_the_numbers_that_the_bundle_gives(both, tmp_path):
    dataset, path = both
    registered = tmp_path / "prereg.yaml"
    registered.write_text(yaml.safe_dump({"hypotheses": [bundles.H1]}))
    ours, theirs = results(load_any(path), registered=read(registered)), results(dataset)
    one, other = (found["main"]["hypotheses"][0] for found in (ours, theirs))
    assert one["p"] == pytest.approx(other["p"], rel=1e-3)
    assert one["points"]["value"] == pytest.approx(other["points"]["value"], rel=1e-3)
    for a, b in zip(ours["main"]["scales"], theirs["main"]["scales"], strict=True):
        assert a["alpha"]["value"] == pytest.approx(b["alpha"]["value"])
    trust = {
        condition["level"]: condition["raw_mean"]
        for rating in ours["main"]["ratings"]
        if rating["item"] == "trust"
        for condition in rating["conditions"]
    }
    for condition in theirs["main"]["ratings"][0]["conditions"]:
        assert trust[condition["level"]] == pytest.approx(condition["raw_mean"])
    assert any("was inferred from a table of answers" in text for text in ours["limitations"])


def test_kinds_are_those_of_the_answers(both):
    items = load_long(both[1]).design.items
    kinds = {name: item.kind for name, item in items.items() if not name.startswith("es")}
    assert kinds == {
        "trust": "likert",
        "agree": "yes_no",
        "why": "text",
        "device": "text",
        "age": "number",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "has no column participant_id, item_id, value"),
        ("participant_id,item_id,value\n,x,1\n", "row 2 has no participant_id"),
        (
            "participant_id,item_id,value,step_position\np,x,1,0\np,x,2,0\n",
            "row 3 answers an item for the second time",
        ),
        ("", "is not a UTF-8 CSV table"),
    ],
)
def test_a_table_of_another_shape_is_refused(tmp_path, text, said):
    path = tmp_path / "answers.csv"
    path.write_text(text)
    with pytest.raises(BundleError, match=said):
        load_long(path)


def test_an_answer_that_is_missing_is_counted_and_not_imputed(tmp_path):
    path = tmp_path / "answers.csv"
    rows = [f"p{i},x,{'' if i == 3 else i % 5},s{i % 2},a" for i in range(10)]
    header = "participant_id,item_id,value,stimulus_id,factor_f\n"
    path.write_text(header + "\n".join(rows) + "\n")
    dataset = load_long(path)
    assert dataset.responses["value_number"].isna().sum() == 1
    assert list(dataset.responses["missing_reason"].dropna()) == ["not_answered"]
    (condition,) = results(dataset)["main"]["ratings"][0]["conditions"]
    assert (condition["n_answers"], condition["n_missing"]) == (9, 1)
