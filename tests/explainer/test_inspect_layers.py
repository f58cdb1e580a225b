"""Skipped layers, and a truth given at every k-th place: against networks without, and counting."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from explainer.inspect.layers import (
    ablation,
    branches,
    classifier_judge,
    language_judge,
    without,
)
from explainer.inspect.measured import change, holm, mean, median, ratio, share_change
from explainer.inspect.refresh import teacher_refresh
from explainer.methods import MethodError
from explainer.models.cnn import CNNConfig, ReLUCNN
from explainer.models.gpt2 import Transformers
from explainer.models.language import LanguageModel
from explainer.models.lm import S4LanguageModel, S4LanguageModelConfig
from explainer.models.lstm import LSTMLanguageModel, LSTMLanguageModelConfig
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.models.transformer import TransformerLanguageModel, TransformerLanguageModelConfig
from tests.explainer.test_gpt2 import tiny

SIZE = 30
PASSAGES = [[1, 5, 9, 2, 7, 7, 3], [4, 4, 8, 20], [11, 29, 3, 6, 0, 2]]


def s4(**more):
    torch.manual_seed(0)
    given = {"vocabulary": SIZE, "width": 8, "layers": 2, "state": 4, "norm": "layer"}
    return S4LanguageModel(S4LanguageModelConfig(**{**given, **more})).double().eval()


def transformer():
    torch.manual_seed(0)
    config = TransformerLanguageModelConfig(SIZE, 8, 2, 2, 16, 64)
    return TransformerLanguageModel(config).double().eval()


def lstm(attention="learnt"):
    torch.manual_seed(0)
    return LSTMLanguageModel(LSTMLanguageModelConfig(SIZE, 8, 2, attention)).double().eval()


def test_a_skipped_block_of_a_prenorm_network_is_a_network_without_it():
    model, tokens = s4(pattern="s4-ff"), torch.tensor(PASSAGES[:1])
    assert list(branches(model)) == [
        "block 0 S4",
        "block 1 feed-forward",
        "block 2 S4",
        "block 3 feed-forward",
    ]
    for k, branch in enumerate(branches(model).values()):
        shorter = copy.deepcopy(model)
        blocks = list(shorter.backbone.blocks)
        shorter.backbone.blocks = nn.ModuleList(blocks[:k] + blocks[k + 1 :])
        with without(branch):
            found = model.log_probabilities(tokens)
        expected = shorter.log_probabilities(tokens)
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
        assert (found - model.log_probabilities(tokens)).abs().max() > 1e-3


def test_a_skipped_block_of_a_postnorm_network_keeps_its_norm():
    torch.manual_seed(0)
    config = SequenceClassifierConfig(
        inputs=1, width=6, layers=2, state=4, labels=3, prenorm=False, norm="layer"
    )
    model, x = SequenceClassifier(config).double().eval(), torch.randn(2, 9, 1).double()
    other = copy.deepcopy(model)
    other.backbone.blocks[0].layer = Nothing()
    with without(branches(model)["block 0 S4"]):
        torch.testing.assert_close(model(x), other(x), atol=1e-12, rtol=0)


def test_a_skipped_block_is_skipped_where_many_sequences_are_read_in_spans(monkeypatch):
    """A classifier reads a batch of many in spans, by each layer's `advance`, which has no hook."""
    torch.manual_seed(0)
    config = SequenceClassifierConfig(inputs=1, width=6, layers=2, state=4, labels=3)
    model, x = SequenceClassifier(config).double().eval(), torch.randn(2, 300, 1).double()
    with torch.no_grad(), without(branches(model)["block 0 S4"]):
        expected = model(x)
        monkeypatch.setattr(model, "_fits_better_in_spans", lambda given: True)
        torch.testing.assert_close(model(x), expected, atol=1e-9, rtol=0)
    with torch.no_grad():
        assert (model(x) - expected).abs().max() > 1e-3


class Nothing(nn.Module):
    def forward(self, u):
        return 0 * u


@pytest.mark.parametrize("part", ["attention", "feed-forward"])
def test_a_skipped_part_of_a_transformer_is_one_whose_last_map_is_zero(part):
    model, tokens = transformer(), torch.tensor(PASSAGES[:1])
    other = copy.deepcopy(model)
    last = (
        other.blocks[1].attention.output if part == "attention" else other.blocks[1].feedforward[2]
    )
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    with without(branches(model)[f"block 1 {part}"]):
        found = model.log_probabilities(tokens)
    torch.testing.assert_close(found, other.log_probabilities(tokens), atol=1e-12, rtol=0)


def test_a_skipped_part_of_gpt2_is_one_whose_last_map_is_zero():
    network = tiny()
    model = Transformers(network).eval()
    tokens = torch.tensor(PASSAGES[:1])
    assert len(branches(model)) == 6
    other = Transformers(copy.deepcopy(network)).eval()
    for name in ("attn", "mlp"):
        last = getattr(other.network.transformer.h[0], name).c_proj
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    parts = branches(model)
    with without(parts["block 0 attention"]), without(parts["block 0 feed-forward"]):
        found = model.log_probabilities(tokens)
    torch.testing.assert_close(found, other.log_probabilities(tokens), atol=1e-5, rtol=0)


def test_an_lstm_without_its_attention_is_one_that_never_had_it():
    model, tokens = lstm(), torch.tensor(PASSAGES[:1])
    other = lstm("none")
    kept = {name: w for name, w in model.state_dict().items() if "attention" not in name}
    other.load_state_dict(kept)
    with without(branches(model)["attention over past states"]):
        found = model.log_probabilities(tokens)
    torch.testing.assert_close(found, other.log_probabilities(tokens), atol=1e-12, rtol=0)


