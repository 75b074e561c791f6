"""Writes tests/goldens/<arch>.json: what PyTorch makes of the models that `memeclip synth` writes, for the parity tests.

    pip install -r tests/reference/requirements.txt
    for arch in tiny vit-b-32 vit-l-14; do
        cargo run --release -- synth --arch $arch --seed 1 --out target/synth/$arch
        python tests/reference/goldens.py target/synth/$arch
    done

The towers are Hugging Face's CLIPModel, the head is memeclip.py beside this file, pictures go through Pillow, text
through OpenAI's tokenizer; all in float32. The file holds, for each meme (picture, text):

    ids            token ids, nothing behind the end token
    image_feature  [projection]
    image_pre      [vision width], before the projection; of the tiny model alone
    text_feature   [text width]
    logits         {task: [classes]}, by the heads of the model directory
    rollout        [patches]: attention rollout, the class token's row

and `class_weights` {task: [classes][vision width]}, the semantic-aware initialisation: the head without training.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image, ImageOps
from safetensors.torch import load_file
from transformers import CLIPModel

import memeclip

GOLDENS = Path(__file__).parents[1] / "goldens"
MEAN = np.float32([0.48145466, 0.4578275, 0.40821073])
STD = np.float32([0.26862954, 0.26130258, 0.27577711])

LONG = "when you said you would be on time and it is now tomorrow, " * 12
MEMES = [
    ("photo.jpg", "one does not simply walk into mordor"),
    ("turned.jpg", "ME: I'll sleep early tonight 😴\n3 AM: 👀🔥"),
    ("landscape.png", ""),
    ("portrait.png", "None"),
    ("square.png", LONG),
    ("exact.png", "Pride month be like: 🏳️‍🌈🏳️‍🌈🏳️‍🌈"),
    ("banner.png", "¿Por qué no los dos?"),
    ("column.png", "они сказали что будет весело"),
    ("speck.png", "これはミームです"),
    ("pixel.png", "Tom &amp; Jerry &lt;3 &quot;forever&quot;"),
    ("noise.png", "   too    many\t\tspaces \n\n and lines   "),
    ("large.png", "NOBODY: ... ABSOLUTELY NOBODY: ... MY CAT AT 4AM: *opera*"),
    ("grey.png", "1990 vs 2024, 50% off!!! only $9.99 @ http://example.com/?q=1"),
    ("alpha.png", "it’s “fine” — we’re all fine…"),
    ("grey-alpha.png", "they've said it'd work, I'm sure you'll agree, don't you?"),
    ("palette.png", "ŁÓDŹ İstanbul STRASSE straße ﬁne"),
    ("tall.jpg", "a"),
    ("grey.jpg", "supercalifragilisticexpialidociousantidisestablishmentarianism"),
    ("rough.jpg", "مرحبا بالعالم שלום"),
    ("progressive.jpg", "👨‍👩‍👧‍👦 family goals 💯"),
    ("photo.jpg", "😂" * 90),
    ("grey.png", "one does not simply walk into mordor"),
]
# How many of them each model is worth, by the time that they take.
COUNT = {"tiny": len(MEMES), "vit-b-32": 1, "vit-l-14": 3}


def pixels(name, size):
    """Upright as people see it, squashed as the reference does: [3, size, size]."""
    image = ImageOps.exif_transpose(Image.open(GOLDENS / "images" / name)).convert("RGB")
    image = np.asarray(image.resize((size, size), Image.BICUBIC), np.float32) / 255
    return torch.from_numpy(((image - MEAN) / STD).transpose(2, 0, 1).copy())


def load_head(file):
    state = load_file(file)
    map_dim, image_dim = state["image_map.proj.0.weight"].shape
    text_dim = state["text_map.proj.0.weight"].shape[1]
    head = memeclip.Head(image_dim, text_dim, map_dim, len(state["classifier.weight"]))
    head.load_state_dict(state)
    return head.eval()


def by_hand(head, image, text):
    """The head's logits by the paper's equations in float64, without its module: what `Head` is checked against."""
    w = {name: value.double().numpy() for name, value in head.state_dict().items()}

    def unit(x):
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    def mapped(x, projection, adapter):
        x = x @ w[f"{projection}.proj.0.weight"].T + w[f"{projection}.proj.0.bias"]
        hidden = np.maximum(x @ w[f"{adapter}.fc.0.weight"].T, 0)
        return unit(0.2 * np.maximum(hidden @ w[f"{adapter}.fc.2.weight"].T, 0) + 0.8 * x)

    image = mapped(image.double().numpy(), "image_map", "img_adapter")
    text = mapped(text.double().numpy(), "text_map", "text_adapter")
    hidden = np.maximum((image * text) @ w["pre_output.1.weight"].T + w["pre_output.1.bias"], 0)
    return 30 * unit(hidden) @ unit(w["classifier.weight"]).T


def rollout(clip, batch):
    """Attention rollout (Abnar & Zuidema 2020) of the vision tower: the class token's share of each patch, [n, patches]."""
    attentions = clip.vision_model(pixel_values=batch, output_attentions=True).attentions
    identity = torch.eye(attentions[0].shape[-1])
    joint = identity
    for attention in attentions:
        joint = (0.5 * attention.mean(dim=1) + 0.5 * identity) @ joint
    return joint[:, 0, 1:]


