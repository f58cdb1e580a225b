"""CLIP: how alike images and texts are, read through `transformers` (an extra) from a local folder.

A folder has config.json, safetensors, tokenizer.json and preprocessor_config.json, as
`save_pretrained` of model and processor write them. Nothing is fetched, no pickle is read, and no
code from the folder runs.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor, nn

from explainer.artifact import sha256
from explainer.models.checkpoint import CheckpointError
from explainer.models.image import ImageClassifier, Preprocessing


class ImageText(nn.Module):
    """A CLIP model and K texts: reads normalised pixels as a sequence, like our own networks.

    clip: CLIPModel of transformers. tokens: of each text, int64 (length,), with start and end.
    """

    texts: Tensor

    def __init__(self, clip: Any, tokens: Sequence[Tensor]) -> None:
        """Embed the texts once."""
        super().__init__()
        self.clip = clip
        self.side = int(clip.config.vision_config.image_size)
        self.patch = int(clip.config.vision_config.patch_size)
        self.tokens = tuple(tokens)
        self.register_buffer("texts", self._embedded_texts())

    def similarity(self, x: Tensor) -> Tensor:
        """Normalised pixels (batch, side * side, 3) -> cosine with each text (batch, K)."""
        pixels = x.view(len(x), self.side, self.side, 3).permute(0, 3, 1, 2)
        seen = self.clip.vision_model(pixel_values=pixels).pooler_output
        found: Tensor = _unit(self.clip.visual_projection(seen)) @ self.texts.T
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Normalised pixels (batch, side * side, 3) -> scaled similarities, CLIP's logits."""
        logits: Tensor = self.clip.logit_scale.exp() * self.similarity(x)
        return logits

    def reset_parameters(self) -> None:
        """Draw all weights anew, as before training, and embed the texts with them."""
        fresh = type(self.clip)(self.clip.config)
        self.clip.load_state_dict(fresh.state_dict())
        self.texts.copy_(self._embedded_texts())

    def _embedded_texts(self) -> Tensor:
        device = next(self.clip.parameters()).device
        with torch.no_grad():
            rows = [
                self.clip.text_projection(
                    self.clip.text_model(input_ids=each[None].to(device)).pooler_output
                )
                for each in self.tokens
            ]
        return _unit(torch.cat(rows))


class Clip(ImageClassifier):
    """A zero-shot classifier: its labels are texts, its logits how like an image each is."""

    network: ImageText
    digest: str

    @classmethod
    def from_folder(cls, folder: Path, texts: Sequence[str]) -> Self:
        """Read a folder, in evaluation mode with frozen weights. Raises CheckpointError.

        The digest covers the files that define the function; the texts are labels.
        """
        if not texts:
            raise CheckpointError(f"{folder} reads an image beside texts: name one at least")
        network = ImageText(_model(folder), _tokens(folder, texts))
        preprocessing = _preprocessing(folder, network.side)
        found = cls(network, preprocessing, tuple(texts)).eval().requires_grad_(False)
        files = ("config.json", "preprocessor_config.json", "tokenizer.json")
        digests = [
            sha256(path.read_bytes())
            for path in (*(folder / name for name in files), *sorted(folder.glob("*.safetensors")))
        ]
        found.digest = sha256("".join(digests).encode())
        return found

    def prepare(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An image of any size (height, width) or (height, width, 3) -> (side, side, 3), uint8.

        As CLIP's processor does: the shorter side resized to `side`, bicubic, the middle cut out.
        """
        side = self.network.side
        shown = Image.fromarray(image).convert("RGB")
        width, height = shown.size
        # The longer side is cut to whole pixels, as transformers does.
        shorter = min(width, height)
        wide, high = (int(side * length / shorter) for length in (width, height))
        shown = shown.resize((wide, high), Image.Resampling.BICUBIC)
        left, top = (wide - side) // 2, (high - side) // 2
        return np.array(shown.crop((left, top, left + side, top + side)))


def _unit(x: Tensor) -> Tensor:
    return nn.functional.normalize(x, dim=-1)


def _model(folder: Path) -> Any:
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} is no model: it has no config.json")
    try:
        from transformers import CLIPModel
    except ImportError as error:
        raise CheckpointError(
            f"{folder} needs the package transformers: pip install 'credence[transformers]'"
        ) from error
    try:
        kind = json.loads((folder / "config.json").read_bytes()).get("model_type")
        if kind != "clip":
            raise CheckpointError(f"{folder} is a model of type {kind!r}, expected 'clip'")
        loaded: Any = CLIPModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder} cannot be read: {error}") from error
    clip, report = loaded
    if report["missing_keys"]:
        raise CheckpointError(f"{folder}: missing keys, the first is {min(report['missing_keys'])}")
    return clip.eval()


def _tokens(folder: Path, texts: Sequence[str]) -> list[Tensor]:
    """The tokens of each text, with the start and end that the folder's tokeniser puts."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        longest = json.loads((folder / "config.json").read_bytes())
        length = longest.get("text_config", {}).get("max_position_embeddings", 77)
    except Exception as error:  # the only class that `tokenizers` raises
        raise CheckpointError(f"{folder}/tokenizer.json cannot be read: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    found = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        if len(ids) > length:
            raise CheckpointError(f"{text!r} has {len(ids)} tokens; {folder} reads {length}")
        found.append(torch.tensor(ids))
    return found


def _preprocessing(folder: Path, side: int) -> Preprocessing:
    path = folder / "preprocessor_config.json"
    try:
        given = json.loads(path.read_bytes())
        mean, std = (tuple(map(float, given[f"image_{name}"])) for name in ("mean", "std"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} says no image_mean and image_std: {error}") from error
    return Preprocessing(side, side, mean, std)
