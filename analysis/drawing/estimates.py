"""Figures of estimates with their intervals: means, right and wrong, forest."""

from analysis.drawing.style import (
    BLUE,
    GREY,
    ORANGE,
    Drawing,
    Json,
    axes_of,
    drawing,
    levels_axis,
    name_of,
    point,
    rating_axis,
    svg,
    told,
)

_PLAIN = (BLUE, "o")
_OTHER = (ORANGE, "D")


def means(rating: Json) -> Drawing | None:
    """Each condition's mean over participants with its interval."""
    shown = [c for c in rating["conditions"] if c["raw_mean"] is not None]
    if not shown:
        return None
    name = name_of("means", rating["item"], rating["factor"])
    with drawing(name):
        figure, axes = axes_of(0.42 * len(shown) + 0.8)
        for place, condition in enumerate(shown):
            point(axes, place, condition["raw_mean"], condition["mean"], _PLAIN)
        levels_axis(axes, [c["level"] for c in shown])
        rating_axis(axes, rating, f"mean of {rating['item']}")
        said = [f"{c['level']}: {told(c['raw_mean'], c['mean'])}" for c in shown]
        drawn = svg(figure, f"Mean {rating['item']} by condition", ". ".join(said))
    rows = tuple(
        (c["level"], c["raw_mean"], c["mean"].get("low"), c["mean"].get("high")) for c in shown
    )
    return Drawing(name, drawn, (rating["factor"], "mean", "low", "high"), rows)


def marginal(row: Json) -> Drawing | None:
    """The means that a hypothesis's model predicts, with their intervals."""
    shown = row["means"]
    if not shown:
        return None
    name = name_of("marginal-means", row["id"])
    with drawing(name):
        figure, axes = axes_of(0.42 * len(shown) + 0.8)
        for place, each in enumerate(shown):
            asked = row["contrast"] is None or each["level"] in row["contrast"]
            point(axes, place, each["value"], each, (BLUE if asked else GREY, "o"))
        levels_axis(axes, [each["level"] for each in shown])
        axes.set_xlabel(f"predicted mean of {row['outcome']}")
        said = [f"{each['level']}: {told(each['value'], each)}" for each in shown]
        drawn = svg(figure, f"{row['id']}: means that the model predicts", ". ".join(said))
    rows = tuple((each["level"], each["value"], each["low"], each["high"]) for each in shown)
    return Drawing(name, drawn, (row["factor"], "mean", "low", "high"), rows)


def right_wrong(rating: Json) -> Drawing | None:
    """Each condition's mean where the model was right and where it was wrong."""
    shown = [
        c
        for c in rating["conditions"]
        if c["right"]["mean"] is not None and c["wrong"]["mean"] is not None
    ]
    if not shown:
        return None
    name = name_of("right-wrong", rating["item"], rating["factor"])
    with drawing(name):
        figure, axes = axes_of(0.42 * len(shown) + 1.2)
        for place, condition in enumerate(shown):
            right, wrong = condition["right"]["mean"], condition["wrong"]["mean"]
            axes.plot([wrong, right], [place, place], color=GREY, linewidth=1.2, zorder=1)
            names = ("model right", "model wrong") if place == 0 else (None, None)
            axes.plot(right, place, "o", color=BLUE, markersize=7, label=names[0])
            axes.plot(wrong, place, "D", color=ORANGE, markersize=6, label=names[1])
        levels_axis(axes, [c["level"] for c in shown])
        rating_axis(axes, rating, f"mean of {rating['item']}")
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        said = [
            f"{c['level']}: {c['right']['mean']:.2f} where the model was right, "
            f"{c['wrong']['mean']:.2f} where it was wrong"
            for c in shown
        ]
        title = f"Mean {rating['item']} where the model was right and wrong"
        drawn = svg(figure, title, ". ".join(said))
    rows = tuple((c["level"], c["right"]["mean"], c["wrong"]["mean"]) for c in shown)
    return Drawing(name, drawn, (rating["factor"], "model_right", "model_wrong"), rows)


def forest(hypotheses: list[Json]) -> Drawing | None:
    """The difference that each hypothesis asks for, with its interval, about zero."""
    shown = [row for row in hypotheses if row["points"] and row["points"]["low"] is not None]
    if not shown:
        return None
    names = [f"{row['id']}: {row['contrast'][0]} − {row['contrast'][1]}" for row in shown]
    with drawing("forest"):
        figure, axes = axes_of(0.5 * len(shown) + 0.9)
        axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        for place, row in enumerate(shown):
            style = _PLAIN if row["confirmatory"] else _OTHER
            point(axes, place, row["points"]["value"], row["points"], style)
        levels_axis(axes, names)
        axes.set_xlabel("difference, in the outcome's own unit")
        said = [
            f"{name}: {told(row['points']['value'], row['points'])}"
            for name, row in zip(names, shown, strict=True)
        ]
        drawn = svg(figure, "Differences that were asked for", ". ".join(said))
    rows = tuple(
        (row["id"], *row["contrast"], *(row["points"][key] for key in ("value", "low", "high")))
        for row in shown
    )
    header = ("hypothesis", "level", "against", "difference", "low", "high")
    return Drawing("forest", drawn, header, rows)
