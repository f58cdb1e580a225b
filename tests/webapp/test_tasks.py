"""Every task, on real artifacts of every kind: what its pages show, ask, store and never tell."""

import re
from pathlib import Path

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory, write_study
from sqlalchemy import select
from tasklab import (
    METHODS,
    SLUG,
    block,
    digests_of,
    open_naming,
    open_tasks,
    task_study,
    write_task_artifacts,
)

from webapp import studies
from webapp.checks import notes
from webapp.models import Response, Step, StudyVersion
from webapp.problems import FileError
from webapp.study import read

ADVICE = ("explan", "model's", "model said", 'class="forecast"', "What counted")
FORECAST = "987"  # looked for in what can be read: an address may hold these digits by chance
DECISION = {"digits": "7", "reviews": "positive", "prices": "101.5"}


def stored(lab: Laboratory) -> dict[tuple[int, str], object]:
    with lab.session() as session:
        rows = session.execute(
            select(Step.position, Response.item_id, Response.number, Response.text, Response.json)
            .join(Step)
            .order_by(Step.position)
        )
        return {
            (at, item): json if json is not None else text if number is None else number
            for at, item, number, text, json in rows
        }


def trials(lab: Laboratory) -> list[Step]:
    (participant,) = lab.participants()
    return [step for step in participant.steps if step.kind == "trial"]


@pytest.mark.parametrize("stimuli", ["digits", "reviews", "prices"])
def test_nothing_of_the_advice_is_told_before_the_first_decision(
    lab: Laboratory, app: Flask, stimuli: str
) -> None:
    made = open_tasks(lab, block("main", {"task": "advice", "feedback": True}, stimuli))
    visitor = Visitor(app).enter(SLUG)
    for step in trials(lab):
        if step.part != "alone":
            visitor.answer(**{"main-final_confidence": "50", "main-final": DECISION[stimuli]})
            continue
        assert step.explanation_digest is None
        html = visitor.html
        assert not any(word in html for word in ADVICE)
        assert FORECAST not in visitor.page.text
        assert not any(digest[:12] in html for digest in digests_of(made))
        assert not re.search(
            r'(?:src|href)="(?!/static/|/bootstrap|/p/|#|data:image/png|/pictures/)', html
        )
        # The picture itself is the only one to load: no map is fetched ahead.
        assert len(re.findall("data:image|/pictures/", html)) == (stimuli == "digits")
        visitor.answer(**{"main-initial_confidence": "80", "main-initial": DECISION[stimuli]})
    assert "CODE-DONE" in visitor.html


@pytest.mark.parametrize(
    ("stimuli", "own", "final"),
    [("digits", "3", "5"), ("reviews", "negative", "positive"), ("prices", "12345.675", "99")],
)
def test_advice_keeps_both_decisions_and_says_the_first_again(
    lab: Laboratory, app: Flask, stimuli: str, own: str, final: str
) -> None:
    task = {"task": "advice", "feedback": True, "unit": {"en": "dollars"}}
    open_tasks(lab, block("main", task, stimuli, items=["trust"], per_participant=1))
    visitor = Visitor(app).enter(SLUG)
    visitor.answer(**{"main-initial": own, "main-initial_confidence": "80"})
    assert f"Your answer was: {own}" in visitor.page.text
    shown = "The model's forecast" if stimuli == "prices" else "The model's answer:"
    assert shown in visitor.page.text
    assert (FORECAST in visitor.page.text) == (stimuli == "prices")
    assert "right answer" not in visitor.page.text
    visitor.send(**{"item-main-final": final, "item-main-final_confidence": "101"})
    assert visitor.status == 422
    visitor.answer(**{"main-final": final, "main-final_confidence": "55", "trust": "6"})
    assert f"Your answer was: {final}" in visitor.page.text
    told = "What came" if stimuli == "prices" else "The right answer:"
    assert told in visitor.page.text
    visitor.answer()
    number = stimuli == "prices"
    assert stored(lab) == {
        (2, "main-initial"): float(own) if number else own,
        (2, "main-initial_confidence"): 80.0,
        (3, "main-final"): float(final) if number else final,
        (3, "main-final_confidence"): 55.0,
        (3, "trust"): 6.0,
    }
    parts = [(step.part, step.explanation_digest is not None) for step in trials(lab)]
    assert [part for part, _ in parts] == ["alone", "advised", "outcome"]
    assert not parts[0][1]
    assert not parts[2][1]


