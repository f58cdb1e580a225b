"""A subject whose network never learnt anything: what an explanation shows without a model."""

import copy

import torch
from torch import nn

from explainer.artifact import canonical_json, sha256
from explainer.methods import MethodError
from explainer.subjects import Subject


def randomised(subject: Subject, seed: int) -> Subject:
    """The same subject with all weights drawn anew, as before training, by a seed.

    An explanation that stays the same says nothing of what the model learnt. The subject that is
    given stays as it was; the digest of what comes names no checkpoint. Raises MethodError naming a
    part of the network whose weights cannot be drawn.
    Source: Adebayo et al. 2018, arXiv:1810.03292 (all layers at once).
    """
    found = copy.deepcopy(subject)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        redraw(found.network)
    found.digest = sha256(canonical_json({"randomised": subject.digest, "seed": seed}))
    return found


def redraw(network: nn.Module) -> None:
    """Draw the weights of a network by torch's generator, in place.

    A part with a configuration, as all of ours and of transformers have, is built again from it;
    others reset themselves, or their parts do.
    """
    config = getattr(network, "config", None)
    reset = getattr(network, "reset_parameters", None)
    if config is not None:
        network.load_state_dict(type(network)(config).state_dict())
    elif reset is not None:
        reset()
    elif next(network.parameters(recurse=False), None) is not None:
        raise MethodError(
            f"the weights of a {type(network).__name__} cannot be drawn anew: it has neither a "
            "configuration nor reset_parameters"
        )
    else:
        for part in network.children():
            redraw(part)
