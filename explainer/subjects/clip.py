"""Images and texts: what in an image makes it like a text."""

from dataclasses import replace
from typing import ClassVar

from torch import Tensor

from explainer.artifact import Stimulus
from explainer.models.clip import Clip
from explainer.shapley.game import Inputs
from explainer.subjects import Mask, Players
from explainer.subjects.image import ImageScorer, ImageSubject

BATCH = 32


class ClipScorer(ImageScorer):
    """Cosine similarities (n, texts) of images (n, side, side, 3) in [0, 1]."""

    def __init__(self, model: Clip) -> None:
        """Take a model."""
        super().__init__(model)
        self.clip, self.batch = model, BATCH

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score."""
        network = self.clip.network
        return network.similarity(self.clip.preprocessing(inputs[0], network.texts))


class ClipSubject(ImageSubject):
    """CLIP with some texts; its outputs are the cosine similarities of an image with each.

    A stimulus is an image as `Clip.prepare` gives it; its labels are the texts, and its
    log-probabilities CLIP's zero-shot choice between them. Players are CLIP's own patches unless
    others are asked for.
    """

    groups: ClassVar[tuple[str, ...]] = ("patches", "each", "runs")

    def __init__(self, model: Clip) -> None:
        """Take a model in eval mode."""
        super().__init__(model, model.digest)
        self.scorer = ClipScorer(model)
        self.clip = model

    def players(self, stimulus: Stimulus, group: str = "default", size: int = 1) -> Players:
        """Group pixels; by default into the patches that the network reads."""
        if group == "default":
            return super().players(stimulus, "patches", self.clip.network.patch)
        return super().players(stimulus, group, size)

    def mask(self, stimulus: Stimulus, mask: str | float = "default", seed: int = 0) -> Mask:
        """Prepare a mask as of any image, for similarities."""
        found = super().mask(stimulus, mask, seed)
        _, _, masked = found.name.partition("; ")
        return replace(found, name=f"cosine similarity of image and text; {masked}")

    def score_embedded(self, x: Tensor, stimulus: Stimulus) -> Tensor:
        """Similarities (n, texts) of normalised pixels (n, side * side, 3)."""
        return self.clip.network.similarity(x)
