"""What a self-explaining network itself says: its concepts, and what each counts."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explainer.artifact import Stimulus
from explainer.methods import Attribution, MethodError
from explainer.methods.gradient import to_numpy
from explainer.models.image import ImageClassifier
from explainer.models.senn import SENN
from explainer.subjects import Subject

PROTOTYPES = "prototypes.npz"
SHOWN = 4  # of each concept's prototypes


@torch.no_grad()
def senn_concepts(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """Give each concept its relevance times its presence; from 0 they add up to the logit.

    Its players are concepts, which lie nowhere in the image, so none has a pixel: they are told
    apart by their order, that of prototypes.npz beside the checkpoint, whose digest covers that
    file. details: concepts (K,), how far each is present; relevances (outputs, K); prototypes, with
    the first few pictures of each where they are at hand (`packed`).
    Raises MethodError for another network.
    """
    network, model = subject.network, getattr(subject, "model", None)
    if not isinstance(network, SENN) or not isinstance(model, ImageClassifier):
        raise MethodError(
            "senn_concepts are what a self-explaining network (senn) says of itself, and this is "
            "another: use integrated_gradients, or a checkpoint of flask train senn"
        )
    x = model.preprocessing(stimulus.content[None], next(network.parameters()))
    logits, h, theta = network.explain(x)
    columns = list(outputs)
    relevances, concepts = to_numpy(theta[0, columns]), to_numpy(h[0])
    return Attribution(
        players=((),) * len(concepts),
        values=(relevances * concepts).T,
        base_values=to_numpy(torch.zeros_like(logits[0, columns])),
        full_values=to_numpy(logits[0, columns]),
        value_function="logit; relevance x concept, nothing masked",
        evaluations=1,
        details={
            "concepts": concepts.tolist(),
            "relevances": relevances.tolist(),
            "prototypes": {
                "file": PROTOTYPES,
                "checkpoint_digest": subject.digest,
                **packed(getattr(subject, "prototypes", None)),
            },
        },
    )


def packed(images: NDArray[np.uint8] | None) -> dict[str, Any]:
    """Pictures (concepts, n, height, width[, 3]) as JSON: `shape`, and `zlib` in base64 of uint8.

    Only the first SHOWN of each concept are kept; nothing where there are none.
    """
    if images is None:
        return {}
    kept = np.ascontiguousarray(images[:, :SHOWN], np.uint8)
    data = base64.b64encode(zlib.compress(kept.tobytes(), 9)).decode()
    return {"shape": list(kept.shape), "zlib": data}
