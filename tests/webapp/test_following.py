"""Checks, conditions, quotas, places given back, previews: what follows a page."""

import csv
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from designing import HOUR, MINUTE, ago, asked_first, checked, person, trials
from lab import Laboratory, both, definition
from sqlalchemy import select

from analysis.power.study import study_of
from webapp import answers, design_summary, enrolment, export, participation, placing, studies
from webapp.items.answer import Answer
from webapp.keys import new_token
from webapp.models import Participant, Response, Step, StudyVersion
from webapp.studies import StudyError


def kinds(participant: Participant) -> list[tuple[str, int]]:
    return [(step.kind, step.attempt) for step in participant.steps[2:6]]


def test_a_failed_check_comes_again_after_the_instructions(lab: Laboratory) -> None:
    token = lab.enrol(lab.open(checked(attempts=2)))
    lab.answer_page(token)
    lab.answer_page(token, used="always")
    steps = person(lab, token).steps
    assert [(s.position, s.kind, s.attempt, s.passed) for s in steps[2:6]] == [
        (2, "instructions", 1, None),
        (2, "instructions", 2, None),
        (3, "check", 1, False),
        (3, "check", 2, None),
    ]
    assert lab.current(token).kind == "instructions"
    lab.answer_page(token)
    lab.answer_page(token, used="never")
    assert lab.current(token).kind == "trial"
    assert person(lab, token).outcome == "active"
    assert lab.count(Response) == 2


def test_a_later_attempt_without_an_answer_leaves_none_of_an_earlier_one(lab: Laboratory) -> None:
    study = checked(attempts=2)
    study["flow"][2]["items"] = ["used", "years"]
    study["flow"][5]["items"] = ["comment"]
    token = lab.enrol(lab.open(study))
    lab.answer_page(token)
    lab.answer_page(token, used="always", years=4.0)
    with lab.session() as session:
        assert answers.of(session, person(lab, token)) == {"used": "always", "years": 4}
    lab.answer_page(token)
    lab.submit(token, {"used": Answer(text="never"), "years": Answer()})
    with lab.session() as session:
        assert answers.of(session, person(lab, token)) == {"used": "never"}


@both
def test_who_fails_the_last_attempt_is_screened_out_and_the_place_is_free(lab: Laboratory) -> None:
    study = checked()
    study["factors"]["explanation"]["vary"] = "between"
    study["flow"][3]["order"] = {"rule": "shuffled"}
    version_id = lab.open(study)
    token = lab.enrol(version_id)
    lab.answer_page(token)
    lab.answer_page(token, used="always")
    out = person(lab, token)
    assert out.outcome == "screened_out"
    assert {step.skipped_reason for step in out.steps if step.submitted_at is None} == {
        "screened_out"
    }
    with lab.session() as session, pytest.raises(LookupError):
        participation.current_step(session, session.get_one(Participant, out.id))
    assert person(lab, lab.enrol(version_id)).cell == out.cell


def test_failed_checks_and_what_was_right_are_in_the_bundle(
    lab: Laboratory, tmp_path: Path
) -> None:
    version_id = lab.open(checked(attempts=2))
    token = lab.enrol(version_id)
    for used in ("always", "never"):
        lab.answer_page(token)
        lab.answer_page(token, used=used)
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        export.write(session, version, lab.store, tmp_path / "bundle")
    design = json.loads((tmp_path / "bundle" / "study" / "design.json").read_text())
    assert design["checks"][0]["correct"] == {"used": "never"}
    with (tmp_path / "bundle" / "data" / "table-steps_data.csv").open() as file:
        rows = [each for each in csv.DictReader(file) if each["step_kind"] == "check"]
    assert [(each["attempt"], each["passed"]) for each in rows] == [("1", "false"), ("2", "true")]
    with (tmp_path / "bundle" / "data" / "table-responses_data.csv").open() as file:
        found = [each for each in csv.DictReader(file) if each["item_id"] == "used"]
    assert [(r["role"], r["attempt"], r["value_text"]) for r in found] == [
        ("check", "1", "always"),
        ("check", "2", "never"),
    ]


