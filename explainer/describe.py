"""Cards of checkpoints in words, for people who read them in a terminal."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

Row = tuple[str, ...]
WIDTH = 100
INDENT = "  "


def inputs(card: Mapping[str, Any]) -> str:
    """What a network reads, and into how many classes it sorts that."""
    given = card["preprocessing"]
    kind = str(given.get("kind"))
    what = {"text": "texts", "sequence": "sequences"}.get(kind, kind)
    if kind == "image":
        mean = given.get("mean")
        colour = "colour" if isinstance(mean, list) and len(mean) > 1 else "grey"
        what = f"{given.get('height')} x {given.get('width')} {colour} images"
    return what + (f" in {len(card['labels'])} classes" if card["labels"] else "")


def headline(card: Mapping[str, Any]) -> str:
    """The metric that a list shows: of classes, of texts, of forecasts; its n."""
    metrics = card["metrics"]
    places: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("accuracy", ("test_accuracy",)),
        ("perplexity", ("test", "all", "perplexity_per_token")),
    )
    for name, place in places:
        found = _at(metrics, *place)
        if isinstance(found, Mapping) and "value" in found:
            return f"{name} {_say(found['value'])}, n {_count(found.get('n'))}"
    mae, naive = (_at(metrics, "test", each, "mae") for each in ("model", "last_value"))
    if mae is not None:
        n = _count(_at(metrics, "test", "n"))
        return f"MAE {_say(mae)} (last value {_say(naive)}), n {n}"
    return "not evaluated"


def rows(*metrics: Mapping[str, Any], indent: str = "") -> Iterator[Row]:
    """Metrics a row each: the name, indented below its group's, and what each of some cards says.

    Where a model stands beside naive ones, they follow one another under each measure.
    """
    metrics = tuple(_by_measure(found) for found in metrics)
    for name in dict.fromkeys(each for found in metrics for each in found):
        values = [found.get(name) for found in metrics]
        groups = [value if _is_group(value) else {} for value in values]
        said = indent + name.replace("_", " ")
        if any(groups):
            yield (said, *("" for _ in metrics))
            yield from rows(*groups, indent=indent + INDENT)
        else:
            yield (said, *("-" if each is None else _say(each) for each in values))


def table(lines: Sequence[Row]) -> str:
    """Lay rows out in aligned columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def listed(name: str, where: str, card: Mapping[str, Any]) -> Row:
    """A checkpoint as a row of a list."""
    return (
        name,
        card["architecture"]["name"],
        f"{card['parameters']:,}",
        textwrap.shorten(str(card["data"].get("name", "unknown")), 32, placeholder=" ..."),
        headline(card),
        card["weights_sha256"][:12],
        where,
    )


LISTED: Row = ("name", "architecture", "parameters", "data", "on test data", "sha256", "where")


def described(card: Mapping[str, Any]) -> str:
    """A whole card: what it is, what from, how good beside the baselines."""
    architecture = dict(card["architecture"])
    data, training = dict(card["data"]), dict(card["training"])
    data.pop("files_sha256", None)
    command = training.pop("command", "")
    prepared = {each: what for each, what in card["preprocessing"].items() if each != "kind"}
    name = architecture.pop("name")
    facts = (
        ("sha256", card["weights_sha256"]),
        ("architecture", f"{name}, {card['parameters']:,} parameters"),
        ("", _said(architecture)),
        ("reads", inputs(card)),
        ("prepared", _said(prepared)),
        ("labels", ", ".join(card["labels"])),
        ("files", ", ".join(card["files"])),
        ("data", _said(data)),
        ("training", str(command)),
        ("" if command else "training", _said(training)),
        ("versions", _said(card["versions"])),
        ("date", card["date"]),
    )
    body = "\n".join(_fact(*each) for each in facts if each[1])
    return f"{body}\n\n{table([*rows(card['metrics'])] or [('no metrics: it was not evaluated',)])}"


def compared(now: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """Metrics found now beside those of a card, if it has any; rows in which two differ say so."""
    if not card["metrics"]:
        return table([("", "now"), *rows(now)])
    found = rows(now, card["metrics"])
    marked = [(*row, "" if row[1] == row[2] or "-" in row[1:] else "differs") for row in found]
    return table([("", "now", "in the card", ""), *marked])


def _fact(name: str, said: str) -> str:
    lines = textwrap.wrap(said, WIDTH - 14, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"{name if k == 0 else '':<14}{line}" for k, line in enumerate(lines))


def _is_group(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and "value" not in value


def _by_measure(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """{model: {mae: 1}, drift: {mae: 2}} -> {mae: {model: 1, drift: 2}}; others stay."""
    if not _is_group(metrics.get("model")):
        return metrics
    rest = {name: each for name, each in metrics.items() if not _is_group(each)}
    who = {name: each for name, each in metrics.items() if _is_group(each)}
    measures = dict.fromkeys(each for found in who.values() for each in found)
    return rest | {
        each: {name: found[each] for name, found in who.items() if each in found}
        for each in measures
    }


def _said(found: Mapping[str, Any]) -> str:
    """A table in a line."""
    return ", ".join(f"{name.replace('_', ' ')} {_say(value)}" for name, value in found.items())


def _say(value: Any) -> str:
    """A value in words: a metric with its interval and n, a number to seven digits."""
    if isinstance(value, Mapping):
        rest = {name: each for name, each in value.items() if name not in ("value", "n")}
        intervals = [_say(rest.pop(each)) for each in [*rest] if each.startswith("interval")]
        words = [" ".join([_say(value["value"]), *intervals])] if "value" in value else []
        more = _said(rest) if words else f"({_said(rest)})"
        words += [more] if rest else []
        return ", ".join([*words, f"n {_count(value['n'])}"] if "n" in value else words)
    if isinstance(value, list):
        some = [_say(each) for each in value[:6]]
        return f"[{', '.join(some)}{f', ... {len(value)} in all' if len(value) > 6 else ''}]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _at(found: Any, *path: str) -> Any:
    """What lies at a path of keys, or None."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