def test_a_network_without_residuals_is_refused():
    for network in (lstm("none"), ReLUCNN(CNNConfig(8, 8, 2, 3))):
        with pytest.raises(MethodError, match="no layers beside residuals"):
            branches(network)


def test_a_language_model_is_judged_passage_by_passage():
    model = s4()
    losses, right = language_judge(model, PASSAGES)()
    for passage, loss, share in zip(PASSAGES, losses, right, strict=True):
        tokens = torch.tensor([passage])
        found = model.log_probabilities(tokens[:, :-1])[0]
        nats = model.losses(tokens[:, :-1], tokens[:, 1:])
        assert loss == pytest.approx(float(nats.detach().mean()), abs=1e-12)
        assert share == float((found.argmax(-1) == tokens[0, 1:]).double().mean())
    with pytest.raises(MethodError, match="two tokens or more"):
        language_judge(model, [[1]])


def test_ablation_states_changes_with_their_n_and_tests():
    truth = np.arange(40) % 3
    logits = np.full((40, 3), -2.0)
    logits[np.arange(40), truth] = -0.1
    network = SequenceClassifier(
        SequenceClassifierConfig(inputs=1, width=4, layers=2, state=4, labels=3)
    ).eval()
    first = branches(network)["block 0 S4"]

    def say():
        """Without the first layer ten of forty are read wrong; without the second none."""
        found = logits.copy()
        if first._forward_hooks:
            found[:10] = np.roll(found[:10], 1, 1)
        return found

    result = ablation(network, classifier_judge(say, truth), "texts")
    worse, same = result.layers
    assert result.right.value == 1
    assert worse.right.value == pytest.approx(-0.25)
    assert worse.right.p == pytest.approx(2 * 0.5**10)  # ten lost, none won: exact binomial
    assert worse.loss.value == pytest.approx(0.25 * 1.9)
    assert worse.loss.low < 0.25 * 1.9 < worse.loss.high
    assert (same.loss.value, same.loss.p, same.right.p) == (0, 1, 1)
    assert worse.p_holm == pytest.approx(2 * worse.loss.p)
    assert worse.loss.n == 40
    assert result.to_json()["layers"][0]["name"] == "block 0 S4"


class Never(LanguageModel):
    """Says a token that no passage has."""

    vocabulary = SIZE

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def start(self, batch):
        return None

    def advance(self, tokens, state):
        logits = torch.zeros(*tokens.shape, SIZE)
        logits[..., SIZE - 1] = 5.0
        return logits.log_softmax(-1), None


def test_a_model_that_is_never_right_scores_as_the_original_counted():
    """REFERENCES: an untrained model scores 1.00 / .503 / .336 for k = 1, 2, 3; here over 149."""
    passages = np.random.default_rng(0).integers(0, SIZE - 1, (4, 150)).tolist()
    naive = teacher_refresh(Never(), passages)
    assert [round(each.naive.value, 3) for each in naive] == [1.0, 0.503, 0.336]
    assert naive[0].not_given is None
    assert [each.not_given.value for each in naive[1:]] == [0, 0]
    assert [each.not_given.n for each in naive[1:]] == [4 * 74, 4 * 99]
    assert naive[0].after is None


class Copies(Never):
    """Says the token that it has just read, plus one."""

    def advance(self, tokens, state):
        return nn.functional.one_hot(tokens + 1, SIZE).float().mul(9).log_softmax(-1), None


def test_what_the_model_wrote_goes_on_from_what_it_was_given():
    counting = [list(range(12)), list(range(3, 15))]
    for each in teacher_refresh(Copies(), counting, prefix=6):
        assert each.naive.value == each.after.value == 1
    broken = [[0, 1, 2, 9, 10, 11, 12]]  # one jump: given it goes on right, else it never returns
    by_k = {each.every: each for each in teacher_refresh(Copies(), broken)}
    assert by_k[1].naive.value == 1
    assert by_k[2].not_given.value == pytest.approx(3 / 3)
    assert teacher_refresh(Copies(), [[0, 1, 9, 10, 11, 12, 13]], every=[3])[
        0
    ].not_given.value == pytest.approx(2 / 4)
    assert teacher_refresh(Copies(), [[0, 1, 2, 9, 10, 11]], prefix=1)[0].after.value == 1 / 4


def test_refresh_needs_passages_of_one_length():
    with pytest.raises(MethodError, match="one length"):
        teacher_refresh(Never(), PASSAGES)
    with pytest.raises(MethodError, match="prefix is 9"):
        teacher_refresh(Never(), [[1, 2, 3]], prefix=9)


def test_intervals_and_tests_by_hand_and_scipy():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # R: p.adjust
    values = np.random.default_rng(0).normal(2, 1, 400)
    found = mean(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.08)
    assert median(values).value == pytest.approx(np.median(values))
    a, b = np.array([1.0, 2, 3, 4, 5, 6]), np.array([2.0, 3.5, 5, 6.5, 8, 9.5])
    assert change(a, b).p == pytest.approx(2 / 2**6)  # all six moved up
    shares = ratio(np.array([1.0, 3.0]), np.array([2.0, 6.0]))
    assert (shares.value, shares.n) == (0.5, 8)
    before = np.array([True] * 9 + [False])
    assert share_change(before, before, "texts").p == 1
