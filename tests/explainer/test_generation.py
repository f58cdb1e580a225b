"""Generation against a slow one that reads the whole text again for every token."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import nn

from explainer.models import generation
from explainer.models.generation import generate, tempered
from explainer.models.language import LanguageModel

VOCABULARY = 12


class Tiny(LanguageModel):
    """A recurrent network of 8 numbers, in float64; `read` counts what each advance was given."""

    def __init__(self, vocabulary=VOCABULARY, spread=1.5):
        super().__init__()
        self.vocabulary = vocabulary
        torch.manual_seed(vocabulary)
        self.inner = nn.Linear(8, 8).double()
        self.table = nn.Embedding(vocabulary, 8).double()
        self.scores = nn.Linear(8, vocabulary).double()
        self.scores.weight.data.mul_(4 * spread)
        self.read = []
        self.eval()

    def start(self, batch):
        return torch.zeros(batch, 8, dtype=torch.float64)

    def advance(self, tokens, state):
        self.read.append(tuple(tokens.shape))
        found = []
        for token in tokens.T:
            state = torch.tanh(self.inner(state) + self.table(token))
            found.append(self.scores(state).log_softmax(-1))
        return torch.stack(found, 1), state


def slow(model, prompt, row, *, length, temperature, top_k, top_p, no_repeat, stop, seed):
    """One row in plain Python, nothing carried between tokens."""
    random = np.random.default_rng([seed, row])
    text, surprise, entropies, why = list(prompt), [], [], "length"
    while len(text) < len(prompt) + length:
        with torch.no_grad():
            found = model.log_probabilities(torch.tensor([text]))[0, -1].tolist()
        token = pick(found, temperature, top_k, top_p, random)
        grown = [*text, token]
        if token == stop:
            why = "stop"
            break
        if no_repeat and any(
            grown[k : k + no_repeat] == grown[-no_repeat:] for k in range(len(grown) - no_repeat)
        ):
            why = "repeat"
            break
        text = grown
        surprise.append(found[token])
        entropies.append(-sum(math.exp(each) * each for each in found))
    return text[len(prompt) :], surprise, entropies, why


def pick(found, temperature, top_k, top_p, random):
    by_probability = sorted(range(len(found)), key=lambda token: -found[token])
    if temperature == 0:
        return by_probability[0]
    weight = [math.exp(each / temperature) for each in found]
    left = by_probability[:top_k]
    if top_p is not None:
        total = sum(weight[token] for token in left)
        reached, few = 0.0, []
        for token in left:
            few.append(token)
            reached += weight[token] / total
            if reached >= top_p:
                break
        left = few
    u = random.random() * sum(weight[token] for token in left)
    for token in sorted(left):
        u -= weight[token]
        if u < 0:
            return token
    return token


DEFAULT = {
    "length": 12,
    "temperature": 0.9,
    "top_k": 5,
    "top_p": None,
    "no_repeat": 2,
    "stop": None,
    "seed": 3,
}


@settings(max_examples=25, deadline=None)
@given(
    prompts=st.lists(
        st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=6), min_size=1, max_size=4
    ),
    length=st.integers(1, 12),
    temperature=st.sampled_from([0, 0.3, 0.9, 2.5]),
    top_k=st.sampled_from([None, 1, 3, 50]),
    top_p=st.sampled_from([None, 0.2, 0.8, 1.0]),
    no_repeat=st.sampled_from([None, 1, 2, 3]),
    stop=st.sampled_from([None, 4]),
    seed=st.integers(0, 1000),
)
def test_agrees_with_reading_everything_again(prompts, **how):
    model = Tiny()
    found = generate(model, prompts, **how)
    for row, (prompt, each) in enumerate(zip(prompts, found, strict=True)):
        tokens, surprise, entropies, why = slow(model, prompt, row, **how)
        assert (each.tokens, each.why) == (tokens, why)
        np.testing.assert_allclose(each.log_probabilities, surprise, atol=1e-12)
        np.testing.assert_allclose(each.entropies, entropies, atol=1e-12)


def test_a_row_does_not_depend_on_its_batch():
    model = Tiny()
    prompts = [[1], [5, 2, 7], [3, 3], [1], [9, 9, 9, 9, 2]]
    together = generate(model, prompts, **DEFAULT)
    assert together[0] != together[3]  # the same prompt, another row
    for row, prompt in enumerate(prompts):
        (alone,) = generate(model, [prompt], **DEFAULT, rows=[row])
        assert (alone.tokens, alone.why) == (together[row].tokens, together[row].why)
    backwards = generate(model, prompts[::-1], **DEFAULT, rows=[4, 3, 2, 1, 0])
    assert [each.tokens for each in backwards[::-1]] == [each.tokens for each in together]
    assert generate(model, prompts, **DEFAULT) == together
    assert generate(model, prompts, **DEFAULT | {"seed": 4}) != together


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1, None, None), (0.7, None, None), (2, 4, None), (1, None, 0.6), (0.9, 6, 0.8)],
)
def test_draws_have_the_stated_distribution(temperature, top_k, top_p):
    """Chi-square over 2,000 rows with a fixed seed."""
    model = Tiny(spread=0.5)
    with torch.no_grad():
        p = model.log_probabilities(torch.tensor([[2]]))[0, 0].exp().numpy() ** (1 / temperature)
    p /= p.sum()
    falling = np.argsort(-p)
    if top_k:
        p[falling[top_k:]] = 0
        p /= p.sum()
    if top_p:
        needed = int(np.searchsorted(np.cumsum(p[falling]), top_p)) + 1
        p[falling[needed:]] = 0
        p /= p.sum()
    how = DEFAULT | {"length": 1, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    drawn = [each.tokens[0] for each in generate(model, [[2]] * 2000, **how)]
    count = np.bincount(drawn, minlength=VOCABULARY)
    assert count[p == 0].sum() == 0
    assert (p > 0).sum() > 1
    assert chisquare(count[p > 0], 2000 * p[p > 0]).pvalue > 0.001


def test_reported_numbers_are_the_models_own():
    """Not those of the tempered and cut distribution, in which a top_k of 1 has no surprise."""
    model = Tiny()
    (found,) = generate(model, [[2]], **DEFAULT | {"top_k": 1, "temperature": 0.1, "length": 1})
    with torch.no_grad():
        own = model.log_probabilities(torch.tensor([[2]]))[0, 0]
    assert found.tokens == [int(own.argmax())]
    assert found.log_probabilities == pytest.approx([float(own.max())])
    assert found.entropies == pytest.approx([float(-(own.exp() * own).sum())])


class Cycle(LanguageModel):
    """After token t comes t + 1, surely; after the last, the first."""

    vocabulary = 4

    def start(self, batch):
        return None

    def advance(self, tokens, state):
        return nn.functional.one_hot((tokens + 1) % 4, 4).float().log(), None


@pytest.mark.parametrize(
    ("prompt", "no_repeat", "stop", "tokens", "why"),
    [
        ([0], 2, None, [1, 2, 3, 0], "repeat"),  # the next would complete 0 1 again
        ([0, 1, 0], 2, None, [], "repeat"),  # 0 1 is in the prompt
        ([0], 1, None, [1, 2, 3], "repeat"),
        ([0], None, None, [1, 2, 3, 0, 1, 2], "length"),
        ([0], 2, 3, [1, 2], "stop"),
        ([0], 2, 1, [], "stop"),
        ([3], 2, 3, [0, 1, 2], "stop"),  # a stop in the prompt is none
    ],
)
def test_endings(prompt, no_repeat, stop, tokens, why):
    how = DEFAULT | {"length": 6, "no_repeat": no_repeat, "stop": stop}
    for temperature in (0, 1):
        (found,) = generate(Cycle().eval(), [prompt], **how | {"temperature": temperature})
        assert (found.tokens, found.why) == (tokens, why)
        assert found.entropies == [0] * len(tokens)  # certain: 0 log 0 counts nothing
        assert found.log_probabilities == [0] * len(tokens)


def test_what_is_common_is_read_at_once_and_no_token_after_the_last():
    model = Tiny()
    how = DEFAULT | {"length": 2, "no_repeat": None}
    generate(model, [[1, 2, 3], [4, 5, 6, 7, 8]], **how)
    assert model.read == [(2, 3)] + [(2, 1)] * 3  # two of the longer prompt, one generated


def test_long_prompts_are_read_in_pieces(monkeypatch):
    model = Tiny()
    prompts = [list(range(10)), list(range(11))]
    whole = generate(model, prompts, **DEFAULT)
    model.read.clear()
    monkeypatch.setattr(generation, "AT_ONCE", 4 * 2 * VOCABULARY)
    assert generate(model, prompts, **DEFAULT) == whole
    assert model.read[:3] == [(2, 4), (2, 4), (2, 2)]


def test_ties_stay_with_the_last_of_top_k():
    found = torch.tensor([0.4, 0.2, 0.2, 0.2]).log()
    assert tempered(found, 1, top_k=1).tolist() == [1, 0, 0, 0]
    np.testing.assert_allclose(tempered(found, 1, top_k=2), [0.4, 0.2, 0.2, 0.2])
    np.testing.assert_allclose(tempered(found, 1, top_p=0.5), [2 / 3, 1 / 3, 0, 0])


@pytest.mark.parametrize("temperature", [1e-300, 1e300])
def test_extreme_temperatures_stay_numbers(temperature):
    found = tempered(torch.tensor([[-1.0, -2, -30], [-3, -torch.inf, -0.1]]), temperature)
    np.testing.assert_allclose(found.sum(-1), 1)
    if temperature < 1:
        assert found.tolist() == [[1, 0, 0], [0, 0, 1]]
    else:
        assert found[1, 1] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0, expected a whole number from 1 on"),
        ({"top_p": 0}, "top_p is 0, expected a number above 0 and at most 1"),
        ({"top_p": 1.1}, "top_p is 1.1"),
        ({"length": 0}, "length is 0"),
        ({"no_repeat": 0}, "no_repeat is 0"),
    ],
)
def test_bad_numbers_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        generate(Tiny(), [[1]], **DEFAULT | change)


def test_bad_prompts_and_models_are_refused():
    with pytest.raises(ValueError, match="prompt 1 is empty; give at least one token"):
        generate(Tiny(), [[1], []], **DEFAULT)
    with pytest.raises(ValueError, match="prompt 0 has a token outside the vocabulary of 12"):
        generate(Tiny(), [[12]], **DEFAULT)
    with pytest.raises(ValueError, match=r"call model.eval\(\)"):
        generate(Tiny().train(), [[1]], **DEFAULT)
    model = Tiny()
    model.scores.bias.data[0] = torch.nan
    with pytest.raises(ValueError, match="not all numbers"):
        generate(model, [[1]], **DEFAULT)
    assert generate(model, [], **DEFAULT) == []
