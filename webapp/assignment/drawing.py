"""Which stimuli a participant meets in a block, and under which condition each of them.

The stimuli that fewest people have met come first, and each gets the condition that it was met
under least often, as far as the participant meets every condition equally often, in each stratum
and over all. What people have met decides, so places that dropouts gave back are filled first.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from webapp.assignment.conditions import name_of
from webapp.assignment.design import BlockDesign, Met, Trial, shares
from webapp.assignment.matching import cheapest
from webapp.assignment.ordering import arranged
from webapp.assignment.seeded import seeded

Counts = Mapping[str, Sequence[int]]


def draw(
    design: BlockDesign, met: Met, seen: Collection[str], seed: int, participant: int
) -> list[Trial]:
    """One participant's trials in a block, in order.

    met: how many people met a stimulus under a condition, by digest and condition's name. seen:
    stimuli that must not come again. seed: the study's. participant: how many were placed before.
    """
    random = seeded(seed, design.name, "draw", participant)
    names = [name_of(condition) for condition in design.conditions]
    counts = {
        each: [met.get((each, name), 0) for name in names]
        for stratum in design.strata
        for each in stratum
    }
    left = [[each for each in stratum if each not in seen] for stratum in design.strata]
    left = [random.sample(stratum, len(stratum)) for stratum in left]
    starts = random.sample(range(len(names)), len(names))
    plans = [_plan(design, left, counts, start) for start in starts]
    _, chosen = min(plans, key=lambda plan: plan[0])
    trials = [
        Trial(stimulus, design.conditions[place], design.traits.get(stimulus, {}))
        for stimulus, place in chosen
    ]
    if design.shuffled:
        return arranged(trials, design.max_run, seeded(seed, design.name, "order", participant))
    # One order for everybody, in which a place says nothing about the stratum.
    order = sorted(stimulus for stratum in design.strata for stimulus in stratum)
    seeded(seed, design.name, "fixed").shuffle(order)
    return sorted(trials, key=lambda trial: order.index(trial.stimulus))


def _plan(
    design: BlockDesign, left: Sequence[Sequence[str]], counts: Counts, start: int
) -> tuple[tuple[int, int], list[tuple[str, int]]]:
    """Stimuli with their conditions, when the conditions that get one more begin at `start`.

    Where a stratum does not divide evenly by the conditions, the next goes on where it stopped, so
    that over all strata too no condition has more than one more than another. It comes with how
    often its stimuli were met under these conditions, and how uneven it leaves the conditions.
    """
    sizes = shares([len(stratum) for stratum in left], design.per_participant)
    ends = [start]
    for size in sizes:
        ends.append(ends[-1] + size)
    places = len(design.conditions)
    uneven, chosen = 0, []
    for (begin, end), stratum, whole in zip(pairwise(ends), left, design.strata, strict=True):
        room = [0] * places
        for number in range(begin, end):
            room[number % places] += 1
        chosen += _match(stratum, counts, room)
        totals = [sum(counts[each][place] for each in whole) for place in range(places)]
        uneven += sum(size * total for size, total in zip(room, totals, strict=True))
    often = sum(counts[stimulus][place] for stimulus, place in chosen)
    return (often, uneven), chosen


def _match(stratum: Sequence[str], counts: Counts, room: Sequence[int]) -> list[tuple[str, int]]:
    """The stimuli that fewest have met, each under the condition it was met under least often."""
    size = sum(room)
    if not size:
        return []
    often = {each: sum(counts[each]) for each in stratum}
    most = sorted(often.values())[size - 1]
    fit = [each for each in stratum if often[each] <= most]
    # To be left out is a place like the conditions; who was met less than others does not fit it.
    never = 1 + sum(often.values())
    costs = [[*counts[each], 0 if often[each] == most else never] for each in fit]
    places = cheapest(costs, [*room, len(fit) - size])
    return [(each, place) for each, place in zip(fit, places, strict=True) if place < len(room)]
