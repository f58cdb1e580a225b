"""Data of every kind: read with its digest, refused by file and line, and explained end to end."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest

import explainer
from explainer.artifact import Store
from explainer.contents import background, contents
from explainer.data.contents import ContentsError
from explainer.data.pieces import read_pieces
from explainer.data.texts import read_texts
from explainer.models import checkpoint
from explainer.precompute import run
from explainer.subjects.load import load

ASSETS = Path(explainer.__file__).parent / "assets"
SAMPLES = {
    "reviews-48.jsonl": "reviews-s4",
    "prompts-24.jsonl": "wikitext-s4",
    "sp500-40.npz": "sp500-spacetime",
}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def written(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path, digest(path)


def archive(path, **arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return written(path, file.getvalue())


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_what_their_cards_say(name):
    path = ASSETS / "data" / name
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["sha256"] == digest(path)
    subject = load(ASSETS / "checkpoints" / SAMPLES[name], device="cpu")
    found = contents(subject, path, about["sha256"])
    assert len(found) == about.get("texts", about.get("windows"))
    given, truths, sources = found.take([0, 1])
    assert len(given) == len(truths) == 2
    assert sources[1]["index"] == 1
    assert sources[1]["data_sha256"] == about["sha256"]


def test_half_of_the_windows_are_forecast_better_than_by_the_last_value():
    path = ASSETS / "data" / "sp500-40.npz"
    about = json.loads(path.with_suffix(".json").read_text())
    folder = ASSETS / "checkpoints" / "sp500-spacetime"
    assert checkpoint.load(folder)[1]["weights_sha256"] == about["checkpoint_sha256"]
    found = load(folder, device="cpu")
    stimuli = found.stimuli(*contents(found, path, about["sha256"]).take(list(range(40))))
    assert sum(each.model_correct for each in stimuli) == about["better_than_last_value"] == 20


def test_texts_and_truths(tmp_path):
    lines = '{"text": "Good.", "truth": "positive"}\n\n{"text": "Ä"}\n'
    found = read_texts(*written(tmp_path / "t.jsonl", lines))
    assert found.texts == ("Good.", "Ä")
    assert found.truths == ("positive", None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "holds no text"),
        ('{"text": "a"}\nb', "t.jsonl:2: not JSON"),
        ('{"text": "a", "label": "b"}', "t.jsonl:1: expected"),
        ("[" * 100_000, "t.jsonl:1: not JSON"),
        ('{"text": " "}', "t.jsonl:1: text is not 1 to 20000 characters"),
        ('{"text": "a", "truth": 1}', "t.jsonl:1: truth is 1"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_mistakes_in_texts_are_told_by_line(tmp_path, data, message):
    with pytest.raises(ContentsError, match=message):
        read_texts(*written(tmp_path / "t.jsonl", data))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros(3)}, "no .npz with past"),
        ({"past": np.zeros(3)}, "past is float64"),
        ({"past": np.full((2, 3), np.nan)}, "expected finite numbers"),
        ({"past": np.zeros((2, 3)), "future": np.zeros((1, 3))}, "future is"),
        ({"past": np.zeros((0, 3))}, "holds no window"),
        ({"past": np.zeros((2, 3)), "ends": np.zeros(2)}, "ends is"),
    ],
)
def test_mistakes_in_windows_are_told(tmp_path, arrays, message):
    with pytest.raises(ContentsError, match=message):
        read_pieces(*archive(tmp_path / "w.npz", **arrays))


def test_files_that_are_missing_changed_or_no_archive(tmp_path):
    path, right = archive(tmp_path / "w.npz", past=np.zeros((1, 2)))
    with pytest.raises(ContentsError, match="no such file"):
        read_pieces(tmp_path / "x.npz", right)
    with pytest.raises(ContentsError, match="put its digest in place"):
        read_pieces(path, "0" * 64)
    with pytest.raises(ContentsError, match=r"no \.npz of plain arrays"):
        read_pieces(*written(tmp_path / "n.npz", "text"))


def test_what_does_not_fit_a_checkpoint_is_refused(tmp_path):
    reviews = load(ASSETS / "checkpoints" / "reviews-s4", device="cpu")
    prices = load(ASSETS / "checkpoints" / "sp500-spacetime", device="cpu")
    with pytest.raises(ContentsError, match="labels negative, positive"):
        contents(reviews, *written(tmp_path / "t.jsonl", '{"text": "a", "truth": "good"}'))
    with pytest.raises(ContentsError, match="windows are of 3 steps"):
        contents(prices, *archive(tmp_path / "w.npz", past=np.zeros((2, 3))))


def test_backgrounds_of_every_kind(tmp_path):
    assert background(*written(tmp_path / "t.jsonl", '{"text": "a b"}')) == ["a b"]
    assert background(*archive(tmp_path / "w.npz", past=np.ones((2, 3)))).shape == (2, 3)
    one = np.zeros(1, np.uint8)
    images = archive(
        tmp_path / "i.npz", images=np.zeros((1, 2, 2), np.uint8), labels=one, indices=one
    )
    assert background(*images).shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("name", "select"),
    [
        ("reviews-48.jsonl", {"right": 1, "wrong": 1, "seed": 0}),
        ("prompts-24.jsonl", {"count": 2, "seed": 0}),
        ("sp500-40.npz", {"right": 1, "wrong": 1, "seed": 0}),
    ],
)
def test_shipped_models_are_explained_on_shipped_data(tmp_path, name, select):
    """Permutation values add up, and another run gives the same digests."""
    folder = ASSETS / "checkpoints" / SAMPLES[name]
    plan = {
        "schema": "credence/plan/1",
        "stimuli": {
            "s": {
                "checkpoint": {
                    "path": str(folder),
                    "sha256": digest(folder / "weights.safetensors"),
                },
                "data": {
                    "path": str(ASSETS / "data" / name),
                    "sha256": digest(ASSETS / "data" / name),
                },
                "select": select,
            }
        },
        "explanations": {
            "shap": {"method": "permutation", "parameters": {"evaluations": 200}, "seed": 1},
            "out": {"method": "leave_one_out", "seed": 1},
            "shuffled": {"method": "shuffled", "of": "shap", "seed": 1},
        },
    }
    store = Store(tmp_path / "one")
    result = run(plan, store, device="cpu")
    assert len(result.stimuli["s"]) == 2
    for stimulus, found in result.explanations["shap"].items():
        explanation, of = store.read_explanation(found), store.read_stimulus(stimulus)
        scale = np.abs(explanation.full_values).max()
        assert explanation.completeness_gap < 1e-5 * max(1, scale)
        assert explanation.kind == of.kind
        assert explanation.values.any()
    again = run(plan, Store(tmp_path / "two"), device="cpu")
    assert again.explanations == result.explanations
