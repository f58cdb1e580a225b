"""One explanation to make, from its job to its artifact."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Job, Run
from explainer.attribution import play, to_artifact
from explainer.machine import versions
from explainer.methods import Attribution, MethodError, Of
from explainer.plan import Plan, Recipe
from explainer.prepared import Prepared
from explainer.progress import Meter
from explainer.selection import donors
from explainer.shapley.game import Play
from explainer.subjects import Subject

Name = tuple[str, str, int]


@dataclass(frozen=True)
class Piece:
    """One explanation to make: a recipe for a row; a control is made `of` another recipe.

    source: the row whose explanation by that recipe it takes.
    """

    prepared: Prepared
    recipe: Recipe
    row: int
    source: int
    of: Recipe | None

    @property
    def name(self) -> Name:
        """Set, recipe and row."""
        return self.prepared.name, self.recipe.name, self.row

    @property
    def made_of(self) -> Name | None:
        """The piece whose values a control takes."""
        return None if self.of is None else (self.prepared.name, self.of.name, self.source)

    @property
    def asks(self) -> bool:
        """Whether a model is asked for it."""
        return self.recipe.method.asks

    def job(self, done: Mapping[Name, str]) -> Job:
        """What identifies it. done: digests of earlier pieces."""
        method, kind = self.recipe.method, self.prepared.subject.artifact_kind
        parameters = method.settled(self.recipe.parameters, kind)
        if self.made_of is not None:
            parameters["of"] = done[self.made_of]
        elif self.prepared.background is not None:
            parameters["background"] = self.prepared.background
        return Job(
            stimulus_digest=self.prepared.digest(self.row),
            checkpoint_digest=self.prepared.subject.digest,
            method=method.name,
            parameters=parameters,
            seed=self.recipe.seed,
        )

    def carry_out(self, job: Job, meter: Meter, done: Mapping[Name, str]) -> Play[str]:
        """Explain and store; return the digest. Raises MethodError naming the stimulus."""
        with self.named():
            if self.asks:
                explanation, run = yield from self._explained(job, meter)
            else:
                explanation, run = self._control(job, done)
        self.prepared.store.write(self.prepared.stimulus(self.row))
        return self.prepared.store.write_result(explanation, run)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say in a MethodError what was being explained."""
        try:
            yield
        except MethodError as error:
            raise MethodError(
                f"explanation {self.recipe.name} of stimulus {self.prepared.digest(self.row)} "
                f"(row {self.row} of {self.prepared.name}): {error}"
            ) from error

    def explain(self, meter: Meter) -> Play[tuple[Attribution, float]]:
        """Find the attribution, and what it took of the run's seconds."""
        recipe = self.of or self.recipe
        stimulus = self.prepared.stimulus(self.row)
        parameters = dict(recipe.parameters)
        outputs = self.prepared.subject.explained(stimulus, parameters.pop("output"))
        explained = play(
            recipe.method,
            self._subject(),
            stimulus,
            outputs=outputs,
            parameters=parameters,
            seed=recipe.seed,
        )
        return (yield from meter.watch(explained))

    def _explained(self, job: Job, meter: Meter) -> Play[tuple[Explanation, Run]]:
        found, seconds = yield from self.explain(meter)
        for array in (found.values, found.base_values, found.full_values, found.standard_errors):
            if array is not None and not np.isfinite(array).all():
                raise MethodError("what the method gives is NaN or infinite")
        subject, stimulus = self.prepared.subject, self.prepared.stimulus(self.row)
        output = (self.of or self.recipe).parameters["output"]
        names = [subject.outputs(stimulus)[k] for k in subject.explained(stimulus, output)]
        explanation = to_artifact(job, stimulus.kind, found, names)
        if self.of is not None:
            explanation = replace(explanation, completeness_gap=None)
        run = self._run(seconds, found.evaluations)
        return explanation, replace(run, details=dict(found.details))

    def _subject(self) -> Subject:
        if self.of is None:
            return self.prepared.subject
        return self.prepared.changed(self.recipe.method.function, self.recipe.seed)

    def _control(self, job: Job, done: Mapping[Name, str]) -> tuple[Explanation, Run]:
        started = time.perf_counter()
        read = self.prepared.store.read_explanation
        found: Explanation = self.recipe.method.function(read(job.parameters["of"]), job)
        if self.of is not None and self.source != self.row:
            found = onto(found, read(done[self.prepared.name, self.of.name, self.row]))
        return found, self._run(time.perf_counter() - started, 0)

    def _run(self, seconds: float, evaluations: int) -> Run:
        return Run(
            seconds=round(seconds, 3),
            evaluations=evaluations,
            device=self.prepared.subject.device.type,
            versions=versions("numpy", "shap", "torch"),
        )