def test_a_check_may_only_flag(lab: Laboratory) -> None:
    token = lab.enrol(lab.open(checked(then="flag")))
    lab.answer_page(token)
    lab.answer_page(token, used="always")
    assert lab.current(token).kind == "trial"
    assert [step.passed for step in person(lab, token).steps if step.kind == "check"] == [False]


@pytest.mark.parametrize(
    ("when", "years", "shown"),
    [
        ({"item": "years", "above": 5}, 6.0, True),
        ({"item": "years", "above": 5}, 5.0, False),
        ({"item": "years", "below": 5}, None, False),
        ({"any": [{"item": "years", "equals": 5}, {"item": "used", "equals": "x"}]}, 5.0, True),
        (
            {"all": [{"item": "years", "in": [5, 6]}, {"item": "used", "not_equals": "never"}]},
            5.0,
            False,
        ),
    ],
)
def test_a_page_is_skipped_by_earlier_answers(
    lab: Laboratory, when: dict[str, Any], years: float | None, shown: bool
) -> None:
    study = asked_first()
    study["factors"]["explanation"]["vary"] = "within"
    study["flow"][3]["when"] = when
    study["items"]["used"]["choices"].append({"value": "x", "text": {"en": "X"}})
    token = lab.enrol(lab.open(study))
    answers: dict[str, float | str] = {"used": "never"} | (
        {} if years is None else {"years": years}
    )
    lab.answer_page(token, **answers)
    lab.answer_page(token)
    reasons = {step.skipped_reason for step in trials(person(lab, token))}
    assert reasons == ({None} if shown else {"condition"})
    assert lab.current(token).kind == ("trial" if shown else "debrief")
    assert person(lab, token).outcome == ("active" if shown else "complete")


@both
def test_a_full_quota_of_an_answer_ends_politely(lab: Laboratory) -> None:
    quota = {"most": 2, "when": {"item": "used", "equals": "never"}}
    version_id = lab.open(asked_first(quotas=[quota]))
    came = []
    for used in ("never", "always", "never", "never", "always"):
        token = lab.enrol(version_id)
        lab.answer_page(token, used=used, years=1.0)
        came.append(person(lab, token).outcome)
    assert came == ["active", "active", "active", "quota_full", "active"]


@both
@pytest.mark.parametrize("skipped", [False, True])
def test_a_quota_of_two_pages_is_judged_when_both_are_settled(
    lab: Laboratory, skipped: bool
) -> None:
    """The second page is after the placing, and at times skipped, which is no answer to it."""
    when = {"all": [{"item": "used", "equals": "never"}, {"item": "years", "not_equals": 3}]}
    study = asked_first(quotas=[{"most": 0, "when": when}])
    study["flow"][1]["items"] = ["used"]
    late = {"step": "questionnaire", "items": ["years"]}
    only = {"when": {"item": "used", "equals": "always"}}
    study["flow"].insert(2, late | (only if skipped else {}))
    version_id = lab.open(study)
    token = lab.enrol(version_id)
    lab.answer_page(token, used="never")
    assert person(lab, token).outcome == ("quota_full" if skipped else "active")
    if not skipped:
        lab.answer_page(token, years=3.0)
        assert person(lab, token).outcome == "active"
        token = lab.enrol(version_id)
        lab.answer_page(token, used="never")
        lab.answer_page(token, years=4.0)
        assert person(lab, token).outcome == "quota_full"


@both
def test_a_crowd_fills_a_quota_exactly(lab: Laboratory) -> None:
    quota = {"most": 3, "when": {"item": "used", "equals": "never"}}
    version_id = lab.open(asked_first(quotas=[quota]))
    tokens = [lab.enrol(version_id) for _ in range(8)]
    start = Barrier(len(tokens))

    def one(token: str) -> None:
        start.wait()
        lab.answer_page(token, used="never", years=1.0)

    with ThreadPoolExecutor(len(tokens)) as pool:
        list(pool.map(one, tokens))
    outcomes = Counter(each.outcome for each in lab.participants())
    assert outcomes == {"active": 3, "quota_full": 5}


