"""Language models are trained and judged on whole passages, beside counted tokens and pairs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from explainer.data.fetch import DataError
from explainer.models import checkpoint
from explainer.models.lstm import LSTMLanguageModel, LSTMLanguageModelConfig
from explainer.models.tokenisers import from_bytes
from explainer.train import corpus, perplexity, wikitext
from explainer.train.corpus import Encoded, Passage
from explainer.train.fit import TrainingError

KINDS = ("s4", "lstm", "attention", "uniform", "transformer")
SMALL = {"vocabulary": 300, "width": 8, "window": 32, "batch": 32, "device": "cpu"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two splits of small articles, and plays; each word is nearly always followed by one other."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    words = ["the", "small", "brown", "fox", "sees", "a", "river", ",", "and", "rests", "."]

    def line(n):
        first = random.integers(len(words), size=n)
        return " ".join(f"{words[k]} {words[(k + 1) % len(words)]}" for k in first)

    (folder / "wikitext-103").mkdir()
    for split, n in (("valid", 12), ("test", 12)):
        text = "".join(f" \n = Title {split} {k} = \n \n {line(40)} \n" for k in range(n))
        (folder / "wikitext-103" / f"{split}.txt").write_text(text)
    (folder / "shakespeare").mkdir()
    plays = "\n\n".join(f"Fox:\n{line(6)}" for _ in range(300))
    (folder / "shakespeare" / "input.txt").write_text(plays)
    return folder


def passages(*lengths, vocabulary=7):
    random = np.random.default_rng(sum(lengths))
    found = []
    for k, length in enumerate(lengths):
        ids = random.integers(1, vocabulary, length)
        found.append(Encoded(np.array([0, *ids, 0]), 3 * length, "ab"[k % 2]))
    return found


def tiny_model():
    torch.manual_seed(0)
    config = LSTMLanguageModelConfig(vocabulary=7, width=4, layers=1, attention="none")
    return LSTMLanguageModel(config).double().eval()


def test_parts_are_whole_pieces_drawn_by_seed():
    pieces = [[Passage(f"{k}-{part}", "a") for part in range(k % 3 + 1)] for k in range(60)]
    parts = corpus.share_out(pieces, seed=1)
    owners = {part: {each.text.split("-")[0] for each in parts[part]} for part in parts}
    assert [len(owners[part]) for part in corpus.PARTS] == [54, 3, 3]
    assert sum(len(parts[part]) for part in parts) == sum(map(len, pieces))
    assert set.union(*owners.values()) == {str(k) for k in range(60)}
    assert corpus.share_out(pieces, seed=1) == parts
    assert corpus.share_out(pieces, seed=2) != parts
    with pytest.raises(DataError, match="only 2 passages"):
        corpus.share_out(pieces[:2], seed=1)


@given(st.lists(st.text("ab \n", max_size=30), max_size=20), st.integers(1, 12))
def test_stretches_are_the_text_cut_at_empty_lines(parts, n):
    text = "\n\n".join(parts)
    found = corpus.stretches(text, n)
    assert "".join(found) == text
    assert len(found) <= n
    assert all(each.endswith("\n\n") for each in found[:-1])


def test_a_split_of_its_own_is_kept(data, tmp_path):
    for name in ("wikitext-103", "shakespeare"):
        (tmp_path / name).mkdir()
        for file in (data / name).iterdir():
            (tmp_path / name / file.name).write_bytes(file.read_bytes())
    shared = corpus.read(data, "WikiText-103", 0)
    assert shared.about["split"]["train"] == 22 + 180
    valid = (data / "wikitext-103" / "valid.txt").read_bytes()
    (tmp_path / "wikitext-103" / "train.txt").write_bytes(valid.replace(b"Title", b"Other"))
    whole = corpus.read(tmp_path, "WikiText-103", 0)
    headings = {
        part: {each.text.split()[1] + each.text.split()[2] for each in whole.parts[part][:12]}
        for part in corpus.PARTS
    }
    assert headings == {
        "train": {"Othervalid"},
        "validation": {"Titlevalid"},
        "test": {"Titletest"},
    }
    assert {each.corpus for each in whole.parts["test"]} == {"WikiText-103", "tiny Shakespeare"}


def test_windows_are_pieces_of_the_stream_that_begin_anywhere():
    class Recorder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))
            self.seen = []

        def losses(self, tokens, targets):
            self.seen.append((tokens, targets))
            return targets.double()

    found = passages(50, 30, 9)
    windows = corpus.Windows(found, window=8)
    stream = windows.stream.tolist()
    assert len(stream) == 1 + 51 + 31 + 10
    assert stream.count(0) == 4  # one before all, and one after each
    recorder = Recorder()
    starts = set()
    for seed in range(60):
        torch.manual_seed(seed)
        loss = windows.loss(recorder, torch.arange(len(windows)))
        tokens, targets = recorder.seen[-1]
        assert loss == targets.double().mean()
        assert torch.equal(tokens[:, 1:], targets[:, :-1])
        first = next(k for k in range(8) if stream[k : k + 8] == tokens[0].tolist())
        starts.add(first)
        assert tokens.flatten().tolist() == stream[first : first + tokens.numel()]
    assert starts == set(range(8))


def test_nats_are_those_of_every_token_in_windows_that_know_no_other():
    model, found = tiny_model(), passages(20, 3, 8, 16)
    nats = perplexity.network_nats(model, found, window=8)
    for each, total in zip(found, nats, strict=True):
        ids, expected = torch.from_numpy(each.ids), 0.0
        for first in range(0, len(ids) - 1, 8):
            part = ids[first : first + 9][None]
            with torch.no_grad():
                expected += model.losses(part[:, :-1], part[:, 1:]).sum().item()
        assert total == pytest.approx(expected, abs=1e-10)


def test_counts_by_hand():
    """Tokens 0 1 2 1 0: of 4 that follow, 1 is there twice; after 1 come 2 and 0."""
    train = [Encoded(np.array([0, 1, 2, 1, 0]), 3, "a")]
    counts = perplexity.Counts(train, train, size=4)
    single = np.array([2, 3, 2, 1]) / 8
    np.testing.assert_allclose(counts.single, single)
    test = [Encoded(np.array([0, 1, 1, 0]), 2, "a")]
    assert counts.unigram_nats(test)[0] == pytest.approx(-np.log(single[[1, 1, 0]]).sum())
    expected = [0.6 * 1 + 0.4 * 3 / 8, 0.6 * 0 + 0.4 * 3 / 8, 0.6 / 2 + 0.4 * 2 / 8]
    assert counts.bigram_nats(test, 0.6)[0] == pytest.approx(-np.log(expected).sum())
    assert counts.weight == pytest.approx(0.95)  # the text it is judged on is the one it counted


@pytest.mark.parametrize("before", range(7))
def test_counted_probabilities_sum_to_one(before):
    train = [each for each in passages(12, 5) if each.corpus == "a"]
    counts = perplexity.Counts(train, train, size=7)
    every = [Encoded(np.array([before, after]), 1, "a") for after in range(7)]
    assert np.exp(-counts.bigram_nats(every, 0.7)).sum() == pytest.approx(1)
    assert np.exp(-counts.unigram_nats(every)).sum() == pytest.approx(1)


def test_a_guess_among_all_tokens_has_their_number_as_perplexity():
    found = passages(10, 30, 7)
    nats = np.array([len(each.ids) - 1 for each in found]) * math.log(2048)
    measured = perplexity.by_corpus(nats, found)
    assert set(measured) == {"all", "a", "b"}
    everything = measured["all"]
    assert everything["perplexity_per_token"] == {
        "value": 2048.0,
        "n": 11 + 31 + 8,
        "passages": 3,
        "interval_95_bootstrap": [2048.0, 2048.0],
    }
    # 11 bits a token, 50 tokens, 141 bytes
    assert everything["bits_per_byte"]["value"] == round(11 * 50 / 141, 4)
    assert everything["bits_per_byte"]["n"] == 141
    assert measured["b"]["perplexity_per_token"]["n"] == 31


def test_the_interval_agrees_with_scipys_bootstrap():
    random = np.random.default_rng(3)
    found = [Encoded(np.zeros(n + 1, np.int64), 3 * n, "a") for n in random.integers(20, 90, 40)]
    tokens = np.array([len(each.ids) - 1 for each in found])
    nats = tokens * random.normal(4, 0.5, 40)
    expected = bootstrap(
        (nats, tokens),
        lambda a, b, axis: np.exp(a.sum(axis) / b.sum(axis)),
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    low, high = perplexity.measures(nats, found)["perplexity_per_token"]["interval_95_bootstrap"]
    assert low == pytest.approx(expected.low, rel=0.02)
    assert high == pytest.approx(expected.high, rel=0.02)


def test_all_five_have_the_same_number_of_weights():
    sizes = {}
    for kind in KINDS:
        with torch.device("meta"):
            built = wikitext.network(kind, 2048, width=128, window=256, dropout=0.1)
        sizes[kind] = sum(weight.numel() for weight in built.parameters())
    assert max(sizes.values()) / min(sizes.values()) < 1.03, sizes


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_training_writes_a_card_that_can_be_repeated(kind, data, tmp_path):
    said = []
    options = {"data": data, "model": kind, "epochs": 2, "learning_rate": 0.04, **SMALL, "batch": 4}
    card = wikitext.train(
        out=tmp_path / "a",
        progress=lambda done, total, what: said.append((done, total, what)),
        **options,
    )
    assert said[-1][0] == said[-1][1]
    assert "best perplexity" in said[-1][2]
    assert f"--model {kind} " in card["training"]["command"]
    assert str(tmp_path) not in str(card)
    assert card["data"]["split"] == {
        "unit": "passages",
        "train": 22 + 180,
        "validation": 1 + 10,
        "test": 1 + 10,
        "seed": 0,
    }
    model, found = checkpoint.load(tmp_path / "a")
    assert found == card
    tokeniser = from_bytes(checkpoint.companion(tmp_path / "a", card, "tokeniser.json"))
    assert tokeniser.size == model.vocabulary <= 300
    measured = card["metrics"]["test"]["all"]["perplexity_per_token"]
    unigram, bigram = card["metrics"]["baselines_test"].values()
    assert bigram["all"]["perplexity_per_token"]["n"] == measured["n"]
    assert measured["value"] < unigram["all"]["perplexity_per_token"]["value"]
    assert wikitext.evaluate(model, card, data, "cpu") == card["metrics"]
    again = wikitext.train(out=tmp_path / "b", **options)
    assert again["weights_sha256"] == card["weights_sha256"]


def test_recomputing_changes_no_weight_and_only_s4_can(data, tmp_path):
    options = {"data": data, "epochs": 1, **SMALL}
    plain = wikitext.train(out=tmp_path / "a", **options)
    less = wikitext.train(out=tmp_path / "b", gradient_checkpointing=True, **options)
    assert less["weights_sha256"] == plain["weights_sha256"]
    with pytest.raises(TrainingError, match="lstm cannot recompute its activations: leave --grad"):
        wikitext.train(out=tmp_path / "c", model="lstm", gradient_checkpointing=True, **options)


def test_another_text_and_a_vocabulary_too_small_are_refused(data, tmp_path):
    card = wikitext.train(out=tmp_path / "a", data=data, epochs=1, **SMALL)
    model, _ = checkpoint.load(tmp_path / "a")
    card["training"]["seed"] = 5  # another split
    with pytest.raises(DataError, match="has not the text that a learnt from"):
        wikitext.evaluate(model, card, data, "cpu")
    with pytest.raises(TrainingError, match="vocabulary cannot be learnt: size is 100"):
        wikitext.train(out=tmp_path / "b", data=data, **{**SMALL, "vocabulary": 100})
