"""Images that are classified: players are pixels, patches, or runs in the order of reading."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from explainer.artifact import Stimulus
from explainer.methods import MethodError
from explainer.models.image import ImageClassifier, predict
from explainer.models.rows import filled
from explainer.models.shared import logits, reads_forward
from explainer.shapley.game import Inputs
from explainer.shapley.trees import Linkage, image_tree, line_tree
from explainer.subjects import Mask, Players
from explainer.subjects.classified import ClassifierSubject

# Coalitions read together. Measured on 2 cores: a network that reads them whole takes longer for
# each beyond 64; one that shares their beginnings shares more of them in more.
BATCH, SHARED_BATCH = 64, 256
BLUR = 5  # pixels on a side
REPEATS = 16  # images that a background mask draws


class ImageScorer:
    """Log-probabilities (n, labels) of images (n, *shape) in [0, 1].

    A network that reads forward reads what several images begin with once.
    """

    def __init__(self, model: ImageClassifier) -> None:
        """Take a model."""
        self.model = model
        self.batch = SHARED_BATCH if reads_forward(model.network) else BATCH

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score."""
        network = self.model.network
        if not reads_forward(network):
            return self._whole(inputs[0])
        x = self.model.preprocessing(inputs[0], network.decoder.weight)
        return torch.log_softmax(logits(network, x), -1)

    def join(self, parts: Sequence[Inputs]) -> Inputs:
        """Put rows together."""
        return (torch.cat([part[0] for part in parts]),)

    def _whole(self, images: Tensor) -> Tensor:
        if images.device.type != "cpu":
            return self.model.log_probabilities(images)
        full = filled(len(images), next(self.model.parameters()).dtype)
        return self.model.log_probabilities(images[full])[: len(images)]


