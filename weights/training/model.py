"""The small CLIP: sizes, tokenizer, pixels, and features as MemeCLIP takes them."""

import gzip
import sys
from functools import cache
from pathlib import Path

import numpy as np
import open_clip.tokenizer
import torch
from open_clip.tokenizer import SimpleTokenizer
from transformers import CLIPConfig, CLIPModel

from art import HERE, WORK

sys.path.append(str(HERE.parents[1] / "tests" / "reference"))
import memeclip  # noqa: E402
from goldens import MEAN, STD  # noqa: E402

CLIP = WORK / "clip"
# The first of CLIP's own merges: enough for everyday words, and a token table that fits a small pack.
MERGES = 4000
IMAGE, PATCH, WIDTH, CONTEXT = 80, 16, 128, 48


def config():
    tower = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_attention_heads": WIDTH // 32}
    start = MERGES + 512
    return CLIPConfig(
        projection_dim=WIDTH,
        vision_config={**tower, "num_hidden_layers": 4, "image_size": IMAGE, "patch_size": PATCH},
        text_config={
            **tower,
            "num_hidden_layers": 3,
            "vocab_size": start + 2,
            "max_position_embeddings": CONTEXT,
            "bos_token_id": start,
            "eos_token_id": start + 1,
            "pad_token_id": start + 1,
        },
    )


@cache
def merges():
    with gzip.open(open_clip.tokenizer.default_bpe(), "rt", encoding="utf-8") as file:
        return file.read().split("\n")[1 : MERGES + 1]


@cache
def tokenizer():
    """OpenAI's tokenizer with fewer merges: it reads them from a file."""
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / "merges.txt.gz"
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.write("\n".join(["#version: 0.2", *merges()]))
    return SimpleTokenizer(str(file), context_length=CONTEXT)


def ids(texts):
    """Token ids [n, longest], 0 behind the end token."""
    tokens = tokenizer()([text.strip() or "null" for text in texts])
    return tokens[:, : int(tokens.argmax(dim=-1).max()) + 1]


def pixels(images):
    """uint8 [n, side, side, 3] -> [n, 3, side, side]."""
    return torch.from_numpy((np.float32(images) / 255 - MEAN) / STD).permute(0, 3, 1, 2)


def save(clip):
    clip.save_pretrained(CLIP)
    (CLIP / "merges.txt").write_text("\n".join(["#version: 0.2", *merges()]) + "\n", encoding="utf-8")


def load():
    return CLIPModel.from_pretrained(CLIP, dtype=torch.float32).eval()


def text_features(clip, texts, chunk=32):
    """[n, text width]; texts of like length go together, so that little of the work is padding."""
    tokens = ids(texts)
    lengths = tokens.argmax(dim=-1) + 1
    order = lengths.argsort(stable=True)
    parts = [memeclip.text_features(clip, tokens[rows, : lengths[rows].max()]) for rows in order.split(chunk)]
    return torch.cat(parts)[order.argsort()]


@torch.no_grad()
def features(clip, images, texts, batch=256):
    """Image features [n, projection], text features [n, text width]."""
    image = [memeclip.image_features(clip, pixels(images[i : i + batch])) for i in range(0, len(images), batch)]
    text = [text_features(clip, texts[i : i + batch]) for i in range(0, len(texts), batch)]
    return torch.cat(image), torch.cat(text)


def head_file(task, modality="both"):
    return CLIP / (f"head-{task}.safetensors" if modality == "both" else f"head-{task}-{modality}.safetensors")
