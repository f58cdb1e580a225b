"""`flask simulate`: robots on the real pages, marked, apart from people, true to their model."""

import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from browsing import Visitor
from flask import Flask
from lab import Laboratory, definition
from sqlalchemy import select
from tasklab import SLUG, block, open_tasks
from test_export import table
from test_items import KINDS
from werkzeug.serving import make_server

from analysis.dataset import load
from analysis.results import results
from webapp import export, studies
from webapp.keys import seal
from webapp.models import Event, Participant, Response, Step, StudyVersion
from webapp.simulate.model import Model
from webapp.simulate.person import person

ALL_STAY = ("--dropout", "0")
CAREFUL = (*ALL_STAY, "--slow", "0", "--straight", "0", "--hasty", "0")


def run(app: Flask, *arguments: object) -> str:
    result = app.test_cli_runner().invoke(args=["simulate", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def refused(app: Flask, *arguments: object) -> str:
    result = app.test_cli_runner().invoke(args=["simulate", *map(str, arguments)])
    assert result.exit_code == 1, result.output
    return result.stderr


def answers(lab: Laboratory, slug: str) -> list[list[tuple[Any, ...]]]:
    """What each robot of a study answered, in the order of its pages."""
    with lab.session() as session:
        rows = session.execute(
            select(
                Participant.id,
                Step.stimulus_digest,
                Step.condition,
                Response.item_id,
                Response.number,
                Response.text,
            )
            .join(Step, Step.participant_id == Participant.id)
            .join(Response, Response.step_id == Step.id)
            .join(StudyVersion)
            .where(StudyVersion.study.has(slug=slug))
            .order_by(Participant.id, Step.position, Response.id)
        ).all()
    found: dict[int, list[tuple[Any, ...]]] = {}
    for who, *answer in rows:
        found.setdefault(who, []).append(tuple(answer))
    return list(found.values())


def bundle(lab: Laboratory, version_id: int, target: Path, *, with_simulated: bool) -> Path:
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        export.write(session, version, lab.store, target, with_simulated=with_simulated)
    return target


def test_robots_go_to_the_end_marked_as_simulated(app: Flask, lab: Laboratory, opened: int) -> None:
    said = run(app, "small", "--participants", 3, *ALL_STAY)
    assert "3 simulated participants, seed 1" in said
    assert "small: 3 complete; 27 pages sent" in said
    found = lab.participants()
    assert all(each.simulated and each.pseudonym.startswith("sim") for each in found)
    assert [each.outcome for each in found] == ["complete"] * 3
    assert all(step.viewport for each in found for step in each.steps[2:-1])


def test_who_drops_out_leaves_steps_unsubmitted(app: Flask, lab: Laboratory, opened: int) -> None:
    said = run(app, "small", "--participants", 6, "--dropout", 1)
    assert "6 left" in said
    left = [sum(step.submitted_at is None for step in each.steps) for each in lab.participants()]
    assert all(number > 1 for number in left)  # the debrief is never submitted
    assert len(set(left)) > 1
    people = [person(Model(dropout=1.0), number) for number in range(6)]
    done = [sum(s.submitted_at is not None for s in p.steps) for p in lab.participants()]
    # Who leaves later by the model has done more pages.
    by_model = sorted(range(6), key=lambda number: people[number].leaves or 0.0)
    assert [done[number] for number in by_model] == sorted(done)


def test_one_seed_gives_the_same_answers_and_another_gives_others(
    app: Flask, lab: Laboratory
) -> None:
    for slug in ("one", "two", "three"):
        lab.open({**definition(), "slug": slug})
    run(app, "one", "--participants", 2)
    run(app, "two", "--participants", 1)
    run(app, "two", "--participants", 1)  # goes on where the first run ended
    run(app, "three", "--participants", 2, "--seed", 2)
    first = answers(lab, "one")
    assert len(first) == 2
    assert first == answers(lab, "two")
    assert first != answers(lab, "three")


def test_robots_take_no_place_of_a_person(app: Flask, lab: Laboratory) -> None:
    study = definition()
    study["factors"]["explanation"]["vary"] = "between"
    del study["flow"][2]["order"]
    version_id = lab.open(study)
    lab.enrol(version_id)
    run(app, "small", "--participants", 4, "--beside-people")
    for _ in range(5):
        lab.enrol(version_id)
    cells = {True: Counter[str](), False: Counter[str]()}
    for each in lab.participants():
        cells[each.simulated][str(each.cell)] += 1
    assert sorted(cells[False].values()) == [2, 2, 2]
    assert sorted(cells[True].values()) == [1, 1, 2]


def test_where_people_take_part_robots_are_refused(
    app: Flask, lab: Laboratory, opened: int
) -> None:
    lab.enrol(opened)
    assert "1 people have answered its consent page" in refused(app, "small")
    assert lab.count(Participant) == 1
    run(app, "small", "--participants", 1, "--beside-people")
    assert lab.count(Participant, Participant.simulated) == 1


def test_a_dry_run_states_the_model_and_writes_nothing(
    app: Flask, lab: Laboratory, opened: int
) -> None:
    before = lab.everything()
    said = run(app, "small", "--effect", "explanation=shap:0.8", "--dry-run")
    assert "explanation=shap: +0.8 logits" in said
    assert lab.everything() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none"], "no study 'none'"),
        (["small", "--effect", "explanation=shapp:1"], "no level 'shapp'; there is: none, shap"),
        (["small", "--slow", "0.6", "--hasty", "0.6"], "more than 1 together"),
        (["small", "--url", "ftp://x"], "give an address such as"),
        (["small", "--url", "http://127.0.0.1:9"], "refused"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_words(
    app: Flask, opened: int, arguments: list[str], said: str
) -> None:
    assert said in refused(app, *arguments)


def test_a_closed_study_is_refused(app: Flask, lab: Laboratory) -> None:
    lab.load()
    assert "small is not open; open it with: flask study open small" in refused(app, "small")


def test_only_this_installations_seal_makes_a_robot(
    app: Flask, lab: Laboratory, visitor: Visitor, opened: int
) -> None:
    key = str(app.secret_key)
    for forged in ("1", seal("another key", "simulated", opened), seal(key, "simulated", 99)):
        assert visitor.get(f"/s/small?simulated={forged}").status == 403
        visitor.get("/s/small").send(choice="agree", simulated=forged)
        assert visitor.status == 403
    assert lab.count(Participant) == 0
    visitor.get(f"/s/small?simulated={seal(key, 'simulated', opened)}")
    assert "marked as simulated and left out" in visitor.page.text
    visitor.get("/s/small")
    assert "simulated" not in visitor.page.text
    visitor.send(choice="agree")
    assert lab.count(Participant, Participant.simulated.is_(False)) == 1


def test_exports_leave_robots_out_unless_asked(
    app: Flask, lab: Laboratory, opened: int, tmp_path: Path
) -> None:
    lab.finish(lab.enrol(opened))
    run(app, "small", "--participants", 2, "--beside-people", *ALL_STAY)
    without = bundle(lab, opened, tmp_path / "without", with_simulated=False)
    with_them = bundle(lab, opened, tmp_path / "with", with_simulated=True)
    for name in ("participants", "steps", "responses", "events"):
        people = {row["participant_id"] for row in table(without, name)}
        assert not any(who.startswith("sim") for who in people)
        everybody = {row["participant_id"] for row in table(with_them, name)}
        assert sum(who.startswith("sim") for who in everybody) == 2
    rows = table(with_them, "participants")
    assert all(
        (row["simulated"] == "true") == row["participant_id"].startswith("sim") for row in rows
    )


def test_the_researchers_page_counts_robots_apart(app: Flask, lab: Laboratory, opened: int) -> None:
    run(app, "small", "--participants", 2, *ALL_STAY)
    password = lab.researcher("ann@example.org")
    with lab.session() as session:
        studies.grant(session, "ann@example.org", "small", "viewer")
    visitor = Visitor(app).get("/login").send(email="ann@example.org", password=password)
    text = visitor.get("/admin/studies/small").page.text
    assert "simulated 2" in text
    assert "finished 0" in text
    assert "No answers yet." in text
    assert len(re.findall(r"sim[0-9a-f]{12} simulated", text)) == 2


def test_a_browsers_times_follow_the_model(app: Flask, lab: Laboratory, opened: int) -> None:
    run(app, "small", "--participants", 1, *CAREFUL)
    with lab.session() as session:
        rows = session.execute(
            select(Step.position, Event.kind, Event.at_ms)
            .join(Event, Event.step_id == Step.id)
            .order_by(Step.position, Event.number)
        ).all()
    who = person(Model(dropout=0, slow=0, straight=0, hasty=0), 0)
    submits = {position: at for position, kind, at in rows if kind == "submit"}
    assert submits == {position: who.milliseconds(position, 1, 0) for position in submits}
    assert len(submits) == 9
    inputs = [at for position, kind, at in rows if kind == "input" and position == 3]
    assert 1 <= len(inputs) <= 2
    assert inputs == sorted(inputs)
    assert max(inputs) <= submits[3]


def test_every_kind_of_item_is_answered(app: Flask, lab: Laboratory) -> None:
    study = definition()
    items = {name: each.model_dump(mode="json") for name, each in KINDS.items()}
    refusable = {f"{name}_refusable": {**each, "may_refuse": True} for name, each in items.items()}
    study["items"] = {**study["items"], **items, **refusable}
    study["flow"][4]["items"] = [*items, *refusable]
    lab.open(study)
    run(app, "small", "--participants", 4, *ALL_STAY)
    for each in lab.participants():
        given = {r.item_id: r for step in each.steps for r in step.responses}
        required = {name for name in given if name.partition(".")[0] in study["flow"][4]["items"]}
        assert len(required) >= len(items) * 2
        assert all(given[name].missing_reason is None for name in required)


def test_every_task_is_passed_and_checks_and_breaks(app: Flask, lab: Laboratory) -> None:
    blocks = [
        block("rate", "rate", "digits", items=["trust"], break_every=1),
        block("advice", {"task": "advice", "feedback": True}, "digits"),
        block("forward", {"task": "forward_simulation", "feedback": True}, "reviews"),
        block("change", {"task": "counterfactual_simulation", "changed": "changed"}, "reviews"),
        block("compare", {"task": "compare", "explanations": ["shap", "other"]}, "digits"),
        block("marks", "highlight", "digits"),
        block("read", "read", "prompts", items=["sure"]),
        block("price", {"task": "advice", "unit": {"en": "dollars"}}, "prices"),
    ]
    small = definition()
    check = {"step": "check", "items": ["used"], "correct": {"used": "never"}, "then": "flag"}
    open_tasks(
        lab,
        *blocks,
        flow=[small["flow"][0], check, *blocks, small["flow"][-1]],
        items={name: small["items"][name] for name in ("used", "trust", "sure")},
    )
    assert "3 complete" in run(app, SLUG, "--participants", 3, *CAREFUL)
    with lab.session() as session:
        kinds = set(session.scalars(select(Step.kind).where(Step.submitted_at.is_not(None))))
        asked = set(session.scalars(select(Response.item_id)))
    assert {"trial", "check", "break"} <= kinds
    assert {"advice-final", "forward-simulated", "change-foreseen", "compare-better"} <= asked
    assert {"marks-marks", "price-final"} <= asked


def test_a_page_is_looked_at_as_long_as_it_asks_for(app: Flask, lab: Laboratory) -> None:
    study = definition()
    study["flow"] = [
        study["flow"][0],
        {**study["flow"][1], "least_seconds": 0.3},
        *study["flow"][3:],
    ]
    for part in ("stimuli", "explanations", "factors", "checkpoints"):
        del study[part]
    lab.open(study)
    run(app, "small", "--participants", 1, *CAREFUL)
    (robot,) = lab.participants()
    looked = robot.steps[2]
    assert looked.kind == "instructions"
    assert (looked.submitted_at or 0) - (looked.shown_at or 0) >= 300


def test_a_running_server_is_driven_over_its_socket(
    app: Flask, lab: Laboratory, opened: int
) -> None:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        said = run(app, "small", "--participants", 1, "--url", f"http://127.0.0.1:{server.port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "small: 1 complete" in said
    assert lab.count(Response) > 10


def test_the_report_finds_a_strong_effect_and_none_where_there_is_none(
    app: Flask, lab: Laboratory, tmp_path: Path
) -> None:
    """Sixty robots, seed 6: shap adds 2 logits, mismatched nothing.

    How often nothing is taken for something is tested over 100 seeds with the model alone.
    """
    study = definition()
    trials = {**study["flow"][2], "per_participant": 3}
    study["flow"] = [study["flow"][0], trials, study["flow"][-1]]
    study["items"] = {name: study["items"][name] for name in ("trust", "sure")}
    formula = "rating ~ explanation + (1 | participant) + (1 | stimulus)"
    shared = {"outcome": "trust", "formula": formula, "confirmatory": True}
    study["hypotheses"] = [
        {"id": "H1", "contrast": ["shap", "none"], **shared},
        {"id": "H2", "contrast": ["mismatched", "none"], **shared},
    ]
    study["exclusions"] = [{"id": "too_fast", "median_trial_ms_below": 1500}]
    version_id = lab.open(study)
    effect = ("--effect", "explanation=shap:2")
    run(app, "small", "--participants", 60, "--seed", 6, "--hasty", 0.2, *effect)
    dataset = load(bundle(lab, version_id, tmp_path / "bundle", with_simulated=True))
    assert results(dataset)["participants"]["analysed"] == 0
    found = results(dataset, with_simulated=True)
    strong, none = found["main"]["hypotheses"]
    assert strong["p"] < 0.001
    trust = next(each for each in found["main"]["ratings"] if each["item"] == "trust")
    means = {each["level"]: each["raw_mean"] for each in trust["conditions"]}
    assert means["shap"] > max(means["none"], means["mismatched"]) + 1
    assert none["p"] > 0.05
    hasty = [person(Model(seed=6, hasty=0.2), number).kind for number in range(60)].count("hasty")
    fast = found["participants"]["reasons"]["too_fast"]
    assert 0.5 * hasty <= fast <= hasty + 2
    assert found["participants"]["reasons"]["not finished"] >= 1
