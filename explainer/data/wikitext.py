"""WikiText-2 and -103: Wikipedia's good and featured articles, as space-separated words.

Rare words are `<unk>`; `@-@` is a hyphen within a word.

Source: Merity et al. 2016, arXiv:1609.07843.
"""

import re
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from explainer.data.fetch import LARGEST_UNPACKED, DataError, fetch, read, text
from explainer.encoding import sha256

Name = Literal["WikiText-2", "WikiText-103"]
TERMS = "Wikipedia text, CC BY-SA 3.0"
SPLITS = ("train", "valid", "test")
MIRRORS = (
    "https://wikitext.smerity.com/",
    "https://s3.amazonaws.com/research.metamind.io/wikitext/",
)
SHA256 = {
    "WikiText-2": "92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",
    "WikiText-103": "242ba0f20b329cfdf1ccc61e9e9e5b59becf189db7f7a81cd2a0e2fc31539590",
}

TITLE = re.compile(r" = (?!= ).*(?<! =) = ")


@dataclass(frozen=True)
class WikiText:
    """The text of each split at hand, by name, and the SHA-256 of each file it was read from."""

    splits: dict[str, str]
    files: dict[str, str]
    name: str
    terms: str = TERMS


def load(folder: Path | None = None, name: Name = "WikiText-103") -> WikiText:
    """Read the splits that `folder` has, or all from the cache, which is filled when empty.

    folder: has train, valid or test as .txt, .tokens or wiki.*.tokens, gzipped or not. Raises
    DataError saying which file is wrong, and what to do.
    """
    if folder is None:
        file = f"{name.lower()}-v1.zip"
        path = fetch(f"wikitext/{file}", [each + file for each in MIRRORS], SHA256[name])
        return WikiText(_members(path), {file: SHA256[name]}, name)
    splits, files = {}, {}
    for split in SPLITS:
        names = [f"{split}.txt", f"{split}.tokens", f"wiki.{split}.tokens"]
        if not any((folder / f"{each}{end}").is_file() for each in names for end in ("", ".gz")):
            continue
        found, data = read(folder, names, "")
        splits[split] = text(data, found)
        files[found] = sha256(data)
    if not splits:
        raise DataError(
            f"{folder} has no train, valid or test (.txt, .tokens): unpack {MIRRORS[0]}"
            f"{name.lower()}-v1.zip into it, or leave --data out to fetch it"
        )
    return WikiText(splits, files, name)


def _members(archive: Path) -> dict[str, str]:
    """Each split in the archive."""
    found = {}
    try:
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                split = re.fullmatch(r"(?:.*/)?wiki\.(\w+)\.tokens", member.filename)
                if split and split[1] in SPLITS and member.file_size <= LARGEST_UNPACKED:
                    found[split[1]] = text(packed.read(member), member.filename)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise DataError(f"{archive} is damaged ({error}): delete it to fetch it again") from error
    if not found:
        raise DataError(f"{archive} holds no WikiText: delete it to fetch it again")
    return {split: found[split] for split in SPLITS if split in found}


def articles(wikitext: str) -> list[str]:
    """Cut a text before each ` = Title = ` that stands alone between empty lines."""
    lines = wikitext.split("\n")
    starts = [
        k
        for k, line in enumerate(lines)
        if TITLE.fullmatch(line)
        and (k == 0 or not lines[k - 1].strip())
        and (k + 1 == len(lines) or not lines[k + 1].strip())
    ]
    return ["\n".join(lines[a:b]) for a, b in pairwise([*starts, len(lines)])]


def plain(wikitext: str) -> str:
    """Undo the tokenisation for reading, line by line; `<unk>` stays, empty lines go.

    Whether a quotation mark opens or closes follows from those before it in its line, and an
    apostrophe between spaces after a plural is taken for a possessive.
    """
    found = (_plain_line(line) for line in wikitext.split("\n"))
    return "\n".join(line for line in found if line)


def _plain_line(line: str) -> str:
    line = re.sub(r" @([-,.])@ ", r"\1", f" {line.strip()} ")
    heading = re.fullmatch(r" ((?:= )+)(.*?)((?: =)+) ", line)
    if heading:
        signs = "=" * (len(heading[3]) // 2)
        return f"{signs} {_plain_line(heading[2])} {signs}"
    line = re.sub(r" ([’']) ?(s|t|re|ve|ll|m|d) ", r"\1\2 ", line)
    line = re.sub(r"(?<=\d) ([:–]) (?=\d)", r"\1", line)
    line = re.sub(r" ° (?=[CFNSEW] )| (?=° )", lambda found: found[0].strip(), line)
    line = line.replace(" \N{NON-BREAKING HYPHEN} ", "\N{NON-BREAKING HYPHEN}")
    line = _quotations(line)
    line = re.sub(r" (?=[,.;:!?)\]%”](?:\W|$)|\.\.\.)", "", line)
    return re.sub(r"(?<=[(\[$£€#“]) ", "", line).strip()


def _quotations(line: str) -> str:
    """Join each straight quotation mark to what it opens or closes."""
    is_open = {'"': False, "'": False}
    found, clings = "", True
    for word in line.split():
        possessive = word == "'" and not is_open[word] and found.endswith("s")
        closes = possessive or is_open.get(word, False)
        found += word if clings or closes else f" {word}"
        clings = word in is_open and not closes
        if word in is_open and not possessive:
            is_open[word] = not is_open[word]
    return found