class ImageSubject(ClassifierSubject):
    """A classifier of images; its outputs are the log-probabilities of its labels.

    background: images uint8 (n, *shape) that `background` masks draw from. prototypes: images
    uint8 (concepts, n, *shape) that stand for the concepts of a network that has some.
    """

    kind: ClassVar[str] = "image"
    artifact_kind: ClassVar[str] = "image"
    masks: ClassVar[tuple[str, ...]] = ("mean", "zero", "blur", "background")
    groups: ClassVar[tuple[str, ...]] = ("each", "patches", "runs")

    def __init__(
        self,
        model: ImageClassifier,
        digest: str,
        background: NDArray[np.uint8] | None = None,
        prototypes: NDArray[np.uint8] | None = None,
    ) -> None:
        """Join a model in eval mode and its checkpoint's digest."""
        self.prototypes = prototypes
        self.model, self.labels = model, model.labels
        self.digest, self.background = digest, background
        self.network: nn.Module = model.network
        self.preprocessing = model.preprocessing
        self.scorer = ImageScorer(model)

    def stimulus(
        self,
        content: NDArray[np.uint8],
        truth: str | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> Stimulus:
        """Classify an image."""
        return self.stimuli([content], [truth], [source or {}])[0]

    def stimuli(
        self,
        contents: Sequence[NDArray[np.uint8]],
        truths: Sequence[str | None],
        sources: Sequence[Mapping[str, Any]],
    ) -> list[Stimulus]:
        """Classify images (n, *shape) in batches."""
        found = predict(self.model, np.asarray(contents))
        return self.classified(contents, truths, sources, found)

    def players(self, stimulus: Stimulus, group: str = "default", size: int = 1) -> Players:
        """Group pixels: each; square patches; or runs of `size` that the model reads in a row."""
        height, width = self.preprocessing.height, self.preprocessing.width
        pixels = torch.arange(height * width)
        if group in ("default", "each") or (size == 1 and group in self.groups):
            return _players(pixels, image_tree(height, width))
        if group == "patches":
            rows, columns = pixels // width // size, pixels % width // size
            across = -(-width // size)
            return _players(rows * across + columns, image_tree(-(-height // size), across))
        if group == "runs":
            member = torch.empty_like(pixels)
            order = self.preprocessing.pixel_order
            member[pixels if order is None else torch.tensor(order)] = pixels // size
            return _players(member, line_tree(int(member.max()) + 1))
        raise MethodError(f"an image has no players {group!r}; there are {', '.join(self.groups)}")

    def mask(self, stimulus: Stimulus, mask: str | float = "default", seed: int = 0) -> Mask:
        """Prepare: the training mean, zero or another constant, the blurred image, or others."""
        image = self._pixels(stimulus)
        if mask == "background":
            return self._resampled(image, seed)
        if mask == "blur":
            rest, name = blurred(image), f"masked pixels blurred ({BLUR} x {BLUR})"
        else:
            value, name = self._constant(mask)
            rest = value.expand_as(image).to(image)
        return Mask(
            f"log-probability; {name}",
            lambda playing: (_choose(playing, image, rest),),
            1,
            self._same(image, rest),
        )

    def embed(self, stimulus: Stimulus) -> Tensor:
        """Return the normalised pixels in true order, (height * width, channels)."""
        return self._normalised(self._pixels(stimulus))

    def embedded_baseline(self, stimulus: Stimulus, mask: str | float) -> Tensor:
        """Return the masked image, normalised."""
        image = self._pixels(stimulus)
        if mask == "background":
            raise MethodError("a background of many images is no one baseline; mask by mean, zero")
        rest = blurred(image) if mask == "blur" else self._constant(mask)[0].expand_as(image)
        return self._normalised(rest.to(image))

    def score_embedded(self, x: Tensor, stimulus: Stimulus) -> Tensor:
        """Log-probabilities (n, labels) of normalised pixels (n, height * width, channels)."""
        order = self.preprocessing.pixel_order
        read = x if order is None else x[:, torch.tensor(order, device=x.device)]
        return torch.log_softmax(self.network(read), -1)

    def _pixels(self, stimulus: Stimulus) -> Tensor:
        weight = next(self.network.parameters())
        return torch.from_numpy(stimulus.content.astype(np.float64) / 255).to(weight)

    def _normalised(self, image: Tensor) -> Tensor:
        x = image.reshape(-1, len(self.preprocessing.mean))
        return (x - x.new_tensor(self.preprocessing.mean)) / x.new_tensor(self.preprocessing.std)

    def _constant(self, mask: str | float) -> tuple[Tensor, str]:
        """The value of a masked pixel by channel, and how to say it."""
        channels = len(self.preprocessing.mean)
        if mask in ("default", "mean"):
            values, note = self.preprocessing.mean, " (training mean)"
        elif mask == "zero" or not isinstance(mask, str):
            values, note = (0.0 if mask == "zero" else float(mask),) * channels, ""
        else:
            raise MethodError(f"an image has no mask {mask!r}; there are {', '.join(self.masks)}")
        said = ", ".join(f"{value:g}" for value in values)
        found = torch.tensor(values, dtype=torch.float64)
        return found if channels > 1 else found[0], f"masked pixels set to {said}{note}"

    def _resampled(self, image: Tensor, seed: int) -> Mask:
        if self.background is None:
            raise MethodError("no background images are at hand: mask by mean, zero or blur")
        rows = np.random.default_rng([seed, 3]).permutation(len(self.background))[:REPEATS]
        others = torch.from_numpy(self.background[rows].astype(np.float64) / 255).to(image)

        def fill(playing: Tensor) -> Inputs:
            shown = _choose(playing.unsqueeze(1), image, others)
            return (shown.flatten(0, 1),)

        same = torch.stack([self._same(image, other) for other in others]).all(0)
        name = f"log-probability; masked pixels as in {len(rows)} other images (seed {seed}), mean"
        return Mask(name, fill, len(rows), same)

    def _same(self, image: Tensor, rest: Tensor) -> Tensor:
        channels = len(self.preprocessing.mean)
        return (image == rest).reshape(-1, channels).all(-1).cpu()


def blurred(image: Tensor) -> Tensor:
    """The mean over BLUR x BLUR pixels, the border mirrored without its edge, as OpenCV's blur."""
    pixels = image.unsqueeze(0) if image.ndim == 2 else image.permute(2, 0, 1)
    half = BLUR // 2
    padded = nn.functional.pad(pixels.unsqueeze(0), (half,) * 4, mode="reflect")
    mean = nn.functional.avg_pool2d(padded, BLUR, stride=1)[0]
    return mean[0] if image.ndim == 2 else mean.permute(1, 2, 0)


def _choose(playing: Tensor, image: Tensor, rest: Tensor) -> Tensor:
    """Pixels (..., *shape) of `image` where they play (..., elements), of `rest` elsewhere."""
    shape = playing.shape[:-1] + image.shape[:2] + (1,) * (image.ndim - 2)
    return torch.where(playing.reshape(shape), image, rest)


def _players(member: Tensor, tree: Linkage) -> Players:
    count = int(member.max()) + 1
    spans: list[list[int]] = [[] for _ in range(count)]
    for pixel, player in enumerate(member.tolist()):
        spans[player].append(pixel)
    return Players(member, tuple(map(tuple, spans)), tree)
