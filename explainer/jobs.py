"""A stimulus set ready to be explained, and the jobs on it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Job, Run, Stimulus, Store
from explainer.data.images import Images, ImagesError, read_images
from explainer.methods import Attribution, MethodError
from explainer.plan import Plan, Recipe, StimulusSet
from explainer.selection import donors, select

# Below what float32 arithmetic is sure of, so that a digest does not hang on a machine's last bit.
LOG_PROBABILITY_DECIMALS = 5
ATTRIBUTION_DECIMALS = 6


class Prepared:
    """A stimulus set with its model and data loaded and its stimuli chosen."""

    def __init__(self, stimuli: StimulusSet, store: Store, device: str) -> None:
        """Load, check, ask the model for every row, select.

        Raises CheckpointError, ImagesError, SelectionError.
        """
        from explainer.machine import keep_memory, pick
        from explainer.models import checkpoint
        from explainer.models.config import ConfigError
        from explainer.models.image import ImageClassifier, predict

        keep_memory()
        path = stimuli.checkpoint.path
        network, card = checkpoint.load(path, sha256=stimuli.checkpoint.sha256)
        self.name = stimuli.name
        self.store = store
        self.device = pick(device)
        try:
            self.model = ImageClassifier.of(network, card).to(self.device)
        except ConfigError as error:
            raise checkpoint.CheckpointError(
                f"{path}: {error}; name a checkpoint that classifies images"
            ) from error
        self.checkpoint_digest: str = card["weights_sha256"]
        self.data_digest = stimuli.data.sha256
        self.data: Images = read_images(stimuli.data.path, stimuli.data.sha256)
        shape = self.model.preprocessing.shape
        if self.data.images.shape[1:] != shape:
            raise ImagesError(
                f"{stimuli.data.path}: images are {self.data.images.shape[1:]}, but the checkpoint "
                f"reads {shape}: name data that fits it"
            )
        if self.data.labels.max(initial=0) >= len(self.model.labels):
            raise ImagesError(
                f"{stimuli.data.path}: a label is {self.data.labels.max()}, but the checkpoint has "
                f"{len(self.model.labels)} classes: name data that fits it"
            )
        self.players = self.model.preprocessing.height * self.model.preprocessing.width
        self.log_probabilities = round_off(
            predict(self.model, self.data.images), LOG_PROBABILITY_DECIMALS
        )
        for row in np.flatnonzero(~np.isfinite(self.log_probabilities).all(-1)):
            raise ImagesError(
                f"{stimuli.data.path}: the model's output for row {row} is NaN or infinite: train "
                "another checkpoint, or leave the image out"
            )
        self.predicted = self.log_probabilities.argmax(-1)
        self.selected = select(
            self.data.labels, self.predicted, stimuli.right, stimuli.wrong, stimuli.seed
        )
        self._digests: dict[int, str] = {}

    def digest(self, row: int) -> str:
        """The digest of a row's stimulus, which is in the store from then on."""
        if row not in self._digests:
            self._digests[row] = self.store.write(self._stimulus(row))
        return self._digests[row]

    def _stimulus(self, row: int) -> Stimulus:
        return Stimulus(
            kind="image",
            content=self.data.images[row],
            truth=self.model.labels[int(self.data.labels[row])],
            labels=self.model.labels,
            log_probabilities=self.log_probabilities[row],
            checkpoint_digest=self.checkpoint_digest,
            source={
                "data_sha256": self.data_digest,
                "index": row,
                "test_index": int(self.data.indices[row]),
            },
        )


