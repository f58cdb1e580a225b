"""One simulated study: who meets which stimulus under which condition, and what they answer.

Stimuli come least met first; within each stratum the conditions come equally often, as far as
numbers allow, and the next stratum goes on where it stopped. Who meets which is drawn at random,
while `webapp.assignment` also balances stimuli by conditions, so power is if anything understated.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.power.model import RESPONSE
from analysis.power.study import CORRECT, Block, Condition, Study
from analysis.power.truth import Truth
from analysis.samples import Floats, Indices


def draw(
    study: Study,
    blocks: Sequence[Block],
    truth: Truth,
    size: tuple[int, float],
    generator: np.random.Generator,
) -> pd.DataFrame:
    """One row an answer: rating, participant, stimulus, model_correct and the factors.

    size: participants, and what the planned effects are multiplied by. Participants are numbered in
    the order in which they come.
    """
    people, scale = size
    cell, participant, stimulus = _met(study, blocks, truth, people, generator)
    n_stimuli = int(stimulus.max()) + 1
    latent = (truth.mean + scale * truth.effect)[cell]
    latent = latent + _deviations(truth.participant, people, generator)[participant, cell]
    latent = latent + _deviations(truth.stimulus, n_stimuli, generator)[stimulus, cell]
    latent = latent + generator.logistic(size=len(latent))
    columns = pd.DataFrame(list(truth.cells)).iloc[cell].reset_index(drop=True)
    for name, levels in study.factors.items():
        columns[name] = pd.Categorical(columns[name], categories=list(levels))
    return columns.assign(
        **{
            RESPONSE: 1 + np.searchsorted(truth.thresholds, latent),
            "participant": participant,
            "stimulus": stimulus,
        }
    )


def _met(
    study: Study,
    blocks: Sequence[Block],
    truth: Truth,
    people: int,
    generator: np.random.Generator,
) -> tuple[Indices, Indices, Indices]:
    """Each trial's cell, participant and stimulus."""
    place = {_key(cell): index for index, cell in enumerate(truth.cells)}
    rows: list[tuple[int, int, int]] = []
    first = 0
    for number, block in enumerate(blocks):
        met = [np.zeros(size, dtype=np.intp) for _, size in block.strata]
        for person in range(people):
            turn, between = divmod(person, len(study.cells))
            whole = study.by_block[(number + turn) % len(study.by_block)]
            fixed = {**study.cells[between], **whole}
            chosen = _block(block, met, generator)
            rows += [
                (place[_key({**fixed, **condition, CORRECT: correct})], person, first + stimulus)
                for correct, condition, stimulus in chosen
            ]
        first += sum(size for _, size in block.strata)
    cell, participant, stimulus = np.array(rows, dtype=np.intp).T
    return cell, participant, stimulus


def _block(
    block: Block, met: list[Indices], generator: np.random.Generator
) -> list[tuple[str, Condition, int]]:
    """One participant's trials; counts in `met` who met a stimulus."""
    places = len(block.conditions)
    order = generator.permutation(places)
    trials, number, first = [], 0, 0
    sizes = [size for _, size in block.strata]
    for (correct, size), count, share in zip(
        block.strata, met, shares(sizes, block.per_participant), strict=True
    ):
        chosen = np.lexsort([generator.random(size), count])[:share]
        count[chosen] += 1
        for stimulus in generator.permutation(chosen):
            condition = block.conditions[order[number % places]]
            trials.append((correct, condition, first + int(stimulus)))
            number += 1
        first += size
    return trials


def shares(sizes: Sequence[int], total: int) -> list[int]:
    """How many of each stratum make up a total, in proportion to sizes, by largest remainders."""
    exact = [total * size / sum(sizes) for size in sizes]
    whole = [int(share) for share in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (whole[i] - exact[i], i))
    for index in by_remainder[: total - sum(whole)]:
        whole[index] += 1
    return whole


def _key(cell: Condition) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(cell.items()))


def _deviations(covariance: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Draws (count, n_cells) of mean zero with this covariance, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    result: Floats = generator.standard_normal((count, len(covariance))) @ root.T
    return result
