"""Say what a power simulation found, and what it rests on."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def describe(result: Json) -> str:
    """The text of `python -m analysis power`; result: what power.json holds."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: Json) -> Iterator[str]:
    hypothesis, model = result["hypothesis"], result["model"]
    a, b = model["contrast"]
    random = " + ".join(f"({term})" for term in model["random"])
    yield f"Power of {result['study']}, hypothesis {hypothesis['id']}: {a} against {b}"
    yield f"  model: {model['fixed']} + {random}, {result['test']}"
    effects = ", ".join(f"{name} {size:+g}" for name, size in result["effects"].items())
    yield f"  planned effects, in logits: {effects}; alpha {result['alpha']:g}, two-sided"
    source = "a pilot" if result["pilot"] else "assumptions"
    yield f"  thresholds and standard deviations from {source}; seed {result['seed']}"
    looks = len(result["looks"])
    if looks > 1:
        limits = ", ".join(f"{z:.3f}" for z in result["boundaries"])
        yield f"  {looks} looks, {result['spending']} spending: |z| beyond {limits}"
    if result["people"]:
        yield f"  {result['people']} participants"
    yield ""
    over = "effect x" if result["people"] else "people"
    yield f"  {over:>8}  power  95 % interval  mean contrast" + "  people on average" * (looks > 1)
    for point in result["points"]:
        estimate = "none" if point["estimate"] is None else f"{point['estimate']:+.2f}"
        row = (
            f"  {point['x']:8g}  {point['power']:5.0%}  {point['low']:5.0%} to {point['high']:4.0%}"
            f"  {estimate:>13}"
        )
        yield row + (f"  {point['expected']:17.1f}" if looks > 1 else "")
        if point["without"]:
            yield (
                f"            {point['without']} of {point['replicates']} have no estimate and "
                "count as not significant"
            )
    yield ""
    yield _reached(result)


def _reached(result: Json) -> str:
    found, target = result["reached"], f"{result['target']:.0%}"
    if found["value"] is None:
        return f"{found['note'][0].upper()}{found['note'][1:]}."
    unit = "times the planned effect" if result["people"] else "participants"
    digits = ".2f" if result["people"] else ".0f"
    text = f"{target} power is reached at about {found['value']:{digits}} {unit}"
    if found["low"] is None:
        return f"{text}; {found['note']}."
    return f"{text} (95 % interval {found['low']:{digits}} to {found['high']:{digits}})."