def test_a_page_of_advice_sent_twice_keeps_the_first_decision(lab: Laboratory, app: Flask) -> None:
    open_tasks(lab, block("main", "advice", "digits"))
    visitor = Visitor(app).enter(SLUG)
    form = visitor.form
    given = {"item-main-initial": "3", "item-main-initial_confidence": "80"}
    visitor.post(form.action, form.sent | given)
    before = stored(lab)
    visitor.post(form.action, form.sent | given | {"item-main-initial": "4"})
    assert stored(lab) == before
    assert trials(lab)[1].submitted_at is None


def test_a_decision_is_one_of_the_models_labels(lab: Laboratory, app: Flask) -> None:
    open_tasks(lab, block("main", "advice", "digits"))
    visitor = Visitor(app).enter(SLUG)
    assert visitor.form.radios["item-main-initial"] == list("0123456789")
    for wrong in ("10", "", "\x00", "<script>"):
        visitor.send(**{"item-main-initial": wrong, "item-main-initial_confidence": "5"})
        assert visitor.status == 422
    assert stored(lab) == {}


@pytest.mark.parametrize("stimuli", ["digits", "reviews", "prices"])
def test_forward_simulation_hides_what_is_to_be_foreseen(
    lab: Laboratory, app: Flask, stimuli: str
) -> None:
    made = open_tasks(lab, block("main", {"task": "forward_simulation", "feedback": True}, stimuli))
    visitor = Visitor(app).enter(SLUG)
    seen = set()
    for step in trials(lab):
        html, explained = visitor.html, step.explanation_digest is not None
        assert not any(digest[:12] in html for digest in digests_of(made))
        if step.part == "predict":
            seen.add(explained)
            assert ("for the answer" in html or "raised the forecast" in html) == explained
            assert not any(word in html for word in ("model's answer", 'class="forecast"'))
            assert FORECAST not in visitor.page.text
            visitor.answer(
                **{"main-simulated": DECISION[stimuli], "main-simulated_confidence": "50"}
            )
        else:
            assert not explained
            assert "Your answer was:" in html
            assert "model's forecast" in html or "The model's answer:" in html
            assert "right answer" not in html
            visitor.answer()
    assert seen == {True, False}


def test_a_text_that_the_model_wrote_is_read_without_an_explanation(
    lab: Laboratory, app: Flask
) -> None:
    open_tasks(lab, block("main", "read", "prompts", items=["trust"]))
    visitor = Visitor(app).enter(SLUG)
    assert "moonlit harbour" in visitor.page.text
    assert "counted" not in visitor.page.text
    visitor.answer(trust="3").answer(trust="4")
    assert list(stored(lab).values()) == [3.0, 4.0]
    assert {step.condition for step in trials(lab)} == {""}


@pytest.mark.parametrize(
    ("stimuli", "units", "first"),
    [
        ("digits", 49, [28 * y + x for y in range(4) for x in range(4)]),
        ("reviews", 9, [0, 1]),
        ("prices", 12, [0, 7]),
        ("prompts", 9, [0, 1]),
    ],
)
def test_marks_are_kept_as_a_mask_of_players(
    lab: Laboratory, app: Flask, stimuli: str, units: int, first: list[int]
) -> None:
    open_tasks(lab, block("main", "highlight", stimuli, per_participant=1))
    visitor = Visitor(app).enter(SLUG)
    boxes = re.findall(r'name="item-main-marks" value="(\d+)"', visitor.html)
    assert boxes == [str(number) for number in range(units)]
    for wrong in ([], [str(units)], ["0", "-1"], ["x"], ["0", "1\x00"]):
        visitor.send(**{"item-main-marks": wrong})
        assert visitor.status == 422
        assert "Mark one part or more." in visitor.page.text
    visitor.send(**{"item-main-marks": ["2", "0", "2"]})
    mask = stored(lab)[2, "main-marks"]
    assert isinstance(mask, dict)
    kind = {"digits": "image", "prices": "series"}.get(stimuli, "text")
    assert (mask["kind"], mask["units"], mask["marked"]) == (kind, units, [0, 2])
    assert mask["players"][0] == first
    assert len(mask["players"]) == 2


def test_what_was_marked_stays_when_another_answer_is_missing(lab: Laboratory, app: Flask) -> None:
    open_tasks(lab, block("main", "highlight", "digits", items=["trust"]))
    visitor = Visitor(app).enter(SLUG)
    visitor.send(**{"item-main-marks": ["3", "11"]})
    assert visitor.status == 422
    assert re.findall(r'value="(\d+)" id="item-main-marks-\d+"[^>]* checked', visitor.html) == [
        "3",
        "11",
    ]


def test_a_mask_without_the_models_answer_tells_none(lab: Laboratory, app: Flask) -> None:
    open_tasks(lab, block("main", {"task": "highlight", "answer": False}, "prices"))
    visitor = Visitor(app).enter(SLUG)
    assert FORECAST not in visitor.page.text
    assert 'class="forecast"' not in visitor.html