@both
def test_a_crowd_is_minimised_one_after_the_other(lab: Laboratory) -> None:
    rule = {"rule": "minimisation", "covariates": [{"item": "years", "bands": [3]}]}
    version_id = lab.open(asked_first(assign=rule))
    tokens = [lab.enrol(version_id) for _ in range(8)]
    start = Barrier(len(tokens))

    def one(token: str) -> None:
        start.wait()
        lab.answer_page(token, used="never", years=1.0)

    with ThreadPoolExecutor(len(tokens)) as pool:
        list(pool.map(one, tokens))
    cells = Counter(each.cell for each in lab.participants())
    assert cells == {"explanation=none": 4, "explanation=shap": 4}


def test_a_full_cell_takes_nobody_and_a_full_study_ends_at_once(lab: Laboratory) -> None:
    quotas = [{"most": 1, "cell": {"explanation": "shap"}}, {"most": 4}]
    version_id = lab.open(asked_first(quotas=quotas))
    people = [person(lab, lab.enrol(version_id)) for _ in range(5)]
    cells = [each.cell for each in people]
    assert cells.count("explanation=shap") == 1
    assert cells.count("explanation=none") == 3
    assert [each.outcome for each in people] == ["active"] * 4 + ["quota_full"]


@both
def test_places_of_who_stays_away_are_given_back_and_taken_up_again(lab: Laboratory) -> None:
    version_id = lab.open(asked_first(release_after_hours=2))
    away = lab.enrol(version_id)
    lab.answer_page(away, used="never", years=1.0)
    ago(lab, away, 3 * HOUR)
    there = lab.enrol(version_id)
    gone = person(lab, away)
    assert gone.outcome == "dropped"
    assert person(lab, there).cell == gone.cell
    # Who comes back goes on in the same place, which counts again.
    lab.answer_page(away)
    back = person(lab, away)
    assert (back.outcome, back.cell, back.form) == ("active", gone.cell, gone.form)
    assert person(lab, lab.enrol(version_id)).cell != gone.cell


@both
def test_places_are_given_back_by_command_for_stated_hours(lab: Laboratory) -> None:
    version_id = lab.open()
    away = lab.enrol(version_id)
    done = lab.enrol(version_id)
    lab.finish(done)
    for token in (away, done):
        ago(lab, token, 5 * HOUR)
    lab.enrol(version_id)
    with lab.session() as session:
        study = studies.find_study(session, "small")
        with pytest.raises(StudyError, match="--hours"):
            placing.give_back(session, study, None)
        assert placing.give_back(session, study, 4) == 1
        assert placing.give_back(session, study, 4) == 0
    assert (person(lab, away).outcome, person(lab, done).outcome) == ("dropped", "complete")


def long_break(then: str) -> dict[str, Any]:
    study = definition()
    study["flow"][2]["after_break"] = {"longer_than_minutes": 10, "then": then}
    return study


@pytest.mark.parametrize("then", ["resume", "restart", "refuse"])
def test_a_block_left_for_long_goes_on_as_the_study_says(lab: Laboratory, then: str) -> None:
    token = lab.enrol(lab.open(long_break(then)))
    lab.answer_page(token)
    for _ in range(2):
        lab.answer_page(token, trust=3.0)
    ago(lab, token, 11 * MINUTE)
    with lab.session() as session:
        found = participation.find(session, token)
        assert found is not None
        for _ in range(2):
            participation.come_back(session, found)
    after = person(lab, token)
    attempts = [(step.position, step.attempt) for step in trials(after)]
    if then == "refuse":
        assert after.outcome == "timed_out"
        return
    assert lab.current(token).position == (5 if then == "resume" else 3)
    assert len(attempts) == (6 if then == "resume" else 12)
    if then == "restart":
        again = {step.position: step for step in trials(after) if step.attempt == 2}
        for step in trials(after):
            assert again[step.position].stimulus_digest == step.stimulus_digest
            assert again[step.position].condition == step.condition
            assert (step.skipped_reason == "begun_anew") == (
                step.attempt == 1 and step.submitted_at is None
            )
    lab.finish(token)
    assert person(lab, token).outcome == "complete"


