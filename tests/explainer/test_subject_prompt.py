"""A prompt that a language model goes on from: what is written, masks, and what they cost it."""

from dataclasses import replace
from itertools import pairwise
from math import factorial

import numpy as np
import pytest
import torch

from explainer import library
from explainer.methods import MethodError
from explainer.models import checkpoint
from explainer.models.checkpoint import CheckpointError
from explainer.models.language import continuations
from explainer.models.lm import S4LanguageModel, S4LanguageModelConfig
from explainer.models.lstm import LSTMLanguageModel, LSTMLanguageModelConfig
from explainer.models.tokenisers import BytePair, WordTokeniser
from explainer.models.transformer import TransformerLanguageModel, TransformerLanguageModelConfig
from explainer.shapley.game import Ask, worth
from explainer.subjects import prompt as prompts
from explainer.subjects.load import folder_digest, load
from explainer.subjects.prompt import PromptSubject, Writing
from tests.explainer.conftest import GOLDEN
from tests.explainer.test_gpt2 import definition, tiny

WORDS = WordTokeniser(["<eos>", "<unk>", *(f"w{k}" for k in range(2, 24)), "é"])
LENGTH = 6
PROMPT = "w3 w9 w4 w20 w5 w11 w3 w8 w21 w6 w7 w13"
MODELS = {
    "s4": lambda size: S4LanguageModel(
        S4LanguageModelConfig(vocabulary=size, width=8, layers=2, state=4, cutoffs=(9,), divisor=2)
    ),
    "lstm": lambda size: LSTMLanguageModel(LSTMLanguageModelConfig(size, 8, 2, "learnt")),
    "transformer": lambda size: TransformerLanguageModel(
        TransformerLanguageModelConfig(size, 8, 2, 2, 16, 64)
    ),
}
every_model = pytest.mark.parametrize("kind", MODELS)


def subject(kind="s4", tokeniser=WORDS, **writing) -> PromptSubject:
    torch.manual_seed(0)
    model = MODELS[kind](tokeniser.size)
    model = model.double().eval().requires_grad_(False)
    how = Writing(**{"length": LENGTH, **writing})
    return PromptSubject(model, tokeniser, "0" * 64, ["w2 w9 w9 w14", "w15 w16 w3"], how)


def coalitions(players: int, n: int = 12) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((n, players)) < 0.5)


def asked(found: PromptSubject, stimulus, rows: list[list[int]]) -> torch.Tensor:
    """The model's own log-probabilities of what was written after lists of tokens, one by one."""
    written = torch.tensor([stimulus.source["generation"]["tokens"]])
    each = torch.cat([continuations(found.model, torch.tensor(row), written) for row in rows])
    return torch.cat([each, each.sum(1, keepdim=True)], 1)


def test_shapley_values_of_five_tokens_are_the_golden_ones():
    """REFERENCES: exact Shapley of 5 tokens; 1e-10 in float64; masked tokens are token 0."""
    data = np.load(GOLDEN / "shap_lm_exact5.npz")
    network, _ = checkpoint.load(
        GOLDEN / "s4_lm_state_dict.safetensors", GOLDEN / "s4_lm_config.json"
    )
    tokeniser = WordTokeniser(["<eos>", *(f"w{k}" for k in range(1, 1000))])
    model = PromptSubject(network.double(), tokeniser, "0" * 64, writing=Writing(length=1))
    stimulus = model.stimulus(" ".join(f"w{token}" for token in data["tokens"]))
    players = model.players(stimulus)
    playing = torch.from_numpy(data["coalitions"]).bool()
    for token in [45, 500, 999]:
        told = {"generation": {"tokens": [token]}}
        mask = model.mask(replace(stimulus, source=told))
        assert mask.name == "log-probability; masked tokens are <eos>"
        found = model.game(replace(stimulus, source=told), [0], players, mask)(playing)[:, 0]
        np.testing.assert_allclose(found, data["logprob_next"][:, token], atol=1e-10, rtol=0)
        expected = data["phi"][:, token]
        np.testing.assert_allclose(shapley(playing, found), expected, atol=1e-10, rtol=0)


def shapley(playing: torch.Tensor, found: torch.Tensor) -> np.ndarray:
    """The definition, over all coalitions (2^M, M) and their worth (2^M,)."""
    M = playing.shape[1]
    value = {tuple(row): w for row, w in zip(playing.tolist(), found.tolist(), strict=True)}
    values = np.zeros(M)
    for row, less in value.items():
        size = sum(row)
        for k in range(M):
            if not row[k]:
                more = value[(*row[:k], True, *row[k + 1 :])]
                weight = factorial(size) * factorial(M - 1 - size) / factorial(M)
                values[k] += weight * (more - less)
    return values


