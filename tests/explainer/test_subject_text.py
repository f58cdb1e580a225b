"""A text that is classified: words, masks, and what a coalition is worth."""

import numpy as np
import pytest
import torch

from explainer import library
from explainer.methods import MethodError
from explainer.models.attention import AttentionClassifier, AttentionConfig
from explainer.models.checkpoint import CheckpointError
from explainer.models.sequence import SequenceClassifier, SequenceClassifierConfig
from explainer.models.text import TextClassifier
from explainer.models.tokenisers import BytePair, WordTokeniser
from explainer.shapley.game import Ask, worth
from explainer.subjects.load import load
from explainer.subjects.text import TextSubject
from explainer.subjects.tokens import group_tokens

VOCABULARY = "<eos> <unk> the film is not good bad , . isn't well-made"
WORDS = WordTokeniser(VOCABULARY.split())
PIECES = BytePair([("Ġ", "g"), ("Ġg", "o"), ("n", "o"), ("no", "t"), ("Ġ", "not")])
TEXT = "the film is not good ."
BACKGROUND = ("bad , not good", "the film isn't well-made .")


def reader(kind: str, size: int) -> torch.nn.Module:
    torch.manual_seed(0)
    if kind == "attention":
        network = AttentionClassifier(AttentionConfig(size, 8, 6, 2))
    else:
        network = SequenceClassifier(
            SequenceClassifierConfig(
                encoder="embedding",
                inputs=size,
                width=8,
                layers=2,
                state=4,
                labels=2,
                bidirectional=True,
                norm="layer",
            )
        )
    return network.double().eval().requires_grad_(False)


def subject(kind="s4", tokeniser=WORDS, background=BACKGROUND) -> TextSubject:
    network = reader(kind, tokeniser.size)
    return TextSubject(TextClassifier(network, tokeniser, ("no", "yes")), "0" * 64, background)


def coalitions(players: int, n: int = 12) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((n, players)) < 0.5)


def asked(found: TextSubject, rows: list[list[int]]) -> torch.Tensor:
    """The model's own log-probabilities of lists of tokens, one at a time."""
    model = found.model
    each = [model.network(*model.padded([torch.tensor(row, dtype=torch.long)])) for row in rows]
    return torch.log_softmax(torch.cat(each), -1)


