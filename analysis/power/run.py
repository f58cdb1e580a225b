"""Simulate and test studies on every core, keep each result as it comes, go on where it stopped."""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from analysis.estimate import NotEstimableError
from analysis.ordinal import clmm, contrast_test
from analysis.power.draw import draw
from analysis.power.model import RESPONSE, Model, PowerError
from analysis.power.study import Block, Study
from analysis.power.truth import Truth

Tell = Callable[[int, int], None]

# Results waiting for one core at a time; small enough that little is lost by an interruption.
_CHUNK = 4


@dataclass(frozen=True)
class Setting:
    """What one simulated study follows, apart from its size, its effect and its number.

    looks: shares of the participants after which the data are tested, ending with 1.
    """

    study: Study
    blocks: tuple[Block, ...]
    truth: Truth
    model: Model
    looks: tuple[float, ...]
    seed: int

    @property
    def key(self) -> str:
        """SHA-256 of everything that results depend on."""
        return hashlib.sha256(
            json.dumps(asdict(self), default=_plain, sort_keys=True).encode()
        ).hexdigest()


@dataclass(frozen=True)
class Job:
    """One simulated study: participants, multiple of the planned effect, which replicate."""

    people: int
    scale: float
    replicate: int


@dataclass(frozen=True)
class Outcome:
    """What came of a job: one p value for each look, None where there is no estimate.

    estimate: the contrast in logits at the last look.
    """

    job: Job
    p: tuple[float | None, ...]
    estimate: float | None


def simulate(setting: Setting, job: Job) -> Outcome:
    """Draw one study and test it at each look; its seed is its own, whatever else is run."""
    generator = np.random.default_rng([setting.seed, job.people, job.replicate])
    model = setting.model
    data = draw(setting.study, setting.blocks, setting.truth, (job.people, job.scale), generator)
    values: list[float | None] = []
    estimate = None
    for share in setting.looks:
        come = data[data["participant"] < round(share * job.people)].reset_index(drop=True)
        try:
            fit = clmm(come, f"{RESPONSE} ~ {model.fixed}", model.random)
            found = contrast_test(fit, model.factor, *model.contrast)
        except NotEstimableError:
            values.append(None)
            estimate = None
        else:
            values.append(found.p)
            estimate = found.value
    return Outcome(job, tuple(values), estimate)


def run(setting: Setting, jobs: Sequence[Job], kept: Path, cores: int, tell: Tell) -> list[Outcome]:
    """Results of all jobs, those in the file `kept` taken from there and the others added to it.

    The file is named by the caller after setting.key: one JSON line for each job.
    """
    done = {outcome.job: outcome for outcome in _read(kept)}
    missing = [job for job in jobs if job not in done]
    ready = len(jobs) - len(missing)
    kept.parent.mkdir(parents=True, exist_ok=True)
    tell(ready, len(jobs))
    with kept.open("a", encoding="utf-8") as file:
        for outcome in _outcomes(setting, missing, cores):
            done[outcome.job] = outcome
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()
            ready += 1
            tell(ready, len(jobs))
    return [done[job] for job in jobs]


def _outcomes(setting: Setting, jobs: Sequence[Job], cores: int) -> Iterator[Outcome]:
    if cores == 1 or len(jobs) <= _CHUNK:
        yield from (simulate(setting, job) for job in jobs)
        return
    # One thread in each process: small matrices gain nothing from more, and cores are all in use.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(cores, len(jobs)), mp_context=context) as pool:
        yield from pool.map(partial(simulate, setting), jobs, chunksize=_CHUNK)


def _read(kept: Path) -> Iterable[Outcome]:
    if not kept.exists():
        return
    text = kept.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        # An interruption cut the last line; without this the next one would be added to it.
        kept.write_text(whole, encoding="utf-8")
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            entry = json.loads(line)
            yield Outcome(Job(**entry["job"]), tuple(entry["p"]), entry["estimate"])
        except (KeyError, TypeError, ValueError) as error:
            raise PowerError(
                f"{kept} line {number} is not a result; remove the file to start anew"
            ) from error


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else sorted(value)