def test_compared_explanations_stand_on_each_side_equally_often(lab: Laboratory) -> None:
    task = {"task": "compare", "explanations": list(METHODS)}
    made = open_tasks(lab, block("main", task, "digits", per_participant=6))
    names = {digest: name for name, each in made.explanations.items() for digest in each.values()}
    sides: dict[str, list[str]] = {}
    for _ in range(4):
        lab.enrol(1)
    for participant in lab.participants():
        pages = [step for step in participant.steps if step.kind == "trial"]
        left = [names[str(step.explanation_digest)] for step in pages]
        assert left.count("shap") == left.count("other") == 3
        for step, name in zip(pages, left, strict=True):
            assert names[str(step.second_explanation_digest)] != name
            sides.setdefault(str(step.stimulus_digest), []).append(name)
    assert all(sorted(each) == ["other", "other", "shap", "shap"] for each in sides.values())


@pytest.mark.parametrize("stimuli", ["digits", "reviews", "prices", "prompts"])
def test_two_explanations_are_compared_without_their_names(
    lab: Laboratory, app: Flask, stimuli: str
) -> None:
    task = {"task": "compare", "explanations": list(METHODS)}
    made = open_tasks(lab, block("main", task, stimuli, per_participant=1))
    visitor = Visitor(app).enter(SLUG)
    for word in ("shap", "other", *(digest[:12] for digest in digests_of(made))):
        assert word not in visitor.html
    assert len(visitor.page.ids) == len(set(visitor.page.ids))
    assert visitor.form.radios["item-main-better"] == ["A", "B", "same"]
    visitor.send(**{"item-main-better": "B", "item-main-why": "It fits."})
    assert stored(lab) == {(2, "main-better"): "B", (2, "main-why"): "It fits."}


def test_the_model_really_answered_the_changed_input(lab: Laboratory, app: Flask) -> None:
    task = {"task": "counterfactual_simulation", "changed": "changed", "feedback": True}
    made = open_tasks(lab, block("main", task, "reviews"))
    visitor = Visitor(app).enter(SLUG)
    seen = set()
    for step in trials(lab):
        row = made.stimuli["reviews"].index(str(step.stimulus_digest))
        assert step.second_stimulus_digest == made.stimuli["changed"][row]
        text, told = visitor.page.text, visitor.page.text.count("The model's answer:")
        assert f"{row} reviews" in text
        assert f"{row} changed" in text
        if step.part == "given":
            seen.add(step.explanation_digest is not None)
            assert told == 1
            assert "The model's answer: positive" in text
            visitor.answer(**{"main-foreseen": "negative", "main-foreseen_confidence": "9"})
        else:
            assert told == 2
            assert "The model's answer: negative" in text
            assert "Your answer was: negative" in text
            visitor.answer()
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("stimuli", "asked", "concept"),
    [
        ("digits", "What does the model's idea 7 stand for?", "idea 7"),
        ("reviews", "What is channel 12 of the model active for?", "channel 12"),
    ],
)
def test_what_counts_most_is_named_in_words(
    lab: Laboratory, app: Flask, stimuli: str, asked: str, concept: str
) -> None:
    open_naming(lab, stimuli, {"task": "name", "explanation": "ideas"})
    visitor = Visitor(app).enter(SLUG)
    assert asked in visitor.page.text
    visitor.send(**{"item-main-name": "x" * 121})
    assert visitor.status == 422
    visitor.send(**{"item-main-name": "a loop"})
    with lab.session() as session:
        response = session.scalars(select(Response)).one()
        assert (response.text, response.json) == ("a loop", {"concept": concept})


@pytest.mark.parametrize("asked", ["Is {number} a {loop}?", "Is {number} a {?"])
def test_braces_in_a_researchers_words_stay(lab: Laboratory, app: Flask, asked: str) -> None:
    words = {"idea": {"en": asked}}
    open_naming(lab, "digits", {"task": "name", "explanation": "ideas", "words": words})
    assert asked.replace("{number}", "7") in Visitor(app).enter(SLUG).page.text


def test_a_factor_called_as_the_sides_of_compare_is_said(lab: Laboratory, tmp_path: Path) -> None:
    task = {"task": "compare", "explanations": ["shap", "other"]}
    study = task_study(tmp_path, block("main", task, "digits"))
    says = {level: {"en": level} for level in ("a", "b")}
    study["factors"]["pair"] = {"levels": ["a", "b"], "vary": "within", "shows": says}
    with pytest.raises(FileError, match=r"factors\.pair: compare says by pair"):
        read(write_study(tmp_path, study), lab.instance)


