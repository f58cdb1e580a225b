"""What a study asks to be drawn beside its explanations and was not measured."""

from collections.abc import Iterator, Sequence

from explainer.artifact import ArtifactError, Measures, Store
from webapp.definition import Definition
from webapp.displays.curves import curves
from webapp.displays.manner import manner_of, shown_in
from webapp.planned import drawn


def without_curves(
    definition: Definition, digests: Sequence[tuple[str, str]], store: Store
) -> Iterator[str]:
    """Say in words which explanations lack the curve that a block shows.

    digests: an explanation's name and digest.
    """
    wanted = {
        name
        for block in definition.blocks
        if manner_of(definition, block).curves
        for name in shown_in(definition, block)
        if drawn(definition.explanations[name])
    }
    for name in sorted(wanted):
        found = [_measured(store, digest) for other, digest in digests if other == name]
        lacking = [each for each in found if curves(each) is None]
        if lacking:
            reasons = {each.reasons.get("removal", "") for each in lacking if each} - {""}
            why = f" ({'; '.join(sorted(reasons))}; leave curves out)" if reasons else ""
            yield f"the curves of {len(lacking)} explanations {name}{why}"


def _measured(store: Store, digest: str) -> Measures | None:
    try:
        return store.read_measures(digest)
    except ArtifactError:
        # Measuring writes a damaged file anew.
        return None
