"""The text classifier around any network, and the bag of words beside it."""

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from torch import nn

from explainer.models.bag import BagOfWords
from explainer.models.text import TextClassifier, predict
from explainer.models.tokenisers import BytePair, WordTokeniser

TEXTS = ["a dull film", "", "funny , touching and never dull : a film to see twice", "naïve"]


class MeanOfEmbeddings(nn.Module):
    """The mean of what the tokens before each text's length say."""

    def __init__(self, vocabulary, labels):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, labels)

    def forward(self, tokens, lengths):
        real = torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)
        return (self.embedding(tokens) * real.unsqueeze(-1)).sum(1) / lengths.unsqueeze(1)


@pytest.fixture(params=["byte pairs", "words"])
def model(request):
    torch.manual_seed(0)
    pieces = BytePair.train(TEXTS, 280)
    tokeniser = (
        pieces if request.param == "byte pairs" else WordTokeniser.from_text(" ".join(TEXTS))
    )
    return TextClassifier(MeanOfEmbeddings(tokeniser.size, 3), tokeniser, ["x", "y", "z"])


def test_texts_are_padded_after_their_end(model):
    tokens, lengths = model.tokens(TEXTS)
    for row, length, text in zip(tokens, lengths, TEXTS, strict=True):
        assert row[:length].tolist() == [*model.tokeniser.encode(text), model.tokeniser.end]
    assert lengths[1] == 1
    assert tokens.shape == (4, lengths.max())
    assert (tokens.dtype, lengths.dtype) == (torch.int64, torch.int64)


def test_a_text_is_read_alike_alone_and_in_a_batch(model):
    together = model.log_probabilities(TEXTS)
    assert together.exp().sum(-1).tolist() == pytest.approx([1] * 4)
    for text, row in zip(TEXTS, together, strict=True):
        alone = model.log_probabilities([text])[0]
        torch.testing.assert_close(alone, row)
        expected = model.network.embedding.weight[model.tokens([text])[0][0]].mean(0)
        torch.testing.assert_close(model([text])[0], expected)


def test_predict_keeps_the_order_of_the_texts(model):
    texts = [f"{text} " * k for k in range(1, 5) for text in TEXTS]
    with torch.no_grad():
        expected = [model.log_probabilities([text])[0].double().numpy() for text in texts]
    np.testing.assert_allclose(predict(model, texts, batch=3), expected, atol=1e-6)
    assert predict(model, []).shape == (0, 3)


def test_bag_of_words_is_the_best_of_its_choices_on_validation():
    random = np.random.default_rng(0)
    words = np.array([f"w{k}" for k in range(40)])

    def draw(n):
        labels = random.integers(0, 2, n)
        texts = []
        for label in labels:
            found = list(random.choice(words, 6))
            found.insert(3, ("not good", "good not")[label] if random.random() < 0.9 else "")
            texts.append(" ".join(found))
        return texts, labels

    train, validation, test = draw(400), draw(200), draw(300)
    bag = BagOfWords(*train, *validation)
    assert bag.words == 2  # only the order of the two words tells
    assert str(bag) == f"logistic regression on words and word pairs (C = {bag.penalty})"
    found = bag.predict(test[0])
    assert np.mean(found == test[1]) > 0.8
    counts = CountVectorizer(binary=True, ngram_range=(1, 2)).fit(train[0])
    fitted = LogisticRegression(C=bag.penalty).fit(counts.transform(train[0]), train[1])
    assert np.mean(fitted.predict(counts.transform(test[0])) == found) > 0.99