@every_model
def test_baseline_and_deletion_are_read_by_the_model_as_if_alone(kind):
    model = subject(kind)
    stimulus = model.stimulus(PROMPT)
    tokens = WORDS.encode(PROMPT)
    players = model.players(stimulus)
    outputs = range(len(model.outputs(stimulus)))
    chosen = coalitions(len(tokens))
    chosen[0], chosen[1] = False, True
    replaced = [[t if on else 1 for t, on in zip(tokens, row, strict=True)] for row in chosen]
    left = [[t for t, on in zip(tokens, row, strict=True) if on] or [0] for row in chosen]
    for mask, rows in (("baseline", replaced), ("delete", left)):
        found = model.game(stimulus, outputs, players, model.mask(stimulus, mask))(chosen)
        torch.testing.assert_close(found, asked(model, stimulus, rows), atol=1e-10, rtol=0)


@every_model
def test_what_all_texts_of_a_batch_begin_with_is_read_once(kind, monkeypatch):
    model = subject(kind)
    stimulus = model.stimulus(PROMPT)
    players = model.players(stimulus)
    T = len(stimulus.continuation.tokens)
    game = model.game(stimulus, [0, T], players, model.mask(stimulus))
    chosen = torch.ones(8, len(players), dtype=torch.bool)
    chosen[:, 9:] = (torch.arange(8)[:, None] >> torch.arange(3) & 1).bool()
    sizes = []
    read = model.model.read
    monkeypatch.setattr(
        model.model,
        "read",
        lambda tokens, state=None: sizes.append(tokens.shape) or read(tokens, state),
    )
    together = game(chosen)
    assert sizes[0] == (1, 9)
    assert sizes[1][1] == len(players) + T - 1 - 9
    monkeypatch.setattr(prompts, "WORTH_SHARING", 10**9)
    torch.testing.assert_close(together, game(chosen), atol=1e-10, rtol=0)


@every_model
def test_prompts_of_different_lengths_share_a_batch(kind):
    model = subject(kind)
    asks = []
    for text, mask in ((PROMPT, "delete"), ("w4 w8", "baseline"), ("w5 w6 w7 w2", "delete")):
        stimulus = model.stimulus(text)
        players = model.players(stimulus)
        outputs = range(len(model.outputs(stimulus)))
        game = model.game(stimulus, outputs, players, model.mask(stimulus, mask))
        asks.append(Ask(game, coalitions(len(players), 4)))
    for ask, found in zip(asks, worth(asks), strict=True):
        torch.testing.assert_close(found, ask.game(ask.coalitions), atol=1e-10, rtol=0)


def test_background_is_the_mean_over_stretches_of_other_texts():
    model = subject()
    stimulus = model.stimulus("w3 w9 w4")
    mask = model.mask(stimulus, "background", seed=1)
    players = model.players(stimulus)
    empty = torch.zeros(1, 3, dtype=torch.bool)
    rows = mask.fill(empty)[0][:, :3].tolist()
    circle = [2, 9, 9, 14, 15, 16, 3] * 2
    assert {tuple(row) for row in rows} <= {tuple(circle[k : k + 3]) for k in range(7)}
    outputs = range(len(model.outputs(stimulus)))
    found = model.game(stimulus, outputs, players, mask)(empty)[0]
    torch.testing.assert_close(found, asked(model, stimulus, rows).mean(0), atol=1e-10, rtol=0)


@every_model
def test_the_whole_prompt_is_worth_what_the_continuation_says(kind):
    model = subject(kind)
    stimulus = model.stimulus(PROMPT)
    told = stimulus.continuation.log_probabilities
    players = model.players(stimulus)
    full = torch.ones(1, len(players), dtype=torch.bool)
    outputs = model.explained(stimulus, "predicted")
    assert outputs == model.explained(stimulus, "all") == list(range(len(told) + 1))
    found = model.game(stimulus, outputs, players, model.mask(stimulus))(full)[0]
    np.testing.assert_allclose(found[:-1], told, atol=1e-5)
    np.testing.assert_allclose(found[-1], told.sum(), atol=1e-4)
    names = model.outputs(stimulus)
    assert names[-1] == "sum"
    assert names[0] == f"1: {stimulus.continuation.tokens[0].strip()}"
    assert stimulus.predicted.split() == [name.split(": ")[1] for name in names[:-1]]


@every_model
def test_vectors_score_as_their_tokens(kind):
    model = subject(kind)
    stimulus = model.stimulus(PROMPT)
    x = torch.stack([model.embed(stimulus), model.embedded_baseline(stimulus, "baseline")])
    players = model.players(stimulus, "each")
    outputs = range(len(model.outputs(stimulus)))
    ends = torch.tensor([[True], [False]]).expand(-1, len(players))
    expected = model.game(stimulus, outputs, players, model.mask(stimulus))(ends)
    torch.testing.assert_close(model.score_embedded(x, stimulus), expected, atol=1e-10, rtol=0)
    x.requires_grad_()
    model.score_embedded(x, stimulus)[:, -1].sum().backward()
    assert (x.grad.abs().sum(-1) > 0).all()


