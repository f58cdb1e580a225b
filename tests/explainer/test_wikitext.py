"""WikiText and the plays: read from what is at hand, cut into articles, made readable."""

import gzip
import zipfile

import pytest

from explainer.data import shakespeare, wikitext
from explainer.data.fetch import DataError
from explainer.data.wikitext import articles, load, plain
from explainer.encoding import sha256

TWO = (
    """
 = Robert Boulter =

 Robert Boulter is an actor .
 = Best time

 = = Career = =

 He won .

 = = = 2000 – 2005 = = =


 = Du Fu =

 Du Fu <unk> .
""".replace("\n ", "\n ")
    .replace("=\n", "= \n")
    .replace(".\n", ". \n")
)


def test_reads_the_splits_that_are_there(tmp_path):
    (tmp_path / "valid.txt").write_text(TWO)
    (tmp_path / "wiki.test.tokens.gz").write_bytes(gzip.compress(TWO.encode()))
    found = load(tmp_path)
    assert found.splits == {"valid": TWO, "test": TWO}
    assert found.files["valid.txt"] == sha256(TWO.encode())
    assert set(found.files) == {"valid.txt", "wiki.test.tokens.gz"}


def test_reads_the_archive_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archive = tmp_path / "credence" / "wikitext" / "wikitext-2-v1.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as packed:
        for split in ("test", "train", "valid"):
            packed.writestr(f"wikitext-2/wiki.{split}.tokens", split)
    monkeypatch.setitem(wikitext.SHA256, "WikiText-2", sha256(archive.read_bytes()))
    found = load(name="WikiText-2")
    assert list(found.splits.items()) == [(each, each) for each in ("train", "valid", "test")]
    assert found.name == "WikiText-2"
    archive.write_bytes(b"broken")
    monkeypatch.setitem(wikitext.SHA256, "WikiText-2", sha256(b"broken"))
    with pytest.raises(DataError, match=r"is damaged.*delete it"):
        load(name="WikiText-2")


def test_bad_folders_say_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"has no train, valid or test.*leave --data out"):
        load(tmp_path)
    (tmp_path / "valid.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"valid\.txt is no UTF-8 text"):
        load(tmp_path)


def test_articles_begin_at_titles_that_stand_alone():
    found = articles(TWO)
    assert [each.split("\n")[0] for each in found] == [" = Robert Boulter = ", " = Du Fu = "]
    assert "\n" + "\n".join(found) == TWO
    assert articles("") == []
    assert len(articles("\n = A = \n\n text \n = B = \n text \n")) == 1


@pytest.mark.parametrize(
    ("tokens", "readable"),
    [
        ("a two @-@ part , 1 @,@ 024 @.@ 5 km long", "a two-part, 1,024.5 km long"),
        ('he was " red " , then " blue . "', 'he was "red", then "blue."'),
        ("the ships ' crew didn 't eat Du Fu 's fish", "the ships' crew didn't eat Du Fu's fish"),
        ("' Yeah , we love this ' , he said", "'Yeah, we love this', he said"),
        ("\" I 'm an ' associate member ' \" ( he won )", "\"I'm an 'associate member'\" (he won)"),
        ("lost $ 3 million ; 34 % ( 1994 – 95 )", "lost $3 million; 34% (1994–95)"),
        ("at 10 : 30 , 60 ° C , 25 ° and 12 ° N .", "at 10:30, 60°C, 25° and 12°N."),
        ("Don ’ t “ go down ” ! [ 1 ]", "Don’t “go down”! [1]"),
        ("wait ... why ? . 38 <unk> , Act : one", "wait... why?. 38 <unk>, Act: one"),
        ("July – September , R & B / soul", "July – September, R & B / soul"),
        (" = = = The \" X \" years = = = ", '=== The "X" years ==='),
        ("one . \n\n two .", "one.\ntwo."),
        ("", ""),
    ],
)  # fmt: skip
def test_plain_text_as_a_person_would_write_it(tokens, readable):
    assert plain(tokens) == readable


def test_plain_text_stays_as_it_is():
    for text in (
        'He said: "It\'s 3.5 km (2 mi)."',
        "== Career ==",
        "rock 'n' roll, 1,000 £5 notes",
    ):
        assert plain(text) == text


def test_plays(tmp_path, monkeypatch):
    (tmp_path / "input.txt").write_text("First Citizen:\n")
    found = shakespeare.load(tmp_path)
    assert found.text == "First Citizen:\n"
    assert found.files == {"input.txt": sha256(b"First Citizen:\n")}
    (tmp_path / "input.txt").unlink()
    with pytest.raises(DataError, match=r"has no input\.txt: download https"):
        shakespeare.load(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shakespeare, "URL", "http://127.0.0.1:9/input.txt")
    with pytest.raises(DataError, match=r"input\.txt could not be fetched.*--data DIR"):
        shakespeare.load()
