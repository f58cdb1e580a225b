"""YAML as people expect it, with the line of every key: `no` is a word, a repeated key an error."""

import re
from pathlib import Path
from typing import Any

import yaml

from webapp.problems import FileError, Problem
from webapp.problems import Path as KeyPath

LARGEST_FILE = 2**20
MOST_PARTS = 100_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """Safe YAML in which only true and false are booleans, and dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def read_text(path: Path) -> str:
    """Read a UTF-8 text file. Raises FileError where it is missing, too large or not text."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise _one(path, f"the file is larger than {LARGEST_FILE} bytes")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise _one(path, "there is no such file") from error
    except UnicodeDecodeError as error:
        raise _one(path, f"not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise _one(path, f"cannot be read: {error.strerror}") from error
    if "\x00" in text:
        raise _one(path, "holds a null byte; save it as plain text")
    return text.replace("\r\n", "\n")


def parse(text: str, name: str) -> tuple[Any, dict[KeyPath, int]]:
    """Return the data and the line of every path. Raises FileError on broken YAML."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise FileError(name, [Problem((), "the file is empty")], {})
        lines: dict[KeyPath, int] = {}
        problems: list[Problem] = []
        _walk(node, (), lines, problems, set())
        if problems:
            raise FileError(name, problems, lines)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where: dict[KeyPath, int] = {(): mark.line + 1} if mark else {}
        reason = error.problem or "it cannot be read"
        if error.context and error.context_mark:
            reason += f", {error.context} (line {error.context_mark.line + 1})"
        raise FileError(name, [Problem((), f"not valid YAML: {reason}")], where) from error
    except (AttributeError, KeyError) as error:
        reason = "a value does not fit the !! tag before it; remove the tag"
        raise FileError(name, [Problem((), f"not valid YAML: {reason}")], {}) from error
    except RecursionError as error:
        raise FileError(name, [Problem((), "not valid YAML: nested too deeply")], {}) from error
    except (yaml.YAMLError, ValueError) as error:
        raise FileError(name, [Problem((), f"not valid YAML: {error}")], {}) from error
    finally:
        loader.dispose()


def _walk(
    node: yaml.Node,
    path: KeyPath,
    lines: dict[KeyPath, int],
    problems: list[Problem],
    open_nodes: set[int],
) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if len(lines) > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} parts, aliases counted each time; shorten it")
    if id(node) in open_nodes:
        problems.append(Problem(path, "an alias refers to itself"))
        return
    if isinstance(node, yaml.ScalarNode) and _UNSTORABLE.search(node.value):
        problems.append(Problem(path, "holds a character that cannot be stored; remove it"))
    open_nodes = open_nodes | {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problems.append(Problem(path, "a key must be a plain word"))
                continue
            if _UNSTORABLE.search(key.value):
                problems.append(Problem(path, "a key holds a character that cannot be stored"))
                continue
            part = int(key.value) if key.tag.endswith(":int") and _plain(key) else key.value
            if key.value in seen:
                problems.append(Problem((*path, part), "this key stands here twice; remove one"))
            seen.add(key.value)
            lines[(*path, part)] = key.start_mark.line + 1
            _walk(value, (*path, part), lines, problems, open_nodes)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*path, index), lines, problems, open_nodes)


def _plain(key: yaml.ScalarNode) -> bool:
    return re.fullmatch(r"-?[0-9]+", key.value) is not None


def _one(path: Path, message: str) -> FileError:
    return FileError(str(path), [Problem((), message)], {})
