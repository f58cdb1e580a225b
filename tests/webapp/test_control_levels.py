"""All controls as levels of a factor: checked, computed, registered and shown, on every kind."""

from typing import Any

import pytest
from flask import Flask
from lab import ASSETS, Laboratory, definition, digest_of
from sqlalchemy import select

from explainer.methods.placebic import WORDS
from explainer.precompute import PrecomputeError, run
from webapp import displays, preparation, studies
from webapp.models import StudyVersion, VersionExplanation

# Checkpoint, data, how to select, and parameters for few players.
KINDS = {
    "image": (
        "mnist-cnn",
        "mnist-200.npz",
        {"select": {"right": 1, "wrong": 1, "seed": 1}},
        {"players": "patches", "size": 7},
    ),
    "text": ("reviews-s4", "reviews-48.jsonl", {"select": {"count": 2, "seed": 1}}, {}),
    "prompt": (
        "wikitext-s4",
        "prompts-24.jsonl",
        {"select": {"count": 2, "seed": 1}, "generation": {"tokens": 3}},
        {},
    ),
    "series": ("sp500-spacetime", "sp500-40.npz", {"select": {"count": 2, "seed": 1}}, {}),
}
CONTROLS = ("mismatched", "shuffled", "random", "randomised", "placebic")
OWN = {"en": "A computer <made> this.", "de": "Das hat ein Computer gemacht."}


def study(kind: str, **parameters: Any) -> dict[str, Any]:
    """The small study on a shipped checkpoint, with every control as a level."""
    checkpoint, data, how, few = KINDS[kind]
    path, file = f"checkpoints/{checkpoint}", f"data/{data}"
    found = definition() | {"slug": kind}
    found["checkpoints"]["digits"] = {
        "path": path,
        "sha256": digest_of(ASSETS / path / "weights.safetensors"),
    }
    found["stimuli"]["digits"] = {
        "checkpoint": "digits",
        "data": {"path": file, "sha256": digest_of(ASSETS / file)},
        **how,
    }
    shap = {"method": "permutation", "parameters": {**few, "evaluations": 300, **parameters}}
    controls = {name: {"method": name, "of": "shap", "seed": 3} for name in CONTROLS}
    found["explanations"] = {"shap": shap, **controls}
    found["explanations"]["own"] = {**controls["placebic"], "words": OWN}
    levels = ["shap", *CONTROLS, "own"]
    found["factors"] = {"explanation": {"levels": levels, "vary": "between"}}
    found["flow"][2] |= {"per_participant": 2, "order": {"rule": "shuffled"}}
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_control_is_a_level_of_a_factor(app: Flask, lab: Laboratory, kind: str) -> None:
    version_id = lab.load(study(kind))
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        plan, text = preparation.plan(version, lab.instance), version.source_digest
        made = run(plan, lab.store, device="cpu")
        assert made.missing == {}
        preparation.register(
            session,
            version,
            lab.store,
            source_digest=text,
            plan=plan,
            stimuli=made.stimuli,
            explanations=made.explanations,
        )
    with lab.session() as session:
        studies.open_study(session, kind, lab.store)
        shown = {
            (each.name, each.stimulus_digest): each.explanation_digest
            for each in session.scalars(select(VersionExplanation))
        }
    assert len(shown) == 2 * 7
    assert len(set(shown.values())) == 2 * 7

    def drawn(name: str, of: str) -> str:
        with app.test_request_context():
            return str(
                displays.render(lab.store.root, of, shown[name, of], truth=False, language="de")[0]
            )

    artifact_kind = {"prompt": "text"}.get(kind, kind)
    for of in made.stimuli["digits"]:
        real = lab.store.read_explanation(shown["shap", of])
        for name in CONTROLS:
            found = lab.store.read_explanation(shown[name, of])
            assert (found.players, found.outputs) == (real.players, real.outputs)
            assert found.completeness_gap is None
            assert drawn(name, of) != drawn("shap", of)
        assert WORDS[artifact_kind]["de"] in drawn("placebic", of)
        assert OWN["de"] in drawn("own", of)
        assert lab.store.read_explanation(shown["own", of]).job.parameters["words"] == OWN


def test_a_method_with_too_many_players_is_refused_before_any_work(lab: Laboratory) -> None:
    """Only those that a mask changes count: the check leaves that to precompute."""
    given = study("image")
    exact = {"players": "patches", "size": 5, "mask": "zero"}
    given["explanations"]["shap"] = {"method": "exact", "parameters": exact}
    version_id = lab.load(given)
    with lab.session() as session:
        plan = preparation.plan(session.get_one(StudyVersion, version_id), lab.instance)
    refused = r"explanations\.shap\.parameters: exact values of \d+ players .*`players`, `size`"
    with pytest.raises(PrecomputeError, match=refused):
        run(plan, lab.store, device="cpu")
    assert not lab.store.root.exists()
    plan["explanations"]["shap"]["parameters"]["size"] = 7  # 16, of which 12 or fewer have any ink
    assert run(plan, lab.store, device="cpu", only="shap").computed == 2
