"""One call from a subject and a stimulus to an explanation that every plot of shap draws."""

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Explanation, Job, Stimulus
from explainer.attribution import play, to_artifact
from explainer.encoding import canonical_json, sha256
from explainer.methods import MethodError
from explainer.methods.catalogue import method as find
from explainer.plan import FLOAT32
from explainer.shapley.game import drive
from explainer.subjects import Subject

# shap compiles helpers by numba at every start, for seconds, which its plots do without.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

with warnings.catch_warnings():
    # shap 0.51 imports its plots, which use what newer matplotlib deprecates.
    warnings.simplefilter("ignore")
    import shap


def explain(
    subject: Subject,
    stimulus: Stimulus,
    method: str,
    *,
    output: str = "predicted",
    seed: int = 0,
    precision: str = FLOAT32,
    **parameters: Any,
) -> shap.Explanation:
    """Explain what a subject says of a stimulus, by a method of the catalogue.

    output: "predicted" or "all". precision: float32, tf32 or bfloat16, in which the model reads
    masked inputs. parameters: the method's. What comes is shap's, and its `artifact` is ours, which
    Store.write takes. Raises MethodError where the method does not apply, a parameter is wrong, or
    the device has no such precision.
    """
    chosen = find(method)
    if chosen.control:
        raise MethodError(f"{method} is a control: make it from an explanation, by a study's `of`")
    complete = chosen.complete(parameters)
    if precision != FLOAT32:
        complete["precision"] = precision
    outputs = subject.explained(stimulus, output)
    found = drive(play(chosen, subject, stimulus, outputs=outputs, parameters=complete, seed=seed))
    job = Job(
        stimulus_digest=sha256(canonical_json(stimulus.to_json())),
        checkpoint_digest=subject.digest,
        method=method,
        parameters={**complete, "output": output},
        seed=seed,
    )
    names = [subject.outputs(stimulus)[k] for k in outputs]
    return to_shap(to_artifact(job, stimulus.kind, found, names), stimulus)


def to_shap(explanation: Explanation, stimulus: Stimulus) -> shap.Explanation:
    """Hand an artifact to shap, one row; its axis of outputs is there only where it has several.

    An image's values are spread over its pixels, (1, height, width, channels, outputs), as shap's
    image plot wants them, a player's shared equally by its pixels; those of a text or series stay
    with their players, (1, players, outputs), whose data are the words, or the means of a segment.
    """
    several = len(explanation.outputs) > 1
    values, base = explanation.values.astype(np.float64), explanation.base_values.astype(np.float64)
    if stimulus.kind == "image":
        data, values = _image(explanation, stimulus, values)
        names = None
    else:
        data, names = _spans(explanation, stimulus)
    found = shap.Explanation(
        values=values[None] if several else values[None, ..., 0],
        base_values=base[None] if several else base,
        data=data[None],
        feature_names=names,
        output_names=list(explanation.outputs),
    )
    found.artifact = explanation
    return found


def _image(
    explanation: Explanation, stimulus: Stimulus, values: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    height, width = stimulus.content.shape[:2]
    channels = stimulus.content.size // (height * width)
    pixels = np.zeros((height * width, values.shape[1]))
    for player, value in zip(explanation.players, values, strict=True):
        pixels[list(player)] += value / max(1, len(player))
    spread = np.repeat(pixels[:, None] / channels, channels, 1)
    shape = (height, width, channels)
    return stimulus.content.reshape(shape) / 255, spread.reshape(*shape, -1)


def _spans(explanation: Explanation, stimulus: Stimulus) -> tuple[NDArray[Any], list[str]]:
    """What each player is, and its name."""
    if stimulus.kind == "text":
        text = stimulus.text
        words = [text[start:end] for start, end in explanation.players]
        return np.array(words, dtype=object), words
    means = [float(stimulus.content[start:end].mean()) for start, end in explanation.players]
    names = [f"steps {start} to {end - 1}" for start, end in explanation.players]
    return np.array(means), names
