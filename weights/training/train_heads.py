"""Trains the four heads on the frozen CLIP's features, and, to compare with, heads that see one modality only."""

import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score

import art
import memes
import model
from captions import pick
from memeclip import CLASSES, PROMPT, Head, semantic_initialisation
from picture import picture

SEED = 2
TRAINING, VALIDATION = 30000, 3000
EPOCHS, BATCH, RATE, DECAY = 12, 256, 2e-3, 1e-4
# A small model on plentiful data needs less than the published (0.1, 0.4, 0.2).
DROPOUT = (0, 0.1, 0.1)
MODALITIES = ("both", "image", "text")


def draw(seed, index, galleries, part, size):
    """(picture, meme); a function of the seed, the index and the size."""
    rng = np.random.default_rng([seed, index])
    gallery = pick(rng, galleries)
    meme = memes.meme(rng, gallery, part)
    return picture(rng, gallery, meme.figures, meme.caption.text, size), meme


def dataset(seed, galleries, part, count, size=model.IMAGE):
    """Memes drawn at `size` and squashed to CLIP's: images [count, side, side, 3], texts, and by task the labels, -1 where
    it has none."""
    images, texts, labels = [], [], []
    for index in range(count):
        image, meme = draw(seed, index, galleries, part, size)
        images.append(np.asarray(image.resize((model.IMAGE, model.IMAGE), Image.BICUBIC)))
        texts.append(meme.caption.text)
        labels.append([-1 if meme.labels[task] is None else meme.labels[task] for task in CLASSES])
    return np.stack(images), texts, dict(zip(CLASSES, torch.tensor(labels).T))


def seen(modality, image, text):
    """Features for a head that sees one modality: the other is always nought, so that its projection is a constant."""
    return (
        image if modality != "text" else torch.zeros_like(image),
        text if modality != "image" else torch.zeros_like(text),
    )


def auroc(labels, probabilities):
    """One class against the others, averaged."""
    if probabilities.shape[1] == 2:
        return roc_auc_score(labels, probabilities[:, 1])
    return roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")


@torch.no_grad()
def probabilities(head, modality, image, text):
    return head.eval()(*seen(modality, image, text)).softmax(dim=-1).numpy()


def train(task, modality, weights, training, validation):
    """`training`, `validation`: (image features, text features, labels). The best epoch by AUROC on `validation`."""
    torch.manual_seed(SEED)
    head = Head(model.WIDTH, model.WIDTH, model.WIDTH, len(CLASSES[task]), dropout=DROPOUT)
    head.classifier.weight.data.copy_(weights)
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    image, text, labels = training
    best = (0, None)
    for _ in range(EPOCHS):
        head.train()
        for rows in torch.randperm(len(labels)).split(BATCH):
            loss = F.cross_entropy(head(*seen(modality, image[rows], text[rows])), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
        score = auroc(validation[2], probabilities(head, modality, *validation[:2]))
        if score > best[0]:
            best = (score, {name: value.clone() for name, value in head.state_dict().items()})
    print(f"{task}, {modality}: AUROC {best[0]:.3f} on validation", flush=True)
    return best[1]


def rows_of(features, labels):
    """Only the rows that have a label."""
    rows = labels >= 0
    return features[0][rows], features[1][rows], labels[rows]


def main():
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    clip = model.load()
    galleries = art.training_art(memes.all_slugs(), 64)
    start = time.time()
    sets = [dataset(SEED + i, galleries, "training", n) for i, n in enumerate((TRAINING, VALIDATION))]
    features = [model.features(clip, images, texts) for images, texts, _ in sets]
    print(f"features of {TRAINING + VALIDATION} memes: {time.time() - start:.0f} s", flush=True)
    # The heads are too small to gain from threads.
    torch.set_num_threads(1)
    for task, classes in CLASSES.items():
        with torch.no_grad():
            weights = semantic_initialisation(clip, model.ids([PROMPT.format(name) for name in classes]))
        training, validation = (rows_of(f, labels[task]) for f, (_, _, labels) in zip(features, sets))
        for modality in MODALITIES:
            save_file(train(task, modality, weights, training, validation), model.head_file(task, modality))


if __name__ == "__main__":
    main()
