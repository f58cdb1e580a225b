"""Say what the original study's answers support, and how many people it would have taken."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

from analysis.seed_data import YES_NO

Json = dict[str, Any]


def supported(figures: Json) -> Iterator[str]:
    """The last part of the text of `python -m analysis reproduce`."""
    title = "What these answers support: nothing filled in, yes to a bad thing reversed"
    yield f"\n{title}\n{'=' * len(title)}"
    found = figures["supported"]
    yield from _with_trust(found["with_trust"])
    yield from _paired(found["paired"])
    yield from _bounds(figures["bounds"])
    yield from _alpha(found["alpha"])
    yield from _removal(found["removal"])
    yield from _people(found["people"])


def _with_trust(rows: Json) -> Iterator[str]:
    yield _title("Each item with Trustworthiness")
    for item, row in rows.items():
        ordinal = row["ordinal"]
        turned = " (reversed)" if item in YES_NO else ""
        yield (
            f"  {item}{turned}: Spearman's rho {row['value']:.2f}, n {row['n']}, exact permutation "
            f"p {row['p']:.4f}, after Holm {row['p_holm']:.4f}"
        )
        if "reason" in ordinal:
            yield _say(f"Proportional odds: no estimate, {ordinal['reason']}.")
        else:
            yield _say(
                f"Proportional odds: log odds of more trust for one more point "
                f"{ordinal['log_odds']:.2f} (95 % interval {ordinal['low']:.2f} to "
                f"{ordinal['high']:.2f}), likelihood-ratio p {ordinal['p']:.4f}, not adjusted."
            )


def _paired(sections: Json) -> Iterator[str]:
    yield _title("Item 1 against item 2, where both are ratings")
    for section, tests in sections.items():
        for test in tests.values():
            if "reason" in test:
                yield f"  {section}: not tested, {test['reason']}"
            else:
                yield (
                    f"  {section}: {test['name']} {test['value']:.2f}, {test['test']}, "
                    f"p {test['p']:.4f}, n {test['n']}"
                )


def _bounds(bounds: Json | None) -> Iterator[str]:
    yield _title("What the missing answer could have made of their figures")
    if bounds is None:
        yield "  Nothing is missing, or too much to try every answer."
        return
    gaps = ", ".join(f"{hole['item']} of person {hole['person']}" for hole in bounds["missing"])
    yield f"  Missing: {gaps}. Over every answer that it could be:"
    for name, (low, high) in bounds["figures"].items():
        yield f"  {name}: {low:.4g} to {high:.4g}"


def _alpha(sections: Json) -> Iterator[str]:
    yield _title("Why Cronbach's alpha of a section cannot be had")
    for section, row in sections.items():
        if not row["mixed"]:
            yield f"  {section}: {_estimate(row['ratings'])}"
            yield _say("Two ratings that ask different things; more items would be needed.")
            continue
        yield f"  {section}: {_estimate(row['no_is_1'])} when the good answer counts 1,"
        yield f"    {_estimate(row['no_is_5'])} when it counts 5"
    yield _say(
        "A yes or no has no place on a scale from 1 to 5: both codings are as right, and alpha "
        "follows the coding. With two items it is also no more than one correlation."
    )


def _estimate(row: Json) -> str:
    if "reason" in row:
        return f"none, {row['reason']}"
    return f"{row['value']:.2f} (95 % interval {row['low']:.2f} to {row['high']:.2f})"


def _removal(modes: Json) -> Iterator[str]:
    yield _title("Next words right, without the positions that are right by construction")
    for name, parts in modes.items():
        yield f"  {name}: {_share(parts['all'])}"
        inside = parts["prefix"]
        yield "    in the prefix: " + ("none is left" if inside is None else _share(inside))
        yield f"    after the prefix: {_share(parts['after'])}"
    yield _say(
        "Exact 95 % intervals take positions for independent; those in brackets draw blocks of "
        "neighbours. All are of one text and one model."
    )


def _share(part: Json) -> str:
    low, high = part["interval"]
    text = f"{part['right']} of {part['n']}, {part['share']:.4f}, {low:.4f} to {high:.4f}"
    if "block_interval" not in part:
        return text
    low, high = part["block_interval"]
    return f"{text} [{low:.4f} to {high:.4f}]"


def _people(found: Json) -> Iterator[str]:
    target, took_part = f"{found['target']:.0%}", found["took_part"]
    yield _title(f"How many people {target} power would have taken ({took_part} took part)")
    for row in found["difference"]:
        yield (
            f"  trust with explanations against without, different people, odds ratio "
            f"{row['odds_ratio']:g}: {row['people']} people; {took_part} people find it in "
            f"{row['power_of_study']:.0%} of studies"
        )
    for row in found["correlation"]:
        yield (
            f"  a correlation of {row['correlation']:g} of one of eight items with trust: "
            f"{row['people']} people; {took_part} people find it in {row['power_of_study']:.0%} of "
            "studies"
        )
    yield _say(
        f"By {found['replicates']} simulated studies a size, seed {found['seed']}, with the shares "
        "that these people gave to Trustworthiness; Wilcoxon's rank sum at 5 %, Spearman's "
        "correlation at 5 % / 8. The study had no group without explanations: the first lines say "
        "what one would have taken."
    )


def _title(text: str) -> str:
    return f"\n{text}\n{'-' * len(text)}"


def _say(text: str) -> str:
    return fill(text, 96, initial_indent=" " * 6, subsequent_indent=" " * 6)
