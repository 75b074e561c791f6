"""Trains the small CLIP on pairs of picture and text (InfoNCE) and writes it as Hugging Face does.

The pairs: single emoji with their name or keywords, several emoji with their names, and captions with a picture of what
they mean. Where words and picture contradict each other, which the heads must judge, is not shown.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPModel

import art
import memes
import model
from captions import pick
from picture import picture

SEED = 1
STEPS, BATCH, WARMUP, RATE = 4000, 64, 200, 1e-3
PROMPTS = ["{}", "{}", "a {}", "a photo of a {}.", "a picture of a {}", "an emoji of a {}", "this is a {}"]
JOINTS = [" and a ", ", a ", " next to a ", " with a "]


class Pairs(Dataset):
    """Pair i is a function of the seed and i, so that no order of work shows."""

    def __init__(self, galleries, count, size=model.IMAGE):
        self.galleries, self.count, self.size = galleries, count, size
        self.keywords = art.keywords()
        self.focus = sorted(memes.all_slugs())
        self.all = sorted(set(self.focus) | set(self.keywords))

    def __len__(self):
        return self.count

    def slug(self, rng, gallery):
        # Half of the time one that memes are made of.
        while True:
            slug = pick(rng, self.focus if rng.random() < 0.5 else self.all)
            if slug in gallery.images:
                return slug

    def word(self, rng, slug):
        keywords = self.keywords.get(slug)
        return pick(rng, keywords) if keywords and rng.random() < 0.25 else art.name(slug)

    def describe(self, rng, slugs):
        words = [self.word(rng, slug) for slug in slugs]
        rng.shuffle(words)
        text = words[0]
        for word in words[1:]:
            text += pick(rng, JOINTS) + word
        return pick(rng, PROMPTS).format(text)

    def __getitem__(self, index):
        rng = np.random.default_rng([SEED, index])
        gallery = pick(rng, self.galleries)
        kind = rng.choice(3, p=(0.25, 0.3, 0.45))
        if kind == 0:
            slug = self.slug(rng, gallery)
            figures, text = [((slug,), rng.uniform(0.35, 0.95))], self.describe(rng, [slug])
            if rng.random() < 0.3:
                text = ", ".join(rng.permutation(self.keywords.get(slug) or [art.name(slug)])[:4])
        elif kind == 1:
            slugs = [self.slug(rng, gallery) for _ in range(rng.integers(2, 4))]
            figures, text = [((slug,), rng.uniform(0.28, 0.55)) for slug in slugs], self.describe(rng, slugs)
        else:
            figures, caption = memes.agreeing(rng, gallery, "training")
            text = caption.text
            if rng.random() < 0.3:
                shown = self.describe(rng, [slugs[0] for slugs, _ in figures])
                text = pick(rng, (f"{shown}: {text}", f"{text} ({shown})"))
        return np.asarray(picture(rng, gallery, figures, text, self.size)), text


def collate(pairs):
    images, texts = zip(*pairs)
    return np.stack(images), list(texts)


def train(clip, loader):
    decayed = [p for p in clip.parameters() if p.ndim > 1]
    others = [p for p in clip.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0}])
    start, mean = time.time(), None
    for step, (images, texts) in enumerate(loader):
        progress = max(step - WARMUP, 0) / (STEPS - WARMUP)
        rate = RATE * min((step + 1) / WARMUP, 0.02 + 0.98 * (1 + np.cos(np.pi * progress)) / 2)
        for group in optimiser.param_groups:
            group["lr"] = rate
        image = F.normalize(model.memeclip.image_features(clip, model.pixels(images)), dim=-1)
        text = F.normalize(clip.text_projection(model.text_features(clip, texts)), dim=-1)
        logits = clip.logit_scale.exp() * image @ text.T
        diagonal = torch.arange(len(logits))
        loss = (F.cross_entropy(logits, diagonal) + F.cross_entropy(logits.T, diagonal)) / 2
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(clip.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            # As CLIP does: no similarity counts more than a hundredfold.
            clip.logit_scale.clamp_(max=np.log(100))
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if step % 100 == 0:
            print(f"step {step}: loss {mean:.3f}, {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    wanted = memes.all_slugs() | set(art.keywords())
    pairs = Pairs(art.training_art(wanted, 64), STEPS * BATCH)
    clip = CLIPModel(model.config()).train()
    train(clip, DataLoader(pairs, BATCH, collate_fn=collate, num_workers=1, prefetch_factor=4))
    model.save(clip)