def test_what_is_written_depends_on_seed_and_prompt_alone():
    model = subject(length=12)
    alone = model.stimulus(PROMPT)
    among = model.stimuli(["w2 w3", PROMPT], [None, None], [{}, {"line": 2}])[1]
    assert among.continuation.tokens == alone.continuation.tokens
    assert among.source == {"line": 2, **alone.source}
    other = subject(length=12, seed=1).stimulus(PROMPT)
    assert other.continuation.tokens != alone.continuation.tokens
    told = alone.source["generation"]
    assert (told["top_k"], told["temperature"], told["no_repeat"]) == (50, 0.9, 2)


def test_no_two_tokens_follow_one_another_twice():
    model = subject(length=60)
    for text in ("w2 w3", PROMPT):
        stimulus = model.stimulus(text)
        whole = WORDS.encode(text) + stimulus.source["generation"]["tokens"]
        pairs = list(pairwise(whole))
        assert len(set(pairs[len(WORDS.encode(text)) - 1 :])) == len(stimulus.continuation.tokens)


def test_tokens_joined_are_the_whole_text_even_where_characters_are_cut():
    tokeniser = BytePair([("Ġ", "a")])
    ids = tokeniser.encode(" aé a…!")
    found = prompts._pieces(tokeniser, tokeniser.encode("a"), ids)
    assert "".join(found) == " aé a…!"
    assert found == [" a", "", "é", " a", "", "", "…", "!"]
    assert prompts._pieces(WORDS, WORDS.encode("w2"), [3, 0, 4]) == [" w3", "\n", "w4"]
    names = [prompts._name(1, token) for token in ("", "\n", " ", " w")]
    assert names == ["1: part of a character", "1: line end", "1: space", "1: w"]


def test_what_a_prompt_does_not_have_is_said():
    model = subject()
    stimulus = model.stimulus(PROMPT)
    with pytest.raises(MethodError, match="no mask 'mean'; there are baseline, delete"):
        model.mask(stimulus, "mean")
    with pytest.raises(MethodError, match="the text is empty"):
        model.stimulus("")
    with pytest.raises(MethodError, match="no continuation"):
        model.mask(replace(stimulus, source={}))
    with pytest.raises(MethodError, match="cannot be gone on from: 70 tokens are more"):
        subject("transformer").stimulus(" ".join(["w2"] * 70))


@pytest.mark.parametrize("name", ["wikitext-s4", "wikitext-lstm"])
def test_loads_what_ships(name):
    model = load(library.SHIPPED / name, device="cpu")
    stimulus = model.stimulus("ROMEO:\nWhat light is that, my lord?\n")
    players = model.players(stimulus)
    assert [stimulus.text[a:b] for a, b in players.spans][:4] == ["ROMEO", ":", "What", "light"]
    assert "".join(stimulus.continuation.tokens) == stimulus.predicted
    assert stimulus.checkpoint_digest == model.digest


def test_loads_a_folder_of_transformers(tmp_path):
    tiny().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"tokenizer.json: no such file"):
        load(tmp_path, device="cpu")
    (tmp_path / "tokenizer.json").write_text(definition())
    digest = folder_digest(tmp_path)
    with pytest.raises(CheckpointError, match="SHA-256 is"):
        load(tmp_path, "0" * 64, "cpu")
    model = load(tmp_path, digest, "cpu")
    assert model.digest == digest


def test_a_network_of_transformers_is_scored_only_where_it_must(tmp_path):
    from explainer.models.gpt2 import Transformers

    words = WordTokeniser(["<eos>", *(f"w{k}" for k in range(1, 50))])
    network = Transformers(tiny().double().eval()).eval().requires_grad_(False)
    model = PromptSubject(network, words, "0" * 64, writing=Writing(length=4))
    stimulus = model.stimulus("w3 w9 w4 w20 w5")
    players = model.players(stimulus)
    outputs = range(len(model.outputs(stimulus)))
    chosen = coalitions(5)
    tokens = words.encode(stimulus.text)
    rows = [[t for t, on in zip(tokens, row, strict=True) if on] or [0] for row in chosen]
    found = model.game(stimulus, outputs, players, model.mask(stimulus, "delete"))(chosen)
    torch.testing.assert_close(found, asked(model, stimulus, rows), atol=1e-10, rtol=0)
    x = model.embed(stimulus)[None]
    full = model.game(stimulus, outputs, players, model.mask(stimulus))(chosen[:1] | True)
    torch.testing.assert_close(model.score_embedded(x, stimulus), full, atol=1e-10, rtol=0)
