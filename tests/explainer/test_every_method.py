"""Every method of the catalogue on every kind of subject that it says it applies to, as shipped."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

import explainer
from explainer.artifact import Store
from explainer.contents import background, contents
from explainer.explain import explain
from explainer.methods import MethodError
from explainer.methods.catalogue import METHODS
from explainer.subjects.load import load

ASSETS = Path(explainer.__file__).parent / "assets"
SUBJECTS = {
    "image": ("mnist-s4d", "mnist-200.npz", {"players": "patches", "size": 7}),
    "text": ("reviews-s4", "reviews-48.jsonl", {}),
    "prompt": ("wikitext-s4", "prompts-24.jsonl", {}),
    "series": ("sp500-spacetime", "sp500-40.npz", {}),
}
# What masks draw from and surrogates are fitted on; of the others it is their own sample.
BACKGROUND = {"series": "sp500-weekly.npz"}
# What the shipped subject of a kind cannot be explained by, and what the refusal says.
REFUSED = {
    ("image", "guided_backpropagation"): "ReLU",
    ("image", "senn_concepts"): "self-explaining",
    ("text", "guided_backpropagation"): "ReLU",
    ("text", "attention"): "no attention",
    ("prompt", "guided_backpropagation"): "ReLU",
    ("prompt", "attention"): "no attention",
    ("prompt", "attention_rollout"): "Transformer",
    ("series", "guided_backpropagation"): "ReLU",
}
REAL = [name for name, method in METHODS.items() if not method.control]
CASES = [(kind, name) for kind in SUBJECTS for name in REAL if kind in METHODS[name].kinds]


@pytest.fixture(scope="module")
def explained():
    """The subject of each kind, and one of its stimuli."""
    found = {}
    for kind, (checkpoint, data, _) in SUBJECTS.items():
        subject = load(ASSETS / "checkpoints" / checkpoint, device="cpu")
        subject.background = background(*located(BACKGROUND.get(kind, data)))
        of = contents(subject, *located(data)).take([1])
        found[kind] = subject, subject.stimuli(*of)[0]
    return found


def located(name):
    path = ASSETS / "data" / name
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def parameters(kind, name):
    """Small budgets, and few players."""
    takes = METHODS[name].parameters
    wanted = {**SUBJECTS[kind][2], "evaluations": 300, "samples": 20, "steps": 10}
    wanted["most_players"] = 14
    if (kind, name) == ("image", "exact"):
        wanted["size"] = 14
    return {key: value for key, value in wanted.items() if key in takes}


@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{k}-{n}" for k, n in CASES])
def test_a_method_gives_what_it_says_or_says_why_not(kind, name, explained, tmp_path):
    subject, stimulus = explained[kind]
    if (kind, name) in REFUSED:
        with pytest.raises(MethodError, match=REFUSED[kind, name]):
            explain(subject, stimulus, name, **parameters(kind, name))
        return
    found = explain(subject, stimulus, name, seed=3, **parameters(kind, name))
    artifact = found.artifact
    assert artifact.values.shape == (len(artifact.players), len(artifact.outputs))
    assert artifact.values.any() or name == "anchors"
    assert METHODS[name].adds_up is (artifact.completeness_gap is not None)
    if artifact.completeness_gap is not None:
        size = float(np.abs(artifact.full_values - artifact.base_values).max())
        assert artifact.completeness_gap <= 0.05 * size + 1e-4
    store = Store(tmp_path)
    assert store.read_explanation(store.write(found)).job.key == artifact.job.key
    again = explain(subject, stimulus, name, seed=3, **parameters(kind, name)).artifact
    assert (again.values == artifact.values).all()


def test_a_method_that_does_not_apply_says_so(explained):
    subject, stimulus = explained["series"]
    with pytest.raises(MethodError, match="does not apply to a series"):
        explain(subject, stimulus, "anchors")
    with pytest.raises(MethodError, match="is a control"):
        explain(subject, stimulus, "shuffled")