def onto(found: Explanation, own: Explanation) -> Explanation:
    """Another stimulus's values on this one's players, each where it lies along the whole.

    Images and series have the same players; texts have as many as they have words. What a model
    wrote has as many outputs as tokens, and their sum, which stays the last.
    """
    if found.players == own.players and found.outputs == own.outputs:
        return found
    rows = _along(len(found.players), len(own.players))
    there, here = len(found.outputs), len(own.outputs)
    columns = (
        np.append(_along(there - 1, here - 1), there - 1) if there != here else np.arange(here)
    )
    errors = found.standard_errors
    return replace(
        found,
        players=own.players,
        outputs=own.outputs,
        values=found.values[rows][:, columns],
        base_values=found.base_values[columns],
        full_values=found.full_values[columns],
        standard_errors=None if errors is None else errors[rows][:, columns],
    )


def _along(there: int, here: int) -> NDArray[np.intp]:
    """For each of `here` equal parts of a whole, which of `there` its middle lies in."""
    return (2 * np.arange(here) + 1) * there // (2 * max(1, here))


def pieces(prepared: Prepared, plan: Plan, rows: Collection[int]) -> list[Piece]:
    """Everything a plan asks of selected rows of a set, each after what it is made from.

    Raises MethodError, before any work, for a method that does not suit the set.
    """
    recipes = {recipe.name: recipe for recipe in plan.recipes}
    chosen = [row for row in prepared.selected if row in rows]
    borrowed = {
        recipe.name: donors(prepared.classes, prepared.selected, recipe.seed)
        for recipe in plan.recipes
        if recipe.method.of is Of.ANOTHER
    }
    found = []
    for recipe in plan.recipes:
        sources = borrowed.get(recipe.name, {})
        needed = list(chosen)
        for control in plan.recipes:
            if control.of == recipe.name and control.name in borrowed:
                needed += [borrowed[control.name][row] for row in chosen]
        needed = list(dict.fromkeys(needed))
        of = None if recipe.of is None else recipes[recipe.of]
        if of is None:
            _expect_suits(recipe, prepared, needed)
        found += [Piece(prepared, recipe, row, sources.get(row, row), of) for row in needed]
    return found


def _expect_suits(recipe: Recipe, prepared: Prepared, rows: Collection[int]) -> None:
    """Raise MethodError naming the first thing that a recipe asks for and a set cannot give."""
    subject, method, given = prepared.subject, recipe.method, recipe.parameters
    path = f"explanations.{recipe.name}"
    if subject.kind not in method.kinds:
        raise MethodError(
            f"{path}.method: {method.name} does not apply to a {subject.kind} ({prepared.name}); "
            f"it applies to: {', '.join(method.kinds)}"
        )
    groups = {"group": given.get("players", "default"), "size": int(given.get("size", 1))}
    # A text's number of players is its own; any other set has one. How many of them a mask leaves
    # idle is each stimulus's own.
    each_differs = subject.artifact_kind == "text" or method.most is not None
    for row in rows if each_differs else list(rows)[:1]:
        stimulus = prepared.stimulus(row)
        where = f"row {row} of {prepared.name}"
        try:
            players = len(subject.players(stimulus, **groups))
            if "mask" in given:
                subject.mask(stimulus, given["mask"], recipe.seed)
            if method.most is not None:
                _begin(recipe, prepared, row)
        except MethodError as error:
            raise MethodError(f"{path}.parameters: {error} ({where})") from error
        if (too_few := method.too_few(given, players)) is not None:
            raise MethodError(f"{path}.parameters.evaluations: {too_few} ({where})")


def _begin(recipe: Recipe, prepared: Prepared, row: int) -> None:
    """Let a method refuse before it asks a model anything. Raises MethodError."""
    subject, stimulus = prepared.subject, prepared.stimulus(row)
    parameters = dict(recipe.parameters)
    outputs = subject.explained(stimulus, parameters.pop("output"))
    begun = play(
        recipe.method, subject, stimulus, outputs=outputs, parameters=parameters, seed=recipe.seed
    )
    next(begun, None)
    begun.close()
