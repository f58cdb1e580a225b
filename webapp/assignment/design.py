"""What a block of trials is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webapp.assignment.conditions import Condition, combinations

Met = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Trial:
    """One stimulus under one condition; traits say what the stimulus is like, by name."""

    stimulus: str
    condition: Condition
    traits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BlockDesign:
    """One block: its stimuli in strata, how many a participant meets, and how they are ordered.

    strata: stimulus digests, one list for each stratum. levels: the levels of each factor that
    varies within the block. max_run: the longest run of equals, by factor or trait. not_in: blocks
    whose stimuli do not come again here. traits: what each stimulus is like.
    """

    name: str
    strata: tuple[tuple[str, ...], ...]
    per_participant: int
    levels: Mapping[str, tuple[str, ...]]
    shuffled: bool = True
    max_run: Mapping[str, int] = field(default_factory=dict)
    not_in: tuple[str, ...] = ()
    traits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def conditions(self) -> list[Condition]:
        """Every combination of the levels that vary within the block."""
        return combinations(self.levels)


def shares(sizes: Sequence[int], total: int) -> tuple[int, ...]:
    """How many of each stratum make up a total, in proportion to sizes, by largest remainders."""
    exact = [total * size / max(sum(sizes), 1) for size in sizes]
    whole = [int(share) for share in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (whole[i] - exact[i], i))
    for index in by_remainder[: total - sum(whole)]:
        whole[index] += 1
    return tuple(whole)
