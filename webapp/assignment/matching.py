"""The cheapest way to give each of several things one of several places."""

from collections.abc import Sequence
from math import inf


def cheapest(costs: Sequence[Sequence[int]], room: Sequence[int]) -> list[int]:
    """The place of each thing, at the least total cost, where place j takes `room[j]` things.

    costs: shape (things, places); sum(room) is the number of things. Each thing begins at its
    cheapest place; then, while a place holds too many, one thing after the other moves along the
    cheapest chain of places to where there is room, which keeps the total the least possible.
    Source: successive shortest paths; Ahuja, Magnanti and Orlin (1993), Network Flows, ch. 9.
    """
    places = range(len(room))
    at = [min(places, key=lambda j: (row[j], j)) for row in costs]
    held = [at.count(j) for j in places]
    while any(held[j] > room[j] for j in places):
        best, mover = _moves(costs, at, len(room))
        reached = [0.0 if held[j] > room[j] else inf for j in places]
        came_from: list[int | None] = [None] * len(room)
        for _ in places:
            for a in places:
                for b in places:
                    # Moves can cost less than nothing, but no circle of them does.
                    if reached[a] + best[a][b] < reached[b]:
                        reached[b], came_from[b] = reached[a] + best[a][b], a
        end = min((j for j in places if held[j] < room[j]), key=lambda j: reached[j])
        held[end] += 1
        while (start := came_from[end]) is not None:
            at[mover[start][end]] = end
            end = start
        held[end] -= 1
    return at


def _moves(
    costs: Sequence[Sequence[int]], at: Sequence[int], places: int
) -> tuple[list[list[float]], list[list[int]]]:
    """What the cheapest move from each place to each other costs, and which thing it moves."""
    best = [[inf] * places for _ in range(places)]
    mover = [[-1] * places for _ in range(places)]
    for thing, start in enumerate(at):
        for end in range(places):
            extra = costs[thing][end] - costs[thing][start]
            if end != start and extra < best[start][end]:
                best[start][end], mover[start][end] = extra, thing
    return best, mover
