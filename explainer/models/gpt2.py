"""GPT-2, and any causal model in a local folder, read through `transformers` (an extra).

A folder has config.json, safetensors, and for texts tokenizer.json, as `save_pretrained` writes
them. Nothing is fetched, no pickle is read, and no code from the folder runs.
"""

import copy
import json
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import Tensor

from explainer.models.checkpoint import CheckpointError
from explainer.models.language import LanguageModel
from explainer.models.tokenisers import Tokeniser, TokeniserError


class Past(NamedTuple):
    """How many texts of how many tokens were read, and their keys and values."""

    batch: int
    length: int
    cache: Any


class Transformers(LanguageModel):
    """A causal model of `transformers` behind our interface; its state is its keys and values."""

    def __init__(self, network: Any) -> None:
        """Take a network with a language model's head; its attention becomes the eager one."""
        super().__init__()
        self.network = network
        self.network.set_attn_implementation("eager")  # the others return no attention maps
        self.vocabulary = int(self.network.config.vocab_size)
        self.length: int | None = getattr(self.network.config, "max_position_embeddings", None)
        self._takes = frozenset(signature(self.network.forward).parameters)

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read a folder, in evaluation mode with frozen weights. Raises CheckpointError."""
        if not (folder / "config.json").is_file():
            raise CheckpointError(f"{folder} is no model: it has no config.json")
        try:
            from transformers import AutoModelForCausalLM
        except ImportError as error:
            raise CheckpointError(
                f"{folder} needs the package transformers: pip install 'credence[transformers]'"
            ) from error
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f"{folder} cannot be read: {error}") from error
        network, report = loaded
        for problem in ("missing_keys", "unexpected_keys"):
            if report[problem]:
                key = min(report[problem])
                raise CheckpointError(f"{folder}: {problem.replace('_', ' ')}, the first is {key}")
        return cls(network).eval().requires_grad_(False)

    def start(self, batch: int) -> Past:
        """Return the state before the first token."""
        return Past(batch, 0, None)

    def advance(self, tokens: Tensor, state: Past) -> tuple[Tensor, Past]:
        """Read tokens on from a state.

        Raises ValueError past the longest text that the model was made for, and where it keeps no
        keys and values, as one that is not causal.
        """
        if len(tokens) != state.batch:
            raise ValueError(f"{len(tokens)} texts cannot go on from the state of {state.batch}")
        length = state.length + tokens.shape[1]
        self._expect(length)
        name = "inputs_embeds" if tokens.is_floating_point() else "input_ids"
        found = self.network(**{name: tokens}, past_key_values=_copied(state.cache), use_cache=True)
        if getattr(found, "past_key_values", None) is None:
            kind = type(self.network).__name__
            raise ValueError(f"{kind} keeps no keys and values; only causal attention can be read")
        return found.logits.log_softmax(-1), Past(state.batch, length, found.past_key_values)

    def _at(self, tokens: Tensor, places: Tensor, targets: Tensor, state: Any) -> Tensor:
        """Score only the places that a row needs, where the network can leave others out."""
        if state is not None or "logits_to_keep" not in self._takes:
            return super()._at(tokens, places, targets, state)
        self._expect(tokens.shape[1])
        needed, where = torch.unique(places, return_inverse=True)
        name = "inputs_embeds" if tokens.is_floating_point() else "input_ids"
        found = self.network(**{name: tokens}, logits_to_keep=needed, use_cache=False)
        rows = torch.arange(len(tokens), device=tokens.device).unsqueeze(1)
        return self.pick(found.logits.log_softmax(-1)[rows, where], targets)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the tokens' vectors, without what stands for their positions."""
        vectors: Tensor = self.network.get_input_embeddings()(tokens)
        return vectors

    def _expect(self, length: int) -> None:
        if self.length is not None and length > self.length:
            raise ValueError(f"the text has {length} tokens; the model reads {self.length} at most")

    def attentions(self, tokens: Tensor) -> Tensor:
        """Tokens (batch, L) -> how much each takes of each (layers, batch, heads, L, L)."""
        return torch.stack(self.network(tokens, use_cache=False, output_attentions=True).attentions)


class FolderTokeniser(Tokeniser):
    """The tokeniser of such a folder, without what it puts before and after a text."""

    kind = "folder"

    def __init__(self, definition: str, end: Any) -> None:
        """Take the text of a tokenizer.json, and the number that ends a text.

        Raises TokeniserError.
        """
        try:
            self._tokenizer = Tokenizer.from_str(definition)
        except Exception as error:  # the only class that `tokenizers` raises
            raise TokeniserError(f"tokenizer.json cannot be read: {error}") from error
        # It would add tokens, and leave the space before a word out of the word's span.
        self._tokenizer.post_processor = None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # a text that spells one out means no such
        self.size = max(self._tokenizer.get_vocab().values()) + 1
        if type(end) is not int or not 0 <= end < self.size:
            raise TokeniserError(f"eos_token_id is {end!r}, expected a number below {self.size}")
        self.end = end

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read tokenizer.json, and from config.json which token ends a text."""
        try:
            config = json.loads((folder / "config.json").read_bytes())
            definition = (folder / "tokenizer.json").read_text("utf-8")
        except (OSError, ValueError) as error:
            raise TokeniserError(f"{folder} has no tokeniser: {error}") from error
        end = config.get("eos_token_id") if isinstance(config, dict) else None
        return cls(definition, end[0] if isinstance(end, list) and end else end)

    def encode(self, text: str) -> list[int]:
        """Return the tokens."""
        found: list[int] = self._tokenizer.encode(text).ids
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text; special tokens are nothing."""
        self._check(ids)
        found: str = self._tokenizer.decode(list(ids))
        return found

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token is."""
        found: list[tuple[int, int]] = self._tokenizer.encode(text).offsets
        return found

    def content(self) -> dict[str, Any]:
        """Return the text of tokenizer.json, and `end`."""
        return {"tokenizer": self._tokenizer.to_str(), "end": self.end}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """Undo `content`."""
        definition = content.get("tokenizer")
        if not isinstance(definition, str):
            raise TokeniserError("the tokeniser's definition is no text")
        return cls(definition, content.get("end", -1))


def _copied(cache: Any) -> Any:
    """A cache that can grow while the given one stays as it is."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    if cache is None:
        return None
    grown = copy.copy(cache)
    # These two replace their tensors by longer ones; others write into them.
    grown.layers = [
        copy.copy(each)
        if type(each) in {DynamicLayer, DynamicSlidingWindowLayer}
        else copy.deepcopy(each)
        for each in cache.layers
    ]
    return grown
