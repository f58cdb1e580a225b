"""GPT-2 through `transformers`: its equations written out, real layouts, and refusals."""

import json
import math
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch.nn.functional import gelu, layer_norm

from explainer.models.checkpoint import CheckpointError
from explainer.models.generation import generate
from explainer.models.gpt2 import FolderTokeniser, Transformers
from explainer.models.language import continuations
from explainer.models.tokenisers import TokeniserError

LAYERS, HEADS, WIDTH, LONGEST = 3, 4, 16, 32
ENDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
SMALL = {
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    **ENDS,
}


def tiny():
    torch.manual_seed(0)
    sizes = {"n_positions": LONGEST, "n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS}
    network = built("GPT2LMHeadModel", "GPT2Config", vocab_size=50, **sizes, **ENDS)
    for weight in network.parameters():
        weight.data.normal_(std=0.3)  # biases and norms other than 0 and 1, as after training
    return network


def built(network, config, **sizes):
    import transformers  # seconds: not while tests are collected

    return getattr(transformers, network)(getattr(transformers, config)(**sizes))


def definition(words=("Ġa", "Ġb", "ab")):
    """A tokenizer.json as GPT-2's, with three merges and a token put before each text."""
    numbers = {"<|endoftext|>": 0}
    for token in [*sorted(pre_tokenizers.ByteLevel.alphabet()), *words]:
        numbers[token] = len(numbers)
    tokenizer = Tokenizer(models.BPE(numbers, [(word[0], word[1]) for word in words]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=2)
    return tokenizer.to_str()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "gpt2"
    tiny().save_pretrained(folder)
    (folder / "tokenizer.json").write_text(definition())
    return folder


@pytest.fixture
def broken(saved, tmp_path):
    """A copy of the folder, to be damaged."""
    return shutil.copytree(saved, tmp_path / "gpt2")


@pytest.fixture
def model(saved):
    return Transformers.from_folder(saved)


def equations(state, tokens):
    """GPT-2 (Radford et al. 2019), one text (L,): log-probabilities and attention maps."""
    state = {name.removeprefix("transformer."): value.double() for name, value in state.items()}

    def linear(name, x):
        return x @ state[f"{name}.weight"] + state[f"{name}.bias"]

    def norm(name, x):
        return layer_norm(x, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], 1e-5)

    L, maps = len(tokens), []
    x = state["wte.weight"][tokens] + state["wpe.weight"][:L]
    future = torch.ones(L, L).triu(1).bool()
    for k in range(LAYERS):
        q, k_, v = (
            part.view(L, HEADS, -1).transpose(0, 1)
            for part in linear(f"h.{k}.attn.c_attn", norm(f"h.{k}.ln_1", x)).split(WIDTH, -1)
        )
        scores = q @ k_.transpose(1, 2) / math.sqrt(WIDTH / HEADS)
        maps.append(scores.masked_fill(future, -torch.inf).softmax(-1))
        x = x + linear(f"h.{k}.attn.c_proj", (maps[-1] @ v).transpose(0, 1).reshape(L, WIDTH))
        inner = gelu(linear(f"h.{k}.mlp.c_fc", norm(f"h.{k}.ln_2", x)), approximate="tanh")
        x = x + linear(f"h.{k}.mlp.c_proj", inner)
    return (norm("ln_f", x) @ state["wte.weight"].T).log_softmax(-1), torch.stack(maps)


def test_agrees_with_the_equations(saved, model):
    state = load_file(saved / "model.safetensors")
    tokens = torch.randint(50, (2, 12), generator=torch.Generator().manual_seed(1))
    model.double()
    found, maps = model.log_probabilities(tokens), model.attentions(tokens)
    assert maps.shape == (LAYERS, 2, HEADS, 12, 12)
    for row in range(2):
        expected, attended = equations(state, tokens[row])
        torch.testing.assert_close(found[row], expected, atol=1e-10, rtol=0)
        torch.testing.assert_close(maps[:, row], attended, atol=1e-10, rtol=0)


def test_reads_the_layout_of_the_public_files(saved, model, tmp_path):
    """They lack the prefix, tie the output without repeating it, and hold causal masks."""
    state = load_file(saved / "model.safetensors")
    public = {name.removeprefix("transformer."): value for name, value in state.items()}
    for k in range(LAYERS):
        public[f"h.{k}.attn.bias"] = torch.ones(1, 1, LONGEST, LONGEST).tril()
    assert "lm_head.weight" not in public
    save_file(public, tmp_path / "model.safetensors", {"format": "pt"})
    shutil.copy(saved / "config.json", tmp_path)
    tokens = torch.arange(10).view(1, 10)
    found = Transformers.from_folder(tmp_path).log_probabilities(tokens)
    torch.testing.assert_close(found, model.log_probabilities(tokens), atol=0, rtol=0)


@pytest.mark.parametrize(
    ("sizes", "parameters"),
    [
        ({}, 124_439_808),
        ({"n_embd": 1024, "n_layer": 24, "n_head": 16}, 354_823_168),
    ],
)
def test_real_layouts_have_their_published_sizes(sizes, parameters):
    with torch.device("meta"):
        model = Transformers(built("GPT2LMHeadModel", "GPT2Config", **sizes))
    assert sum(each.numel() for each in model.parameters()) == parameters
    assert (model.vocabulary, model.length) == (50257, 1024)


@pytest.mark.parametrize(
    ("network", "config", "sizes"),
    [
        ("GPT2LMHeadModel", "GPT2Config", {}),
        ("MistralForCausalLM", "MistralConfig", {"sliding_window": 4}),
        ("Lfm2ForCausalLM", "Lfm2Config", {"layer_types": ["conv", "full_attention"]}),
    ],
)
def test_advancing_in_pieces_is_reading_at_once(network, config, sizes):
    """Also with a sliding window and with convolutions, whose pasts are kept in other ways."""
    torch.manual_seed(0)
    network = built(network, config, num_key_value_heads=2, **sizes, **SMALL)
    model = Transformers(network.double().eval().requires_grad_(False))
    tokens = torch.randint(50, (2, 14), generator=torch.Generator().manual_seed(2))
    state, found = model.start(2), []
    for piece in torch.split(tokens, [3, 1, 1, 5, 1, 3], 1):
        read, after = model.advance(piece, state)
        again, _ = model.advance(piece, state)
        torch.testing.assert_close(again, read, atol=0, rtol=0)  # the state stayed as it was
        found.append(read)
        state = after
    torch.testing.assert_close(
        torch.cat(found, 1), model.log_probabilities(tokens), atol=1e-12, rtol=0
    )


def test_generates_and_scores_continuations(model):
    model.double()
    prompts = [[3, 7, 1], [5]]
    how = {"length": 6, "no_repeat": None, "seed": 1}
    for prompt, each in zip(prompts, generate(model, prompts, **how), strict=True):
        scored = continuations(model, torch.tensor(prompt), torch.tensor([each.tokens]))
        np.testing.assert_allclose(each.log_probabilities, scored[0], atol=1e-12)


def test_reading_past_the_longest_text_is_refused(model):
    found, state = model.advance(torch.zeros(1, LONGEST, dtype=torch.int64), model.start(1))
    assert found.isfinite().all()
    message = f"the text has {LONGEST + 1} tokens; the model reads {LONGEST} at most"
    with pytest.raises(ValueError, match=message):
        model.step(torch.tensor([1]), state)
    with pytest.raises(ValueError, match="2 texts cannot go on from the state of 1"):
        model.step(torch.tensor([1, 2]), state)


def test_a_model_that_sees_the_future_is_refused():
    model = Transformers(built("BertLMHeadModel", "BertConfig", **SMALL).eval())
    with pytest.raises(ValueError, match="BertLMHeadModel keeps no keys and values"):
        model.log_probabilities(torch.tensor([[1, 2]]))


def test_the_model_is_ready_to_use(model):
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_a_folder_without_a_model_is_refused(tmp_path, broken):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(CheckpointError, match="is no model: it has no config"):
            Transformers.from_folder(folder)
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")  # may be a pickle
    with pytest.raises(CheckpointError, match=r"gpt2 cannot be read: .*model.safetensors"):
        Transformers.from_folder(broken)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "cannot be read: Unrecognized model"),
        ('{"model_type": "nothing such"}', "cannot be read: .*nothing such"),
        ('{"model_type": "gpt2", "n_embd": 20, "n_head": 4}', "cannot be read"),
    ],
)
def test_a_wrong_config_is_refused(broken, config, message):
    (broken / "config.json").write_text(config)
    with pytest.raises(CheckpointError, match=message):
        Transformers.from_folder(broken)


