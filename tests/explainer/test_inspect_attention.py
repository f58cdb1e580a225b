"""Tests of attention as explanation: against the model, a grid, and their definitions."""

import math

import numpy as np
import pytest
import torch

from explainer.inspect import attention_tests as tests
from explainer.inspect.attended import decomposed
from explainer.inspect.attention_tests import attention_tests, furthest
from explainer.methods import MethodError
from explainer.models.attention import AttentionClassifier, AttentionConfig
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.models.text import TextClassifier
from explainer.models.tokenisers import WordTokeniser
from explainer.train.reading import jensen_shannon, total_variation

WORDS = WordTokeniser(["<eos>", "<unk>", *(f"w{k}" for k in range(20))])
TEXTS = ["w3 w1 w7", "w5", "w0 w2 w4 w6 w8 w10 w12"]


def model(attention="learnt", encoder="lstm", sharp=6.0) -> TextClassifier:
    torch.manual_seed(1)
    network = AttentionClassifier(AttentionConfig(WORDS.size, 6, 4, 2, encoder, attention))
    for weight in network.parameters():
        weight.data.mul_(sharp)  # attention and predictions that are far from uniform
    return TextClassifier(network.double(), WORDS, ("no", "yes")).eval().requires_grad_(False)


@pytest.mark.parametrize("encoder", ["lstm", "mlp"])
def test_attention_times_each_tokens_logits_is_the_model_under_any_attention(encoder):
    found = model(encoder=encoder)
    attention, logits = decomposed(found, TEXTS[0])
    tokens, lengths = found.tokens([TEXTS[0]])
    torch.testing.assert_close(attention @ logits, found.network(tokens, lengths)[0])
    other = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    imposed = found.network(tokens, lengths, other[None])[0]
    torch.testing.assert_close(other @ logits, imposed, atol=1e-12, rtol=0)


def test_uniform_and_permuted_attention_are_what_the_model_says_under_them():
    found = model()
    result = attention_tests(found, TEXTS, permutations=200)
    for text, numbers in zip(TEXTS, result.texts, strict=True):
        tokens, lengths = found.tokens([text])
        L = int(lengths)
        own, weights = found.network.attend(tokens, lengths)
        p = torch.softmax(own[0], -1).numpy()

        def moved(imposed, tokens=tokens, lengths=lengths, p=p):
            logits = found.network(tokens, lengths, imposed[None])[0]
            return total_variation(p, torch.softmax(logits, -1).numpy())

        uniform = moved(torch.full((L,), 1 / L, dtype=torch.float64))
        assert numbers["uniform"] == pytest.approx(uniform, abs=1e-12)
        generator = torch.Generator().manual_seed(5)
        orders = [torch.randperm(L, generator=generator) for _ in range(200)]
        drawn = sorted(moved(weights[0, order]) for order in orders)
        assert drawn[75] - 1e-9 <= numbers["permuted"] <= drawn[125] + 1e-9
    values = [numbers["uniform"] for numbers in result.texts]
    assert result.uniform.value == pytest.approx(np.median(values))
    assert (result.n, result.uniform.n) == (3, 3)
    assert max(values) > 0.01


@pytest.mark.parametrize("epsilon", [0.01, 0.2])
def test_adversarial_attention_to_two_tokens_is_the_best_of_a_grid(epsilon):
    """A text of one word: attention is one number, so a grid finds the optimum."""
    found = model(sharp=2.0)
    numbers = attention_tests(found, ["w5"], epsilon=epsilon, near=0.02).texts[0]
    attention, logits = (each.numpy() for each in decomposed(found, "w5"))

    def softmax(x):
        return np.exp(x - x.max()) / np.exp(x - x.max()).sum()

    far = near = 0.0
    for a in np.linspace(0, 1, 20001):
        w = np.array([a, 1 - a])
        apart = jensen_shannon(w, attention)
        moved = total_variation(softmax(w @ logits), softmax(attention @ logits))
        far = max(far, apart) if moved <= epsilon else far
        near = max(near, moved) if apart <= 0.02 else near
    assert far > 1e-4
    assert numbers["adversarial"] == pytest.approx(far, rel=0.03, abs=1e-5)
    assert numbers["reverse"] == pytest.approx(near, rel=0.03, abs=1e-5)


def test_what_is_found_stays_within_the_limit_and_goes_as_far_as_can_be_where_nothing_moves():
    """Equal logits of all tokens: any attention predicts the same, so a corner is reached."""
    torch.manual_seed(0)
    attention = torch.tensor([[0.7, 0.2, 0.1]], dtype=torch.float64)
    start = torch.randn(1, 4, 3, dtype=torch.float64)

    def apart(weights):
        return tests.jensen_shannon(weights, attention.unsqueeze(1))

    found = furthest(start, apart, lambda weights: weights.sum(-1) * 0, 0.01)
    corner = jensen_shannon(np.array([0.0, 0.0, 1.0]), attention[0].numpy())
    assert float(apart(found[None])[0, 0]) == pytest.approx(corner, rel=0.01)
    assert corner < math.log(2)


def test_uniform_attention_is_moved_by_no_permutation():
    result = attention_tests(model("uniform"), TEXTS)
    for numbers in result.texts:
        assert numbers["uniform"] == pytest.approx(0, abs=1e-12)
        assert numbers["permuted"] == pytest.approx(0, abs=1e-12)
    data = result.to_json()
    assert data["permuted"]["n"] == 3
    assert data["texts"][1]["tokens"] == 2


def test_texts_are_tested_alike_alone_and_together():
    found = model(sharp=2.0)
    alone = attention_tests(found, [TEXTS[2]]).texts[0]
    together = attention_tests(found, TEXTS).texts[2]
    assert together["uniform"] == pytest.approx(alone["uniform"], abs=1e-12)
    assert together["adversarial"] == pytest.approx(alone["adversarial"], rel=0.05, abs=1e-4)


def test_refusals():
    config = SequenceClassifierConfig(
        encoder="embedding", inputs=WORDS.size, width=4, layers=1, labels=2, state=4
    )
    without = TextClassifier(SequenceClassifier(config), WORDS, ("no", "yes"))
    for given in (without, model("imposed")):
        with pytest.raises(MethodError, match=r"needs? a classifier with attention of its own"):
            attention_tests(given, TEXTS)
    with pytest.raises(MethodError, match="no texts"):
        attention_tests(model(), [])
