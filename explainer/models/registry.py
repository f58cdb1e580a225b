"""Every architecture by the name that checkpoints give it."""

from importlib import import_module
from typing import Any

from torch import nn

ARCHITECTURES = {
    "attention-classifier": "attention.AttentionClassifier",
    "lstm-lm": "lstm.LSTMLanguageModel",
    "relu-cnn": "cnn.ReLUCNN",
    "s4-classifier": "sequence.SequenceClassifier",
    "s4-lm": "lm.S4LanguageModel",
    "senn": "senn.SENN",
    "spacetime": "spacetime.SpaceTime",
    "transformer-lm": "transformer.TransformerLanguageModel",
}


def network_type(name: str) -> Any:
    """Return the class of networks of this name. Raises KeyError."""
    module, _, kind = ARCHITECTURES[name].partition(".")
    return getattr(import_module(f"explainer.models.{module}"), kind)


def definition(network: nn.Module) -> dict[str, Any]:
    """Return an architecture as JSON: its name and its configuration."""
    return {"name": network.architecture, **network.config.to_json()}  # type: ignore[union-attr, operator]