@pytest.mark.parametrize("kind", ["s4", "attention"])
def test_baseline_replaces_tokens_by_the_unknown_word(kind):
    model = subject(kind)
    stimulus = model.stimulus(TEXT)
    players = model.players(stimulus)
    chosen = coalitions(len(players))
    mask = model.mask(stimulus)
    assert mask.name == "log-probability; masked tokens are <unk>"
    tokens = WORDS.encode(TEXT)
    rows = [[t if on else 1 for t, on in zip(tokens, row, strict=True)] for row in chosen]
    found = model.game(stimulus, [0, 1], players, mask)(chosen)
    torch.testing.assert_close(found, asked(model, rows), atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", ["s4", "attention"])
def test_delete_leaves_tokens_out(kind):
    """Padding changes nothing: each row is as if it had been read alone."""
    model = subject(kind)
    stimulus = model.stimulus(TEXT)
    players = model.players(stimulus)
    chosen = coalitions(len(players))
    chosen[0] = False
    tokens = WORDS.encode(TEXT)
    rows = [[t for t, on in zip(tokens, row, strict=True) if on] for row in chosen]
    found = model.game(stimulus, [1], players, model.mask(stimulus, "delete"))(chosen)
    torch.testing.assert_close(found, asked(model, rows)[:, 1:], atol=1e-12, rtol=0)


def test_background_is_the_mean_over_stretches_of_other_texts():
    model = subject()
    stimulus = model.stimulus(TEXT)
    players, mask = model.players(stimulus), model.mask(stimulus, "background", seed=3)
    empty = torch.zeros(1, len(players), dtype=torch.bool)
    tokens, lengths = mask.fill(empty)
    assert mask.repeats == len(tokens) == 16
    circle = [token for text in BACKGROUND for token in WORDS.encode(text)] * 2
    places = {tuple(circle[k : k + 6]) for k in range(len(circle) // 2)}
    assert {tuple(row[:6]) for row in tokens.tolist()} <= places
    assert tokens[:, 6].eq(WORDS.end).all()
    assert lengths.eq(7).all()
    found = model.game(stimulus, [0, 1], players, mask)(empty)
    alone = asked(model, [row[:6] for row in tokens.tolist()])
    torch.testing.assert_close(found[0], alone.mean(0), atol=1e-12, rtol=0)
    again = model.mask(stimulus, "background", seed=4).fill(empty)[0]
    assert not torch.equal(tokens, again)


def test_everyone_is_worth_what_the_stimulus_says():
    model = subject()
    stimulus = model.stimulus(TEXT, truth="no")
    for mask in model.masks:
        players = model.players(stimulus, "each")
        full = torch.ones(1, len(players), dtype=torch.bool)
        found = model.game(stimulus, [0, 1], players, model.mask(stimulus, mask))(full)[0]
        np.testing.assert_allclose(found, stimulus.log_probabilities, atol=1e-5)
    assert stimulus.text == TEXT
    assert model.explained(stimulus, "all") == [0, 1]
    (predicted,) = model.explained(stimulus, "predicted")
    assert model.outputs(stimulus)[predicted] == stimulus.predicted


def test_texts_of_different_lengths_share_a_batch():
    model = subject()
    asks = []
    for text in (TEXT, "bad", "the film isn't well-made , not good , bad ."):
        stimulus = model.stimulus(text)
        players = model.players(stimulus)
        game = model.game(stimulus, [0], players, model.mask(stimulus, "delete"))
        asks.append(Ask(game, coalitions(len(players), 5)))
    for ask, found in zip(asks, worth(asks), strict=True):
        torch.testing.assert_close(found, ask.game(ask.coalitions), atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", ["s4", "attention"])
def test_vectors_score_as_their_tokens(kind):
    model = subject(kind)
    stimulus = model.stimulus(TEXT)
    x = torch.stack([model.embed(stimulus), model.embedded_baseline(stimulus, "baseline")])
    players = model.players(stimulus, "each")
    ends = torch.tensor([[True], [False]]).expand(-1, len(players))
    expected = model.game(stimulus, [0, 1], players, model.mask(stimulus))(ends)
    torch.testing.assert_close(model.score_embedded(x, stimulus), expected, atol=1e-12, rtol=0)
    x.requires_grad_()
    model.score_embedded(x, stimulus)[:, 0].sum().backward()
    assert (x.grad.abs().sum(-1) > 0).all()


def test_a_word_that_is_unknown_is_idle_where_it_would_be_replaced_by_that():
    model = subject()
    stimulus = model.stimulus("the plot is not good")
    players = model.players(stimulus)
    idle = model.game(stimulus, [0], players, model.mask(stimulus)).idle
    assert idle.tolist() == [False, True, False, False, False]
    deleted = model.game(stimulus, [0], players, model.mask(stimulus, "delete")).idle
    assert not deleted.any()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the film isn't well-made .", ["the", "film", "isn't", "well-made", "."]),
        ("  bad \n", ["bad"]),
        ("not good... (bad)!", ["not", "good", "...", "(", "bad", ")!"]),
        ("café 12 'bad'", ["café", "12", "'", "bad", "'"]),
    ],
)
def test_words_are_split_at_white_space_and_signs(text, words):
    players = group_tokens(text, PIECES.spans(text), "words")
    assert [text[start:end] for start, end in players.spans] == words
    assert players.member.tolist() == sorted(players.member.tolist())
    assert players.tree.shape == (len(words) - 1, 4)


def test_words_that_share_a_token_play_as_one():
    text = "good,bad ."
    players = group_tokens(text, WORDS.spans(text), "words")
    assert [text[start:end] for start, end in players.spans] == ["good,bad", "."]


def test_each_token_plays_but_a_character_is_never_cut():
    text = " not é"  # two bytes, one character
    spans = PIECES.spans(text)
    assert len(spans) == 4
    players = group_tokens(text, spans, "each")
    assert players.member.tolist() == [0, 1, 2, 2]
    assert players.spans == ((1, 4), (4, 5), (5, 6))


def test_what_a_text_does_not_have_is_said():
    model = subject(background=None)
    stimulus = model.stimulus(TEXT)
    with pytest.raises(MethodError, match="no mask 'blur'; there are baseline, delete"):
        model.mask(stimulus, "blur")
    with pytest.raises(MethodError, match="no background texts"):
        model.mask(stimulus, "background")
    with pytest.raises(MethodError, match="no one baseline"):
        model.embedded_baseline(stimulus, "delete")
    with pytest.raises(MethodError, match="no players 'patches'"):
        model.players(stimulus, "patches")
    with pytest.raises(MethodError, match="have no size"):
        model.players(stimulus, "words", 3)
    with pytest.raises(MethodError, match="the text is empty"):
        model.players(model.stimulus(""))


@pytest.mark.parametrize("name", ["reviews-s4", "reviews-attention", "reviews-attention-uniform"])
def test_loads_what_ships(name):
    model = load(library.SHIPPED / name, device="cpu")
    stimulus = model.stimulus("a moving , beautifully acted film .", "positive")
    assert stimulus.predicted == "positive"
    assert stimulus.checkpoint_digest == model.digest
    players = model.players(stimulus)
    assert [stimulus.text[a:b] for a, b in players.spans][:3] == ["a", "moving", ","]


def test_says_what_cannot_be_loaded():
    path = library.SHIPPED / "reviews-attention-mlp"
    with pytest.raises(CheckpointError, match="reviews-attention-mlp: this model has no attention"):
        load(path, device="cpu")
    with pytest.raises(CheckpointError, match="reviews-s4: SHA-256 is"):
        load(library.SHIPPED / "reviews-s4", "0" * 64, "cpu")