@both
def test_answers_sent_after_a_long_break_are_kept_and_the_block_begins_anew(
    lab: Laboratory,
) -> None:
    token = lab.enrol(lab.open(long_break("restart")))
    lab.answer_page(token)
    with lab.session() as session:
        participation.show(session, lab.current(token), None)
    ago(lab, token, 11 * MINUTE)
    lab.answer_page(token, trust=3.0)
    assert lab.count(Response) == 1
    step = lab.current(token)
    assert (step.position, step.attempt) == (3, 2)


@both
def test_a_preview_takes_no_place_and_goes_with_its_draft(lab: Laboratory) -> None:
    version_id = lab.load(asked_first())
    lab.prepare(version_id)
    with lab.session() as session:
        look = enrolment.enrol(session, version_id, new_token(), None, "en", preview=True)
        assert (look.preview, look.outcome) == (True, "active")
        cell = look.cell
    lab.load(asked_first(seed=12))
    assert lab.count(Participant) == lab.count(Step) == 0
    version_id = lab.open(asked_first(seed=12))
    with lab.session() as session:
        enrolment.enrol(session, version_id, new_token(), None, "en", preview=True)
    assert person(lab, lab.enrol(version_id)).cell == cell


def test_a_study_whose_trials_cannot_be_ordered_does_not_open(lab: Laboratory) -> None:
    study = definition()
    study["flow"][2]["order"]["max_run"] = {"model_correct": 1}
    version_id = lab.load(study)
    lab.prepare(version_id)
    with lab.session() as session, pytest.raises(StudyError, match="max_run; raise it"):
        studies.open_study(session, "small", lab.store)


def test_the_design_is_summed_up_for_a_power_analysis(lab: Laboratory) -> None:
    version_id = lab.load()
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        before = design_summary.summary(session, version)
    lab.prepare(version_id)
    with lab.session() as session:
        found = design_summary.summary(session, session.get_one(StudyVersion, version_id))
    assert json.loads(json.dumps(found)) == found == before
    (one,) = found["blocks"]
    assert found["cells"] == [""]
    assert (one["trials_per_participant"], one["trials_per_condition"]) == (6, 2.0)
    assert [(each["stimuli"], each["per_participant"]) for each in one["strata"]] == [
        (4, 4),
        (2, 2),
    ]
    study = study_of(found)
    assert study.blocks[0].strata == (("true", 4), ("false", 2))
    assert study.points["trust"] == 7


def test_a_second_submit_of_a_failed_check_uses_up_no_attempt(lab: Laboratory) -> None:
    token = lab.enrol(lab.open(checked(attempts=3)))
    lab.answer_page(token)
    step = lab.current(token)
    lab.answer_page(token, used="always")
    before = lab.everything()
    with lab.session() as session, pytest.raises(participation.AlreadySubmitted):
        participation.submit(session, step.id, {}, participation.Observed())
    assert lab.everything() == before
    with lab.session() as session:
        assert len(session.scalars(select(Step).where(Step.kind == "check")).all()) == 2


def test_commands_give_places_back_and_print_the_design(lab: Laboratory) -> None:
    version_id = lab.open(asked_first(release_after_hours=2))
    ago(lab, lab.enrol(version_id), 3 * HOUR)
    runner = lab.app.test_cli_runner()
    done = runner.invoke(args=["study", "release", "small"])
    assert (done.exit_code, done.output) == (0, "small: places given back: 1\n")
    assert (
        runner.invoke(args=["study", "release", "small"]).output == "small: places given back: 0\n"
    )
    printed = json.loads(runner.invoke(args=["study", "design", "small"]).output)
    assert printed["cells"] == ["explanation=none", "explanation=shap"]
    refused = runner.invoke(args=["study", "design", "nobody"])
    assert (refused.exit_code, "no study" in refused.output) == (1, True)
