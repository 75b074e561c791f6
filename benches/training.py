"""Trains the four heads on the features of 5,063 made-up memes, with memeclip and with an equal loop in PyTorch.

    pip install -r tests/reference/requirements.txt
    cargo build --release -p memeclip-cli --features train
    python benches/training.py [--rounds 3] [--epochs 10]

Both use the published hyper-parameters and ViT-L/14's widths, and compute AUROC on `val` after each epoch. Both use all
processors: memeclip trains the heads in parallel, PyTorch trains them one after the other with its default threads. They
run in turns; the last line has the ratio of the medians.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "reference"))
import memeclip  # noqa: E402

MEMES, WIDTH, MAP = 5063, 768, 1024
RATE, DECAY, BATCH = 1e-4, 1e-4, 16


def make_features(directory):
    """Noise that depends a little on each label, in the format of `memeclip extract`; only hateful memes have a target."""
    rng = np.random.default_rng(1)
    image, text = rng.normal(size=(2, MEMES, WIDTH)).astype(np.float32)
    tensors = {"split": np.uint8([0] * 17 + [1] + [2] * 2)[np.arange(MEMES) % 20]}
    for task, names in memeclip.CLASSES.items():
        labels = rng.integers(0, len(names), MEMES)
        image += 0.1 * rng.normal(size=(len(names), WIDTH)).astype(np.float32)[labels]
        tensors[task] = labels.astype(np.int8)
        for kind, width in (("prompts", WIDTH), ("class_weights", MAP)):
            rows = rng.normal(size=(len(names), width)).astype(np.float32)
            tensors[f"{kind}.{task}"] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    tensors["target"][tensors["hate"] == 0] = -1
    tensors |= {"image": image, "text": text}
    save_file(tensors, directory / "features.safetensors", metadata={"towers": "made up"})
    lines = (json.dumps({"name": f"{row}.png", "text": ""}) + "\n" for row in range(MEMES))
    (directory / "memes.jsonl").write_text("".join(lines))
    return tensors


def auroc(labels, probabilities):
    if probabilities.shape[1] == 2:
        return roc_auc_score(labels, probabilities[:, 1])
    return roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")


def train_in_pytorch(tensors, task, epochs):
    torch.manual_seed(1)
    rows = [np.flatnonzero((tensors["split"] == split) & (tensors[task] >= 0)) for split in (0, 1)]
    (image, text, labels), validation = (
        [torch.from_numpy(tensors[name][part]) for name in ("image", "text", task)] for part in rows
    )
    labels = labels.long()
    head = memeclip.Head(WIDTH, WIDTH, MAP, len(memeclip.CLASSES[task]))
    head.classifier.weight.data.copy_(torch.from_numpy(tensors[f"class_weights.{task}"]))
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    best = 0
    for _ in range(epochs):
        head.train()
        for batch in torch.randperm(len(labels)).split(BATCH):
            loss = F.cross_entropy(head(image[batch], text[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            probabilities = head.eval()(*validation[:2]).softmax(dim=-1).numpy()
        score = auroc(validation[2].numpy(), probabilities)
        if score > best:
            best, kept = score, {name: value.clone() for name, value in head.state_dict().items()}
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    program = ROOT / "target" / "release" / "memeclip"
    times = {"memeclip": [], "PyTorch": []}
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        tensors = make_features(directory)
        command = [program, "train", "--features", directory, "--out", directory / "heads"]
        for _ in range(options.rounds):
            start = time.perf_counter()
            subprocess.run([*command, "--epochs", str(options.epochs)], check=True, capture_output=True)
            times["memeclip"].append(time.perf_counter() - start)
            start = time.perf_counter()
            for task in memeclip.CLASSES:
                train_in_pytorch(tensors, task, options.epochs)
            times["PyTorch"].append(time.perf_counter() - start)
            print({name: round(values[-1], 1) for name, values in times.items()}, flush=True)
    for name, values in times.items():
        print(f"{name}: median {statistics.median(values):.1f} s, minimum {min(values):.1f} s")
    ratio = statistics.median(times["PyTorch"]) / statistics.median(times["memeclip"])
    print(f"{options.epochs} epochs, {torch.get_num_threads()} threads: memeclip is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
