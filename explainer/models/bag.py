"""The baseline of text classifiers: which words are there, whatever their order."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS = (1, 2)  # words alone, or with pairs of neighbours
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)  # scikit-learn's C: the larger, the freer

Labels = NDArray[Any]


class BagOfWords:
    """Logistic regression on the words and, perhaps, word pairs that a text has.

    Which of the two, and the strength of the penalty, are chosen by accuracy on validation texts.
    """

    def __init__(
        self,
        texts: Sequence[str],
        labels: Labels,
        validation_texts: Sequence[str],
        validation_labels: Labels,
    ) -> None:
        """Fit on `texts`; labels are whole numbers, of two classes or more."""
        # scikit-learn takes a second to import.
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression

        best = -1.0
        for words in WORDS:
            seen = CountVectorizer(
                binary=True, ngram_range=(1, words), tokenizer=str.split, token_pattern=None
            )
            counts, others = seen.fit_transform(texts), seen.transform(validation_texts)
            for penalty in PENALTIES:
                fitted = LogisticRegression(C=penalty, max_iter=1000).fit(counts, labels)
                accuracy = float(np.mean(fitted.predict(others) == validation_labels))
                if accuracy > best:
                    best, self._seen, self._fitted = accuracy, seen, fitted
                    self.words, self.penalty = words, penalty

    def __str__(self) -> str:
        """Say what was chosen."""
        grams = "words" if self.words == 1 else "words and word pairs"
        return f"logistic regression on {grams} (C = {self.penalty})"

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the likeliest label of each text."""
        found: NDArray[np.int64] = self._fitted.predict(self._seen.transform(texts))
        return found.astype(np.int64)
