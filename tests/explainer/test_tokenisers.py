"""Tokenisers: the original's numbers for words; any text through bytes and back."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import ByteLevelBPETokenizer

from explainer.encoding import canonical_json
from explainer.models.tokenisers import (
    SCHEMA,
    BytePair,
    TokeniserError,
    WordTokeniser,
    from_bytes,
)

TEXT = "\n = The cat = \n\n the cat sat on the <unk> . \n the dog <unk> the cat . \n"
ENGLISH = ["it's a funny , touching film .", "not funny ; a dull film , sadly dull", "naïve café"]
PIECES = BytePair.train(ENGLISH * 3, 300)
HUGGING_FACE = ByteLevelBPETokenizer()
HUGGING_FACE.train_from_iterator(ENGLISH * 3, 299, min_frequency=0, show_progress=False)


def reference(text):
    """Numbers by the rule as REFERENCES' original states it: sorted counts, line by line."""
    counts = Counter(word for line in text.splitlines() for word in line.split())
    words = ["<eos>", *sorted(counts, key=lambda word: -counts[word])]  # ties: first seen first
    numbers = {word: k for k, word in enumerate(words)}
    return [numbers[word] for line in text.splitlines() for word in [*line.split(), "<eos>"]], words


def test_words_are_numbered_as_the_original_numbers_them():
    tokeniser = WordTokeniser.from_text(TEXT)
    ids, words = reference(TEXT)
    assert list(tokeniser.words) == words
    assert words[:6] == ["<eos>", "the", "cat", "=", "<unk>", "."]
    assert tokeniser.encode(TEXT) == ids
    assert (tokeniser.size, tokeniser.end) == (len(words), 0)


def test_words_come_back_with_single_spaces():
    tokeniser = WordTokeniser.from_text(TEXT)
    assert tokeniser.decode(tokeniser.encode("the  cat \n\n sat")) == "the cat\n\nsat"
    assert tokeniser.decode([]) == ""
    assert tokeniser.encode("the zebra") == tokeniser.encode("the <unk>")
    with pytest.raises(TokeniserError, match=r"'zebra' is unknown.*no <unk>"):
        WordTokeniser.from_text("the cat").encode("zebra")
    for wrong in (-1, tokeniser.size):
        with pytest.raises(TokeniserError, match=f"no token {wrong}"):
            tokeniser.decode([wrong])


@given(st.text(alphabet="ab<\n \t\u00a0\u2028.", max_size=30))
def test_spans_are_the_words(text):
    tokeniser = WordTokeniser.from_text(text)
    ids = tokeniser.encode(text)
    spans = tokeniser.spans(text)
    assert [tokeniser.decode([each]) for each in ids] == [text[a:b] for a, b in spans]
    assert tokeniser.encode(tokeniser.decode(ids)) == ids


def test_rare_words_are_unknown():
    tokeniser = WordTokeniser.from_text("a b a c b a", smallest_count=2)
    assert tokeniser.words == ("<eos>", "a", "b", "<unk>")
    assert tokeniser.encode("c z") == [3, 3]
    assert "<unk>" in WordTokeniser.from_text("a a", smallest_count=2).words


def test_words_from_a_vocabulary_file():
    tokeniser = WordTokeniser.from_vocabulary(["<eos> 10\n", "the 9\n", "<unk>\n", "\n"])
    assert tokeniser.words == ("<eos>", "the", "<unk>")
    with pytest.raises(TokeniserError, match="first word is not <eos>"):
        WordTokeniser.from_vocabulary(["the\n"])
    with pytest.raises(TokeniserError, match="'the' is there twice"):
        WordTokeniser.from_vocabulary(["<eos>", "the", "the"])


@given(st.text())
def test_any_text_comes_back_from_byte_pairs(text):
    ids = PIECES.encode(text)
    assert PIECES.decode(ids) == text
    assert PIECES.decode([PIECES.end, *ids, PIECES.end]) == text
    assert PIECES.end not in ids
    assert all(0 < each < PIECES.size for each in ids)


@given(st.text())
def test_spans_of_byte_pairs_cover_the_text(text):
    spans = PIECES.spans(text)
    assert len(spans) == len(PIECES.encode(text))
    covered = [place for a, b in spans for place in range(a, b)]
    assert covered == sorted(covered)
    assert set(covered) == set(range(len(text)))
    if text.isascii():
        assert "".join(text[a:b] for a, b in spans) == text
        assert [text[a:b] for a, b in spans] == [PIECES.decode([k]) for k in PIECES.encode(text)]


def test_the_special_token_is_never_in_a_text():
    pieces = BytePair.train(["<end> < end >"] * 50, 300)
    for text in ("<end>", "< end >", "x<end>y"):
        assert 0 not in pieces.encode(text)
        assert pieces.decode(pieces.encode(text)) == text


@given(st.text(alphabet="abcdefghilmntouy ',.;") | st.text())
def test_byte_pairs_are_those_of_hugging_face(text):
    """The library's own tokeniser, trained on the same text, cuts every text in the same places."""
    assert PIECES.spans(text) == HUGGING_FACE.encode(text).offsets


def test_byte_pairs_reach_their_size_and_join_what_is_frequent():
    assert PIECES.size == 300
    assert len(PIECES.encode(" film")) == 1
    assert [" film"[a:b] for a, b in PIECES.spans(" film")] == [" film"]
    assert BytePair.train(ENGLISH * 3, 300).sha256 == PIECES.sha256
    assert BytePair.train(["ab"], 1000).size == 258
    assert BytePair.train([], 257).encode("a é") == BytePair([]).encode("a é")
    with pytest.raises(TokeniserError, match="size is 256, expected 257 or more"):
        BytePair.train([], 256)


@pytest.mark.parametrize("tokeniser", [PIECES, WordTokeniser.from_text(TEXT + "naïve")])
def test_a_file_and_back(tokeniser):
    data = tokeniser.to_bytes()
    again = from_bytes(data)
    assert type(again) is type(tokeniser)
    assert again.to_bytes() == data == canonical_json(json.loads(data))
    assert again.sha256 == tokeniser.sha256
    assert again.encode(TEXT) == tokeniser.encode(TEXT)
    assert again.size == tokeniser.size


def test_the_digest_covers_the_content():
    other = BytePair(PIECES.merges[:-1])
    assert other.sha256 != PIECES.sha256


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "not JSON"),
        (b"[]", "schema is not"),
        (b'{"schema": "x"}', "schema is not"),
        ({"kind": "letters"}, "kind is 'letters', not one of words, byte-pair"),
        ({"kind": ["words"]}, "kind is "),
        ({"kind": "words", "words": ["<eos>", 1]}, "no list of words"),
        ({"kind": "words"}, "no list of words"),
        ({"kind": "words", "words": []}, "first word is not <eos>"),
        ({"kind": "byte-pair", "merges": "ab"}, "merges are no list"),
        ({"kind": "byte-pair", "merges": [["a"]]}, "is no pair of tokens"),
        ({"kind": "byte-pair", "merges": [["a", 1]]}, "is no pair of tokens"),
        ({"kind": "byte-pair", "merges": [["ab", "c"]]}, "joins unknown 'ab'"),
        ({"kind": "byte-pair", "merges": [["a", "< end >"]]}, "joins unknown '< end >'"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(content, message):
    data = content if isinstance(content, bytes) else json.dumps({"schema": SCHEMA, **content})
    with pytest.raises(TokeniserError, match=message):
        from_bytes(data if isinstance(data, bytes) else data.encode())
