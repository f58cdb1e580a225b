"""A tiny CLIP of random weights, saved as transformers saves one, against transformers itself."""

import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from explainer.methods.catalogue import method
from explainer.methods.randomised import randomised
from explainer.models.checkpoint import CheckpointError
from explainer.models.clip import Clip
from explainer.shapley.game import drive
from explainer.subjects.clip import ClipSubject

SIDE = 12
TEXTS = ("a red dog", "a cat")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2}
    config = CLIPConfig(
        text_config={
            **small,
            "num_attention_heads": 2,
            "vocab_size": 8,
            "max_position_embeddings": 7,
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
        vision_config={**small, "num_attention_heads": 2, "image_size": SIDE, "patch_size": 4},
        projection_dim=6,
    )
    folder = tmp_path_factory.mktemp("clip")
    model = CLIPModel(config)
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.5)
    model.save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size).save_pretrained(folder)
    words = ["<start>", "<end>", "a", "red", "dog", "cat", "[UNK]"]
    tokenizer = Tokenizer(models.WordLevel({w: k for k, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 0), ("<end>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def clip(folder):
    return Clip.from_folder(folder, TEXTS)


@pytest.fixture(scope="module")
def photograph():
    return np.random.default_rng(0).integers(0, 256, (17, 23, 3)).astype(np.uint8)


def theirs(folder, image):
    """What transformers makes of an image of any size and the texts."""
    from transformers import CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    model = CLIPModel.from_pretrained(folder, local_files_only=True).eval()
    processor = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
    pixels = processor(image, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        rows = [
            model(input_ids=torch.tensor([ids]), pixel_values=pixels).logits_per_image
            for ids in ([0, 2, 3, 4, 1], [0, 2, 5, 1])
        ]
        return torch.cat(rows, 1)[0], model.logit_scale.exp()


def test_similarities_are_transformers(folder, clip, photograph):
    """logits_per_image of its processor's pixels; 1e-5 after our own resizing."""
    logits, scale = theirs(folder, photograph)
    subject = ClipSubject(clip)
    stimulus = subject.stimulus(clip.prepare(photograph))
    game = subject.game(stimulus, [0, 1], subject.players(stimulus), subject.mask(stimulus))
    found = game(torch.ones(1, 9, dtype=torch.bool))[0]
    torch.testing.assert_close(found.float(), logits / scale, atol=1e-5, rtol=0)
    assert abs(found[0] - found[1]) > 0.01
    np.testing.assert_allclose(
        stimulus.log_probabilities, logits.log_softmax(-1).numpy(), atol=2e-5
    )
    assert stimulus.labels == TEXTS
    assert stimulus.predicted == TEXTS[int(logits.argmax())]


@pytest.mark.parametrize("shape", [(17, 23, 3), (40, 13, 3), (12, 12, 3), (5, 5), (300, 41)])
def test_images_are_prepared_as_transformers_does(folder, clip, shape):
    """Resized and cut, before normalisation; to the last bit."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    processor = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
    colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)
    expected = processor(colour, do_normalize=False, do_rescale=False, return_tensors="np")
    found = clip.prepare(image)
    np.testing.assert_array_equal(found, expected["pixel_values"][0].transpose(1, 2, 0))


def test_crops_of_a_similarity(clip, photograph):
    subject = ClipSubject(clip)
    stimulus = subject.stimulus(clip.prepare(photograph))
    chosen = method("random_crops")
    complete = chosen.complete({"evaluations": 200})
    found = drive(chosen.function(subject, stimulus, [1], complete, 0))
    assert found.values.shape == (SIDE * SIDE, 1)
    assert found.value_function.startswith("cosine similarity of image and text; random crops")
    assert (np.abs(found.full_values) <= 1).all()
    assert found.values.min() < 0 < found.values.max()


def test_other_methods_read_the_similarity_too(clip, photograph):
    """Players are the network's patches; a gradient's score is the game's."""
    subject = ClipSubject(clip)
    stimulus = subject.stimulus(clip.prepare(photograph))
    chosen = method("leave_one_out")
    found = drive(chosen.function(subject, stimulus, [0, 1], chosen.complete({}), 0))
    assert len(found.players) == (SIDE // 4) ** 2
    assert found.value_function.startswith("cosine similarity of image and text; masked pixels")
    x = subject.embed(stimulus)[None].requires_grad_()
    scores = subject.score_embedded(x, stimulus)
    np.testing.assert_allclose(scores[0].detach(), found.full_values, atol=1e-6)
    assert torch.autograd.grad(scores[0, 0], x)[0].abs().max() > 0


def test_the_randomised_model_reads_texts_anew_too(clip, photograph):
    """Both towers are those that transformers makes after the same seed."""
    subject = ClipSubject(clip)
    found = randomised(subject, 3)
    torch.manual_seed(3)
    model = type(clip.network.clip)(clip.network.clip.config).eval()
    pixels = subject.embed(subject.stimulus(clip.prepare(photograph)))
    with torch.no_grad():
        expected = model(
            input_ids=torch.tensor([[0, 2, 5, 1]]),
            pixel_values=pixels.view(1, SIDE, SIDE, 3).permute(0, 3, 1, 2),
        ).logits_per_image
    scores = found.score_embedded(pixels[None], None) * model.logit_scale.exp()
    torch.testing.assert_close(scores[:, 1:], expected, atol=1e-5, rtol=0)
    assert abs(scores - subject.score_embedded(pixels[None], None)).max() > 1e-3


def test_the_digest_is_of_the_folder(folder, clip, tmp_path):
    assert Clip.from_folder(folder, ["a dog"]).digest == clip.digest
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "preprocessor_config.json").read_text())
    config["image_mean"] = [0.5] * 3
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    assert Clip.from_folder(tmp_path, ["a dog"]).digest != clip.digest


def test_folders_that_are_none(folder, tmp_path):
    with pytest.raises(CheckpointError, match=r"it has no config\.json"):
        Clip.from_folder(tmp_path, TEXTS)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(CheckpointError, match="type 'gpt2', expected 'clip'"):
        Clip.from_folder(tmp_path, TEXTS)
    with pytest.raises(CheckpointError, match="name one at least"):
        Clip.from_folder(folder, [])
    with pytest.raises(CheckpointError, match="has 8 tokens"):
        Clip.from_folder(folder, ["a red dog a cat a"])


@pytest.mark.parametrize("name", ["tokenizer.json", "preprocessor_config.json"])
def test_a_folder_that_lacks_a_file(folder, tmp_path, name):
    for path in folder.iterdir():
        if path.name != name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(CheckpointError, match=name.partition(".")[0]):
        Clip.from_folder(tmp_path, TEXTS)