def check(what, found, expected, bound):
    error = np.abs(np.asarray(found) - np.asarray(expected)).max()
    if not error <= bound:
        raise SystemExit(f"{what}: differs from the independent formula by {error:.2e}, allowed {bound:.0e}")


def rounded(tensor):
    """Nested lists of numbers with nine digits, which is every float32 exactly."""
    return [rounded(row) for row in tensor] if tensor.dim() else float(f"{tensor.item():.9g}")


def goldens(directory, arch):
    clip = CLIPModel.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = SimpleTokenizer()
    merges = (directory / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    if [tuple(merge.split()) for merge in merges] != list(tokenizer.bpe_ranks):
        raise SystemExit(f"{directory}/merges.txt: not CLIP's merges")
    # The two special tokens have other names in Hugging Face's files; their ids are the last two.
    vocabulary = json.loads((directory / "vocab.json").read_text(encoding="utf-8"))
    if sorted(vocabulary, key=vocabulary.get)[:-2] != list(tokenizer.encoder)[:-2]:
        raise SystemExit(f"{directory}/vocab.json: not CLIP's vocabulary")

    memes = MEMES[: COUNT[arch]]
    ids = tokenizer(["null" if text in ("", "None") else text for _, text in memes])
    batch = torch.stack([pixels(name, clip.config.vision_config.image_size) for name, _ in memes])
    image, text = memeclip.image_features(clip, batch), memeclip.text_features(clip, ids)
    check("image features", image, clip.get_image_features(pixel_values=batch).pooler_output, 1e-5)
    projected = clip.get_text_features(input_ids=ids).pooler_output
    check("text features", clip.text_projection(text), projected, 1e-5)

    pooled = clip.vision_model(pixel_values=batch).pooler_output if arch == "tiny" else None
    patches = rollout(clip, batch)

    logits, class_weights = {}, {}
    for task, classes in memeclip.CLASSES.items():
        head = load_head(directory / f"head-{task}.safetensors")
        logits[task] = head(image, text)
        check(f"head {task}", logits[task], by_hand(head, image, text), 1e-4)
        prompts = tokenizer([memeclip.PROMPT.format(name) for name in classes])
        class_weights[task] = rounded(memeclip.semantic_initialisation(clip, prompts))
    results = [
        {
            "image": name,
            "text": words,
            "ids": ids[i, : ids[i].argmax() + 1].tolist(),
            "image_feature": rounded(image[i]),
            **({} if pooled is None else {"image_pre": rounded(pooled[i])}),
            "text_feature": rounded(text[i]),
            "logits": {task: rounded(values[i]) for task, values in logits.items()},
            "rollout": rounded(patches[i]),
        }
        for i, (name, words) in enumerate(memes)
    ]
    return results, class_weights


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="a model by `memeclip synth`, in a directory named after its arch")
    directory = parser.parse_args().directory
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with torch.no_grad():
        memes, class_weights = goldens(directory, directory.name)
    memes = ",\n".join(json.dumps(meme, ensure_ascii=False) for meme in memes)
    text = f'{{"memes": [\n{memes}\n],\n"class_weights": {json.dumps(class_weights)}}}\n'
    (GOLDENS / f"{directory.name}.json").write_text(text, encoding="utf-8")
