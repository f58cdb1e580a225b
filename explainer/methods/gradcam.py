"""Grad-CAM: where the feature maps of a layer that speak for an output are, by captum.

A map counts as much as its mean gradient; what is left is the positive part of their sum. In a
convolutional network the maps lie on a coarser grid, which is brought to the image's size
bilinearly. In an S4 classifier the maps are the channels that a block gives over time: a Grad-CAM
of one dimension. Behind its last block comes but a mean over time where it pools so, so there each
step has its own share, and the blocks' memory is why a step can speak of those before it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import Tensor, nn

from explainer.artifact import Stimulus
from explainer.methods import Attribution, MethodError
from explainer.methods.gradient import Asked, unmasked, with_gradients
from explainer.models.cnn import ReLUCNN
from explainer.models.sequence import SequenceClassifier
from explainer.subjects import Subject


@with_gradients
def grad_cam(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """Explain by a layer: "last", or a convolution or block by its number from 0.

    Source: Selvaraju et al. 2017, arXiv:1610.02391, eq. 1-2.
    """
    network = subject.network
    name, layer = _layer(network, parameters["layer"])
    asked = Asked(subject, stimulus)
    method = LayerGradCam(asked, layer)
    over_time = isinstance(network, SequenceClassifier)
    found = []
    for k in outputs:
        weighed = method.attribute(asked.x, target=k, attr_dim_summation=False).detach()
        # (H, 1, L) of a block, whose channels are first; (1, channels, height, width) of a grid.
        cam = weighed.sum(0 if over_time else 1).relu()
        if isinstance(network, ReLUCNN):
            size = (network.config.height, network.config.width)
            cam = LayerAttribution.interpolate(cam[None], size, "bilinear")[0]
        found.append(_in_true_order(subject, cam.flatten(), asked.x.shape[1]))
    return unmasked(asked, outputs, parameters, torch.stack(found, -1), f"Grad-CAM of {name}")


def _layer(network: nn.Module, which: str | float) -> tuple[str, nn.Module]:
    """A layer and its name. Raises MethodError where there is no such one."""
    if isinstance(network, ReLUCNN):
        modules = dict(network.named_modules())
        names = [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
        last = network.last_convolution
    elif isinstance(network, SequenceClassifier):
        modules = dict(network.named_modules())
        names = [f"backbone.blocks.{k}" for k in range(len(network.backbone.blocks))]
        last = names[-1]
    else:
        raise MethodError(
            "grad_cam needs the feature maps of a convolutional network or the blocks of an S4 "
            "classifier, and this network has neither: use integrated_gradients"
        )
    if which == "last":
        return last, modules[last]
    if int(which) >= len(names):
        raise MethodError(f"layer: there are {len(names)} ({', '.join(names)}), from 0")
    return names[int(which)], modules[names[int(which)]]


def _in_true_order(subject: Subject, cam: Tensor, elements: int) -> Tensor:
    """From steps in the order of reading to elements; what a text ends with is no element."""
    order = getattr(getattr(subject, "preprocessing", None), "pixel_order", None)
    if order is None:
        return cam[:elements]
    found = torch.empty_like(cam)
    found[torch.tensor(order, device=cam.device)] = cam
    return found