@dataclass(frozen=True)
class Piece:
    """One explanation to make: a recipe for a row; a control takes its values from `source`."""

    prepared: Prepared
    recipe: Recipe
    row: int
    source: int

    def job(self, done: Mapping[tuple[str, str, int], str]) -> Job:
        """What identifies it. done: digests of earlier pieces by set, recipe and row."""
        parameters = dict(self.recipe.parameters)
        if self.recipe.of is not None:
            parameters["of"] = done[self.prepared.name, self.recipe.of, self.source]
        return Job(
            stimulus_digest=self.prepared.digest(self.row),
            checkpoint_digest=self.prepared.checkpoint_digest,
            method=self.recipe.method.name,
            parameters=parameters,
            seed=self.recipe.seed,
        )

    def carry_out(self, job: Job) -> str:
        """Compute and store; return the digest. Raises MethodError naming the stimulus."""
        from explainer.machine import versions

        started = time.perf_counter()
        evaluations = 0
        if self.recipe.of is None:
            found = self._attribute()
            evaluations = found.evaluations
            explanation = _explanation(job, found, self._labels())
        else:
            source = self.prepared.store.read_explanation(job.parameters["of"])
            explanation = self.recipe.method.function(source, job)
        gap = explanation.completeness_gap
        run = Run(
            seconds=round(time.perf_counter() - started, 3),
            evaluations=evaluations,
            device=self.prepared.device,
            versions=versions("numpy", "shap", "torch"),
            metrics={} if gap is None else {"completeness_gap": gap},
        )
        return self.prepared.store.write_result(explanation, run)

    def _attribute(self) -> Attribution:
        try:
            found: Attribution = self.recipe.method.function(
                self.prepared.model,
                self.prepared.data.images[self.row],
                self._outputs(),
                self.recipe.parameters,
                self.recipe.seed,
            )
        except MethodError as error:
            raise MethodError(
                f"explanation {self.recipe.name} of stimulus {self.prepared.digest(self.row)} "
                f"(row {self.row} of {self.prepared.name}): {error}"
            ) from error
        return found

    def _outputs(self) -> list[int]:
        if self.recipe.parameters["output"] == "all":
            return list(range(len(self.prepared.model.labels)))
        return [int(self.prepared.predicted[self.row])]

    def _labels(self) -> tuple[str, ...]:
        return tuple(self.prepared.model.labels[output] for output in self._outputs())


def pieces(prepared: Prepared, plan: Plan) -> list[Piece]:
    """Everything a plan asks of one stimulus set, each after what it is made from.

    Raises MethodError where a method's evaluations are too few for this set's images.
    """
    for recipe in plan.recipes:
        least = recipe.method.least(prepared.players)
        if recipe.parameters.get("evaluations", least) < least:
            raise MethodError(
                f"explanations.{recipe.name}.parameters.evaluations: {recipe.method.name} needs at "
                f"least {least} for the {prepared.players} pixels of {prepared.name}: raise it, or "
                "use partition"
            )
    borrowed = {
        recipe.name: donors(prepared.predicted, prepared.selected, recipe.seed)
        for recipe in plan.recipes
        if recipe.method.name == "mismatched"
    }
    found = []
    for recipe in plan.recipes:
        sources = borrowed.get(recipe.name, {})
        rows = list(prepared.selected)
        for control in plan.recipes:
            if control.of == recipe.name:
                rows += [row for row in borrowed.get(control.name, {}).values() if row not in rows]
        found += [Piece(prepared, recipe, row, sources.get(row, row)) for row in rows]
    return found


def round_off(array: NDArray[np.floating], decimals: int) -> NDArray[np.float32]:
    """Round in float64; return float32, without negative zeros."""
    return (np.round(array.astype(np.float64), decimals) + 0.0).astype(np.float32)


def _explanation(job: Job, found: Attribution, labels: tuple[str, ...]) -> Explanation:
    values, base, full = (
        round_off(array, ATTRIBUTION_DECIMALS)
        for array in (found.values, found.base_values, found.full_values)
    )
    sums = base.astype(np.float64) + values.sum(0, dtype=np.float64)
    return Explanation(
        job=job,
        kind="image",
        players=found.players,
        outputs=labels,
        value_function=found.value_function,
        values=values,
        base_values=base,
        full_values=full,
        standard_errors=None,
        completeness_gap=float(round(np.abs(sums - full).max(), ATTRIBUTION_DECIMALS)),
    )