def test_a_name_is_picked_from_the_researchers_list(lab: Laboratory, app: Flask) -> None:
    words = [{"value": "loop", "text": {"en": "a loop"}}]
    open_naming(lab, "digits", {"task": "name", "explanation": "ideas", "choices": words})
    visitor = Visitor(app).enter(SLUG)
    assert visitor.form.radios["item-main-name"] == ["loop", "none_of_these"]
    visitor.send(**{"item-main-name": "a loop"})
    assert visitor.status == 422
    visitor.send(**{"item-main-name": "loop"})
    with lab.session() as session:
        response = session.scalars(select(Response)).one()
        assert (response.text, response.json) == ("loop", {"concept": "idea 7"})


@pytest.mark.parametrize(
    ("task", "stimuli", "more", "message"),
    [
        ("advice", "prompts", {}, "advice asks for a label or a number"),
        ("read", "digits", {}, "read shows text that a model wrote"),
        ("rate", "digits", {}, "rate asks nothing by itself; name items"),
        ("advice", "digits", {"show_truth": True}, "remove show_truth"),
        ({"task": "advice", "words": {"first": {"en": "x"}}}, "digits", {}, "first"),
        ({"task": "advice", "words": {"initial": {"de": "x"}}}, "digits", {}, "no words in en"),
        ({"task": "compare", "explanations": ["shap", "lime"]}, "digits", {}, "lime"),
        ({"task": "compare", "explanations": ["shap", "shap"]}, "digits", {}, "twice"),
        ({"task": "name", "explanation": "shap"}, "digits", {}, "tells of no ideas to name"),
        (
            {"task": "counterfactual_simulation", "changed": "prices"},
            "reviews",
            {},
            "another checkpoint",
        ),
        ("read", "prompts", {"order": {"max_run": {"explanation": 1}}}, "changes nothing in read"),
        ({"task": "highlight", "patches": 9}, "digits", {}, "less than or equal to 8"),
        ("draw", "digits", {}, "expected one of"),
    ],
)
def test_what_a_task_is_told_wrong_is_said(
    lab: Laboratory, task: object, stimuli: str, more: dict[str, object], message: str
) -> None:
    folder = lab.folder / SLUG
    write_study(folder, task_study(folder, block("main", task, stimuli, **more)))
    with pytest.raises(FileError) as error:
        read(folder, lab.instance)
    assert message in str(error.value)
    assert "flow" in str(error.value)


def test_a_stimulus_without_its_change_keeps_a_study_closed(lab: Laboratory) -> None:
    task = {"task": "counterfactual_simulation", "changed": "changed"}
    study = task_study(lab.folder / SLUG, block("main", task, "reviews"))
    version_id = lab.load(study)
    made = write_task_artifacts(lab.store, study["stimuli"])
    alone = made.stimuli["changed"].pop()
    for each in made.explanations.values():
        del each[alone]
    lab.prepare(version_id, made)
    with lab.session() as session:
        lacking = studies.missing(session, session.get_one(StudyVersion, version_id), lab.store)
    assert "the changed input in changed of 1 stimuli of reviews" in lacking


def test_what_is_decided_and_how_surely_can_be_what_a_hypothesis_is_about(lab: Laboratory) -> None:
    folder = lab.folder / SLUG
    asked = {
        "id": "H1",
        "outcome": "main-final_confidence",
        "formula": "rating ~ explanation",
        "contrast": ["none", "shap"],
        "confirmatory": True,
    }
    for outcome, fine in (
        ("main-final_confidence", True),
        ("final", True),
        ("followed", True),
        ("simulated", False),
        ("main-final", False),
    ):
        hypotheses = [asked | {"outcome": outcome}]
        study = task_study(folder, block("main", "advice", "digits"), hypotheses=hypotheses)
        write_study(folder, study)
        if fine:
            assert read(folder, lab.instance).definition.hypotheses[0].outcome == outcome
        else:
            with pytest.raises(FileError, match="outcome"):
                read(folder, lab.instance)


def test_only_conditions_that_a_task_has_are_said_to_divide_unevenly(lab: Laboratory) -> None:
    folder = lab.folder / SLUG
    compared = {"task": "compare", "explanations": list(METHODS)}
    said = {}
    for task in ("highlight", compared):
        write_study(folder, task_study(folder, block("main", task, "digits", per_participant=3)))
        said[str(task)] = list(notes(read(folder, lab.instance).definition))
    assert said["highlight"] == []
    assert "evenly by 2 conditions" in said[str(compared)][0]
