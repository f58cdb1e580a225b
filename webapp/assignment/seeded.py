"""Chance that comes again: the same seed and the same words give the same draws."""

from random import Random


def seeded(seed: int, *words: str | int) -> Random:
    """A generator of its own for each purpose, named by words."""
    # Who sees what is no secret, and must be the same whenever it is computed.
    return Random("/".join(str(each) for each in (seed, *words)))  # noqa: S311
