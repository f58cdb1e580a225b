"""Designs of several blocks as participants get them: orders, balance, and nothing seen twice."""

from collections import Counter
from typing import Any

from designing import asked_first, block, person, trials, two_blocks
from lab import Laboratory, both, definition
from sqlalchemy import select, update

from webapp import designs, studies
from webapp.models import Participant, Stimulus, StudyVersion


def enrolled(lab: Laboratory, study: dict[str, Any], people: int) -> list[Participant]:
    version_id = lab.open(study)
    tokens = [lab.enrol(version_id) for _ in range(people)]
    return [person(lab, token) for token in tokens]


def blocks_in_order(participant: Participant) -> list[str | None]:
    return list(dict.fromkeys(step.block for step in trials(participant)))


def test_latin_order_turns_from_person_to_person(lab: Laboratory) -> None:
    people = enrolled(lab, two_blocks("latin"), 4)
    orders = [blocks_in_order(each) for each in people]
    assert sorted(map(tuple, orders)) == [("one", "two")] * 2 + [("two", "one")] * 2
    assert Counter(each.form for each in people) == {0: 2, 1: 2}
    for each in people:
        assert [step.position for step in each.steps] == list(range(len(each.steps)))
        assert (each.steps[0].kind, each.steps[-1].kind) == ("consent", "debrief")


def test_explained_items_do_not_come_again(lab: Laboratory) -> None:
    people = enrolled(lab, two_blocks(not_in=["one"]), 6)
    met: Counter[tuple[str | None, str | None]] = Counter()
    for each in people:
        one, two = ({s.stimulus_digest for s in trials(each, name)} for name in ("one", "two"))
        assert len(one) == len(two) == 3
        assert not one & two
        met.update((step.block, step.stimulus_digest) for step in trials(each))
    assert set(met.values()) == {3}
    assert len(met) == 12


def test_a_factor_by_block_turns_and_meets_every_order(lab: Laboratory) -> None:
    study = two_blocks("latin")
    study["factors"]["explanation"] = {"levels": ["none", "shap"], "vary": "block"}
    people = enrolled(lab, study, 8)
    seen: Counter[tuple[tuple[str | None, str], ...]] = Counter()
    for each in people:
        levels = {step.block: step.condition for step in trials(each)}
        assert sorted(levels.values()) == ["explanation=none", "explanation=shap"]
        assert all(levels[step.block] == step.condition for step in trials(each))
        seen[tuple((name, levels[name]) for name in blocks_in_order(each))] += 1
    # Two orders x which block is explained: four ways, each taken by two people.
    assert len(seen) == 4
    assert set(seen.values()) == {2}
    met = Counter((s.block, s.condition, s.stimulus_digest) for p in people for s in trials(p))
    assert max(met.values()) - min(met.values()) <= 1


def test_factors_cross_and_mix_within_and_between(lab: Laboratory) -> None:
    study = definition()
    study["factors"]["source"] = {
        "levels": ["person", "machine"],
        "vary": "within",
        "shows": {"person": {"en": "A person said this."}},
    }
    study["factors"]["stakes"] = {"levels": ["low", "high"], "vary": "between"}
    study["flow"][1]["when"] = {"factor": "stakes", "equals": "high"}
    people = enrolled(lab, study, 4)
    assert sorted(each.cell or "" for each in people) == ["stakes=high"] * 2 + ["stakes=low"] * 2
    for each in people:
        assert len({step.condition for step in trials(each)}) == 6
        assert all(f"{each.cell}" in step.condition for step in trials(each))
        intro = next(step for step in each.steps if step.kind == "instructions")
        assert intro.skipped_reason == ("condition" if each.cell == "stakes=low" else None)


def test_strata_by_label_and_difficulty_are_sampled_in_proportion(lab: Laboratory) -> None:
    study = definition()
    study["flow"][2] |= {"strata": ["model_correct"], "per_participant": 3}
    for each in enrolled(lab, study, 4):
        right = [
            lab.ready[1].stimuli["digits"].index(str(s.stimulus_digest)) < 4 for s in trials(each)
        ]
        assert Counter(right) == {True: 2, False: 1}


def test_a_class_of_the_model_can_be_a_stratum(lab: Laboratory) -> None:
    """The six images have five labels among them; each participant meets every one of them."""
    study = definition()
    study["flow"][2] |= {"strata": ["predicted"], "per_participant": 5, "order": {}}
    version_id = lab.open(study)
    with lab.session() as session:
        labels = {each.digest: each.predicted for each in session.scalars(select(Stimulus))}
    assert len(set(labels.values())) == 5
    for _ in range(3):
        seen = [labels[str(s.stimulus_digest)] for s in trials(person(lab, lab.enrol(version_id)))]
        assert len(set(seen)) == 5


def test_difficulty_is_cut_into_bands(lab: Laboratory) -> None:
    study = definition()
    bands = {"strata": ["difficulty", "model_correct"], "difficulty_bands": [0.5, 0.91]}
    study["flow"][2] |= {**bands, "order": {"max_run": {"difficulty": 6}}}
    version_id = lab.load(study)
    lab.prepare(version_id)
    with lab.session() as session:
        session.execute(
            update(Stimulus).where(Stimulus.model_correct.is_(True)).values(probability=0.5)
        )
        session.commit()
        version = session.get_one(StudyVersion, version_id)
        (found,) = designs.block_designs(session, version, studies.definition_of(version))
    assert [len(stratum) for stratum in found.strata] == [2, 4]
    assert {trait["difficulty"] for trait in found.traits.values()} == {"1", "2"}


def test_breaks_stand_between_trials(lab: Laboratory) -> None:
    study = definition()
    study["flow"][2]["break_every"] = 2
    (one,) = enrolled(lab, study, 1)
    kinds = [step.kind for step in one.steps if step.block]
    assert kinds == ["trial", "trial", "break", "trial", "trial", "break", "trial", "trial"]


@both
def test_minimisation_places_after_the_covariates(lab: Laboratory) -> None:
    """Among those who answered alike, cells never differ by more than one here."""
    study = asked_first(assign={"rule": "minimisation", "covariates": [{"item": "used"}]})
    version_id = lab.open(study)
    held: Counter[tuple[str, str]] = Counter()
    for number in range(10):
        token = lab.enrol(version_id)
        before = person(lab, token)
        assert before.cell is None
        assert [step.kind for step in before.steps] == ["consent", "questionnaire", "assign"]
        used = "always" if number % 3 else "never"
        lab.answer_page(token, used=used, years=3.0)
        after = person(lab, token)
        assert after.cell
        assert len(trials(after)) == 6
        held[used, after.cell] += 1
        for level in ("always", "never"):
            cells = [held[level, f"explanation={each}"] for each in ("none", "shap")]
            assert max(cells) - min(cells) <= 1


def test_a_group_of_steps_and_blocks_stays_together(lab: Laboratory) -> None:
    study = two_blocks("latin")
    inner = {"block": "part", "blocks": [{"step": "instructions"}, block("three", "sure", 2)]}
    study["flow"][1]["blocks"].append(inner)
    for each in enrolled(lab, study, 6):
        kinds = [(step.kind, step.block) for step in each.steps]
        at = kinds.index(("instructions", None))
        assert kinds[at + 1 : at + 3] == [("trial", "three")] * 2
