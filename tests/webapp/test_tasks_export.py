"""What tasks ask goes into the bundle with its page, its role and what was shown beside it."""

import csv
import json
from pathlib import Path

from browsing import Visitor
from flask import Flask
from lab import Laboratory
from tasklab import METHODS, SLUG, block, open_tasks

from analysis.dataset import load
from webapp import export
from webapp.models import StudyVersion

CHANGE = {"task": "counterfactual_simulation", "changed": "changed"}
COMPARE = {"task": "compare", "explanations": list(METHODS)}
ANSWERS = {"item-b-better": "A", "item-c-foreseen": "negative", "item-c-foreseen_confidence": "9"}


def test_the_bundle_tells_pages_roles_and_what_stood_beside(
    lab: Laboratory, app: Flask, tmp_path: Path
) -> None:
    blocks = [block("a", "advice", "digits"), block("b", COMPARE, "digits")]
    blocks += [block("c", CHANGE, "reviews"), block("d", "highlight", "reviews")]
    made = open_tasks(lab, *({**each, "per_participant": 1} for each in blocks))
    visitor = Visitor(app).enter(SLUG)
    for own in ("initial", "final"):
        visitor.send(**{f"item-a-{own}": "3", f"item-a-{own}_confidence": "70"})
    visitor.send(**ANSWERS).send(**ANSWERS).send(**{"item-d-marks": ["1"]})
    assert "CODE-DONE" in visitor.html
    with lab.session() as session:
        version = session.get_one(StudyVersion, 1)
        export.write(session, version, lab.store, tmp_path / "bundle")
    with (tmp_path / "bundle" / "data" / "table-responses_data.csv").open() as file:
        rows = {row["item_id"]: row for row in csv.DictReader(file)}
    told = {name: (row["part"], row["item_kind"], row["role"]) for name, row in rows.items()}
    assert told == {
        "a-initial": ("alone", "choice", "initial"),
        "a-initial_confidence": ("alone", "confidence", "initial_confidence"),
        "a-final": ("advised", "choice", "final"),
        "a-final_confidence": ("advised", "confidence", "final_confidence"),
        "b-better": ("compare", "choice", "better"),
        "b-why": ("compare", "text", "why"),
        "c-foreseen": ("given", "choice", "foreseen"),
        "c-foreseen_confidence": ("given", "confidence", "foreseen_confidence"),
        "d-marks": ("mark", "mask", "marks"),
    }
    assert (rows["a-final"]["value_text"], rows["a-initial"]["explanation_digest"]) == ("3", "")
    pair = {rows["b-better"][name] for name in ("explanation_digest", "second_explanation_digest")}
    shown = rows["b-better"]["stimulus_id"]
    assert pair == {each[shown] for each in made.explanations.values()}
    row = made.stimuli["reviews"].index(rows["c-foreseen"]["stimulus_id"])
    assert rows["c-foreseen"]["second_stimulus_id"] == made.stimuli["changed"][row]
    mask = json.loads(rows["d-marks"]["value_json"])
    assert mask == {"kind": "text", "units": 9, "marked": [1], "players": [[2, 6]]}
    dataset = load(tmp_path / "bundle")
    assert dataset.design.items["a-initial"].choices["3"] == "3"
    assert len(dataset.responses) == len(rows)
