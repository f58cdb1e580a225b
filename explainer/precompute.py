"""Plan -> artifacts in a store: `python -m explainer.precompute PLAN.json --store DIR`.

A job whose key the store has is not done again, and every artifact is written whole or not at all:
stopping at any moment loses at most the explanations at work, and processes that share a store
share the work (explainer.claims). Then every explanation is measured (explainer.metrics), which is
not done again either; `--costly` measures also what needs each to be made anew. A shard is every
n-th stimulus with everything that its explanations are made from, so shards need not wait for one
another; on one store they do not even do twice what two of them need.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainer.artifact import ArtifactError, Store
from explainer.methods import MethodError
from explainer.plan import PlanError, check
from explainer.selection import SelectionError

if TYPE_CHECKING:
    from explainer.forecast import Forecast
    from explainer.progress import Progress
    from explainer.work import Work

Shard = tuple[int, int]


class PrecomputeError(Exception):
    """A plan cannot be carried out; the message says what to do."""


@dataclass(frozen=True)
class Result:
    """Digests of what a plan asks for, and how many jobs were done now or before.

    plan: its digest. stimuli: set name -> stimulus digests in selection order. explanations: name
    -> {stimulus digest: explanation digest}, selected stimuli only. missing: how many of these, or
    of their metrics, are not there yet, by name, after one shard. measured: of how many
    explanations anything was measured now.
    """

    plan: str
    stimuli: dict[str, list[str]]
    explanations: dict[str, dict[str, str]]
    computed: int
    reused: int
    missing: dict[str, int] = field(default_factory=dict)
    measured: int = 0


def run(
    plan: dict[str, Any],
    store: Store,
    *,
    device: str = "auto",
    only: str | None = None,
    shard: Shard | None = None,
    costly: bool = False,
    precision: str = "float32",
    progress: "Callable[[Progress], None] | None" = None,
) -> Result:
    """Make and measure every explanation of a plan; `only` names one explanation.

    device: auto, cpu or cuda. shard: (i, n), the i-th of n parts, from 1. costly: measure also what
    needs explaining anew. precision: float32, tf32 or bfloat16. Raises PrecomputeError.
    """
    from explainer.metrics.phase import carry_out as measure
    from explainer.metrics.phase import lacking as unmeasured
    from explainer.work import carry_out

    with reasons():
        work = _work(plan, store, device, only, shard, precision=precision)
        done, computed = carry_out(work.todo, store, progress)
        groups = _groups(costly)
        measured = measure(work.todo, done, store, groups, progress)
        for piece in work.elsewhere:
            # A control of something that is not there cannot be there either.
            if piece.made_of is None or piece.made_of in done:
                digest = store.find(piece.job(done))
                if digest is not None:
                    done[piece.name] = digest
        stimuli = {
            each.name: [store.write(each.stimulus(row)) for row in each.selected]
            for each in work.sets
        }
        explanations = {
            recipe.name: {
                each.digest(row): done[each.name, recipe.name, row]
                for each in work.sets
                for row in each.selected
                if (each.name, recipe.name, row) in done
            }
            for recipe in work.plan.recipes
            if only in {None, recipe.name}
        }
    wanted = sum(map(len, stimuli.values()))
    lacking = {name: wanted - len(each) for name, each in explanations.items()}
    for name, each in explanations.items():
        without = [digest for digest in each.values() if unmeasured(store, digest, groups)]
        lacking[f"the metrics of {name}"] = len(without)
    return Result(
        plan=work.plan.digest,
        stimuli=stimuli,
        explanations=explanations,
        computed=computed,
        reused=len(work.todo) - computed,
        missing={name: number for name, number in lacking.items() if number},
        measured=measured,
    )


def forecast(
    plan: dict[str, Any],
    store: Store,
    *,
    device: str = "auto",
    only: str | None = None,
    shard: Shard | None = None,
    costly: bool = False,
    precision: str = "float32",
) -> "Forecast":
    """Say what `run` would do, by a short measurement of each method. Raises PrecomputeError."""
    from explainer.forecast import measure

    with reasons():
        return measure(
            _work(plan, store, device, only, shard, precision=precision), store, _groups(costly)
        )


def _groups(costly: bool) -> tuple[str, ...]:
    from explainer.metrics.groups import ALWAYS, COSTLY

    return ALWAYS + COSTLY if costly else ALWAYS


def _work(
    plan: dict[str, Any],
    store: Store,
    device: str,
    only: str | None,
    shard: Shard | None,
    *,
    precision: str,
) -> "Work":
    from explainer.machine import pick
    from explainer.precision import check as check_precision
    from explainer.prepared import Prepared
    from explainer.work import divide

    checked = check(plan, only, precision)
    check_precision(precision, pick(device))
    sets = [Prepared(each, store, device) for each in checked.stimuli]
    return divide(checked, sets, shard or (1, 1))


@contextmanager
def reasons() -> Iterator[None]:
    """Turn every expected error into a PrecomputeError."""
    import torch

    from explainer.data.contents import ContentsError
    from explainer.machine import DeviceError
    from explainer.models.checkpoint import CheckpointError

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise PrecomputeError(
            "the GPU has no memory for even one input more: free it, or use --device cpu; what is "
            "done is kept"
        ) from error
    except (
        ArtifactError,
        CheckpointError,
        DeviceError,
        ContentsError,
        MethodError,
        PlanError,
        SelectionError,
    ) as error:
        raise PrecomputeError(str(error)) from error


def parse_shard(text: str) -> Shard:
    """Read "i/n". Raises PrecomputeError."""
    part, slash, parts = text.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise PrecomputeError(f"shard {text!r}: expected i/n, with i from 1 to n, for example 1/4")
    return int(part), int(parts)


def main(arguments: list[str] | None = None) -> int:
    """Precompute from a command line that needs no Flask."""
    parser = argparse.ArgumentParser(prog="python -m explainer.precompute")
    parser.add_argument("plan", type=Path)
    parser.add_argument("--store", type=Path, required=True, help="the artifacts' folder")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--only", help="one explanation's name")
    parser.add_argument("--shard", help="i/n: every n-th stimulus, from the i-th")
    parser.add_argument(
        "--costly", action="store_true", help="measure also what needs each explained anew"
    )
    parser.add_argument("--precision", default="float32", help="float32, tf32 or bfloat16")
    parser.add_argument("--dry-run", action="store_true", help="only say what there is to do")
    options = parser.parse_args(arguments)
    store = Store(options.store)
    try:
        plan = json.loads(options.plan.read_bytes())
    except (OSError, ValueError) as error:
        print(f"error: {options.plan}: no readable plan ({error})", file=sys.stderr)
        return 1
    try:
        shard = parse_shard(options.shard) if options.shard else None
        how: dict[str, Any] = {
            "device": options.device,
            "only": options.only,
            "shard": shard,
            "costly": options.costly,
            "precision": options.precision,
        }
        if options.dry_run:
            print(forecast(plan, store, **how))
            return 0
        with bar() as show:
            result = run(plan, store, progress=show, **how)
    except PrecomputeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(json.dumps(asdict(result), indent=2))
    return 0


@contextmanager
def bar() -> Iterator["Callable[[Progress], None]"]:
    """A bar on stderr, where somebody watches."""
    from tqdm import tqdm

    form = "{percentage:3.0f}%|{bar:12}| {desc}"
    with tqdm(bar_format=form, leave=False, disable=not sys.stderr.isatty()) as shown:

        def show(now: "Progress") -> None:
            shown.total = now.jobs[1]
            shown.n = now.jobs[0]
            shown.set_description_str(str(now), refresh=False)
            shown.refresh()

        yield show


if __name__ == "__main__":
    sys.exit(main())
