"""Trains the small CLIP by contrast between pictures and texts, and writes it as Hugging Face does.

The pairs: single emoji with their name or keywords, several emoji with their names, and captions with a picture of what
they mean. Where words and picture contradict each other, which the heads must judge, is not shown.

Two contrasts: each picture against the texts of the batch, as in CLIP; and each picture against the names of all the art
that memes are made of, of which it shows some. The second has no false negatives and teaches the vision tower fast.
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
STEPS, BATCH, WARMUP = 2500, 96, 100
RATE, MUON_RATE, DECAY = 1.5e-3, 0.02, 0.05
PROMPTS = ["{}", "{}", "a {}", "a photo of a {}.", "a picture of a {}", "an emoji of a {}", "this is a {}"]
JOINTS = [" and a ", ", a ", " next to a ", " with a "]


class Pairs(Dataset):
    """Pair i is a function of the seed and i, so that no order of work shows."""

    def __init__(self, galleries, count):
        self.galleries, self.count = galleries, count
        self.keywords = art.keywords()
        self.focus = sorted(memes.all_slugs())
        self.all = sorted(set(self.focus) | set(self.keywords))

    def __len__(self):
        return self.count

    def slug(self, rng, gallery, slugs):
        while (slug := pick(rng, slugs)) not in gallery.images:
            pass
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

    def pair(self, rng, gallery):
        """(figures, text)"""
        kind = rng.choice(3, p=(0.2, 0.3, 0.5))
        if kind == 0:
            slug = self.slug(rng, gallery, self.all)
            text = self.describe(rng, [slug])
            if rng.random() < 0.3:
                text = ", ".join(rng.permutation(self.keywords.get(slug) or [art.name(slug)])[:4])
            return [((slug,), rng.uniform(0.4, 0.9))], text
        if kind == 1:
            slugs = [self.slug(rng, gallery, self.focus) for _ in range(rng.integers(1, 4))]
            return [((slug,), rng.uniform(0.4, 0.52)) for slug in slugs], self.describe(rng, slugs)
        figures, caption = memes.agreeing(rng, gallery, "training")
        return figures, caption.text

    def __getitem__(self, index):
        """(picture, text, for each name of the focus whether the picture shows it)"""
        rng = np.random.default_rng([SEED, index])
        gallery = pick(rng, self.galleries)
        figures, text = self.pair(rng, gallery)
        shown = {slug for slugs, _ in figures for slug in slugs}
        image = picture(rng, gallery, figures, text, model.IMAGE)
        return np.asarray(image), text, np.float32([slug in shown for slug in self.focus])


def collate(pairs):
    images, texts, shown = zip(*pairs)
    return np.stack(images), list(texts), torch.from_numpy(np.stack(shown))


def contrast(clip, names, images, texts, shown):
    """The two losses."""
    image = F.normalize(model.memeclip.image_features(clip, model.pixels(images)), dim=-1)
    text = F.normalize(clip.text_projection(model.text_features(clip, texts + names)), dim=-1)
    logits = clip.logit_scale.exp() * image @ text.T
    batch, named = logits.split((len(texts), len(names)), dim=1)
    diagonal = torch.arange(len(batch))
    pairs = (F.cross_entropy(batch, diagonal) + F.cross_entropy(batch.T, diagonal)) / 2
    some = shown.sum(dim=-1) > 0
    return pairs, F.cross_entropy(named[some], F.normalize(shown[some], p=1, dim=-1))


def optimisers(clip):
    """Muon for the layers' matrices, which halves the pairs needed; AdamW for all else."""
    matrices, tables, vectors = [], [], []
    for name, parameter in clip.named_parameters():
        kind = matrices if ".layers." in name and parameter.ndim == 2 else tables if parameter.ndim > 1 else vectors
        kind.append(parameter)
    groups = [{"params": tables, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0}]
    return [torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=DECAY), torch.optim.AdamW(groups, lr=RATE)]


def rate(step):
    """Warm-up, then a cosine."""
    return min((step + 1) / WARMUP, 0.02 + 0.98 * (1 + np.cos(np.pi * step / STEPS)) / 2)


def train(clip, loader, names):
    both = optimisers(clip)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimiser, rate) for optimiser in both]
    start, mean = time.time(), None
    for step, batch in enumerate(loader):
        losses = contrast(clip, names, *batch)
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(clip.parameters(), 1.0)
        for part in (*both, *schedules):
            part.step()
        clip.zero_grad()
        with torch.no_grad():
            # As CLIP does: no similarity counts more than a hundredfold.
            clip.logit_scale.clamp_(max=np.log(100))
        values = np.array([loss.item() for loss in losses])
        mean = values if mean is None else 0.98 * mean + 0.02 * values
        if step % 100 == 99:
            print(f"step {step + 1}: pairs {mean[0]:.3f}, names {mean[1]:.3f}, {time.time() - start:.0f} s", flush=True)
            model.save(clip)


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    wanted = memes.all_slugs() | set(art.keywords())
    pairs = Pairs(art.training_art(wanted, 64), STEPS * BATCH)
    clip = CLIPModel(model.config()).train()
    loader = DataLoader(pairs, BATCH, collate_fn=collate, num_workers=1, prefetch_factor=8)
    train(clip, loader, [art.name(slug) for slug in pairs.focus])
    model.save(clip)


if __name__ == "__main__":
    main()
