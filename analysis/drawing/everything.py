"""Every figure that the results of a study carry."""

from collections.abc import Iterator

from analysis.drawing import answers, estimates, relations
from analysis.drawing.flow import flow
from analysis.drawing.style import Drawing, Json


def draw(found: Json) -> dict[str, Drawing]:
    """All figures by name; what cannot be drawn is not there."""
    return {drawn.name: drawn for drawn in _all(found) if drawn is not None}


def _all(found: Json) -> Iterator[Drawing | None]:
    main = found["main"]
    yield flow(found["participants"], found["rules"])
    for rating in main["ratings"]:
        yield answers.likert(rating)
        yield answers.raincloud(rating)
        yield estimates.means(rating)
        yield estimates.right_wrong(rating)
    yield estimates.forest(main["hypotheses"])
    for row in main["hypotheses"]:
        yield estimates.marginal(row)
    for factor, role in dict.fromkeys(
        (each["factor"], curve["role"])
        for each in main["decisions"]
        for curve in each["calibration"]
    ):
        yield relations.calibration(main["decisions"], factor, role)
    for row in found["quality"]:
        yield relations.scatter(row)
    yield relations.correlations(main["correlations"])