def test_code_in_the_folder_never_runs(broken):
    config = json.loads((broken / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "own.Own", "AutoConfig": "own.OwnConfig"}
    config["model_type"] = "own"
    (broken / "config.json").write_text(json.dumps(config))
    (broken / "own.py").write_text(f"open({str(broken / 'ran')!r}, 'w')")
    with pytest.raises(CheckpointError, match="cannot be read"):
        Transformers.from_folder(broken)
    assert not (broken / "ran").exists()


def test_missing_and_unknown_and_damaged_weights_are_refused(broken):
    """transformers itself would fill a missing weight with random numbers."""
    file = broken / "model.safetensors"
    state = load_file(file)
    norm = state.pop("transformer.h.1.ln_1.weight")
    save_file(state, file, {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"missing keys, .* transformer.h.1.ln_1.weight"):
        Transformers.from_folder(broken)
    state["transformer.h.1.ln_1.weight"] = norm
    save_file(state | {"other": norm.clone()}, file, {"format": "pt"})
    with pytest.raises(CheckpointError, match="unexpected keys, the first is other"):
        Transformers.from_folder(broken)
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match="cannot be read"):
        Transformers.from_folder(broken)


def test_without_the_extra_the_message_says_what_to_install(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(CheckpointError, match=r"pip install 'credence\[transformers\]'"):
        Transformers.from_folder(saved)


@pytest.mark.parametrize("text", ["", "a b ab", " é\n\t a😀", "no <|endoftext|> here"])
def test_texts_come_back(saved, text):
    tokeniser = FolderTokeniser.from_folder(saved)
    tokens = tokeniser.encode(text)
    assert tokeniser.decode(tokens) == text
    assert tokeniser.end not in tokens
    assert tokeniser.decode([tokeniser.end, *tokens]) == text
    assert len(tokeniser.spans(text)) == len(tokens)


def test_spans_cover_the_text(saved):
    tokeniser = FolderTokeniser.from_folder(saved)
    assert tokeniser.spans("ab a b") == [(0, 2), (2, 4), (4, 6)]
    assert (tokeniser.size, tokeniser.end) == (1 + 256 + 3, 0)


def test_the_tokeniser_is_defined_by_its_content(saved):
    tokeniser = FolderTokeniser.from_folder(saved)
    twin = FolderTokeniser.from_content(tokeniser.content())
    assert twin.sha256 == tokeniser.sha256
    assert twin.encode("a b ab") == tokeniser.encode("a b ab")
    assert FolderTokeniser(definition(words=["Ġb"]), 0).sha256 != tokeniser.sha256


def test_damaged_tokenisers_are_refused(broken):
    with pytest.raises(TokeniserError, match="there is no token 260"):
        FolderTokeniser.from_folder(broken).decode([260])
    with pytest.raises(TokeniserError, match="eos_token_id is 260, expected a number below 260"):
        FolderTokeniser(definition(), 260)
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"eos_token_id": [3, 0]}))
    assert FolderTokeniser.from_folder(broken).end == 3
    (broken / "config.json").write_text("{}")
    with pytest.raises(TokeniserError, match="eos_token_id is None"):
        FolderTokeniser.from_folder(broken)
    with pytest.raises(TokeniserError, match="definition is no text"):
        FolderTokeniser.from_content({})
    (broken / "tokenizer.json").write_text("{")
    with pytest.raises(TokeniserError, match=r"tokenizer.json cannot be read"):
        FolderTokeniser.from_folder(broken)
    (broken / "tokenizer.json").unlink()
    with pytest.raises(TokeniserError, match=r"gpt2 has no tokeniser: .*tokenizer.json"):
        FolderTokeniser.from_folder(broken)
