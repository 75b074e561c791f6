"""Fine-tunes a seeded BERT-base and ViT-B/16 in full, with memeclip and with an equal loop in PyTorch, and compares a step.

    pip install -r tests/reference/requirements.txt
    cargo build --release -p memeclip-cli --features train
    python benches/encoders.py [--rounds 3] [--program target/release/memeclip]

A step has 16 memes; BERT's texts have 128 tokens. memeclip's step is the difference between a training of 5 steps and one
of 1, over 4: what it does once, such as reading weights and writing them, does not count. ViT's images are files that
memeclip decodes in each step; PyTorch gets pixels. They run in turns; the last line of each has the ratio of the medians.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.numpy import save_file

ROOT = Path(__file__).parents[1]
BATCH, TOKENS, CLASSES = 16, 128, {"hate": 2, "target": 4, "stance": 3, "humor": 2}


def make_encoder(system, directory):
    """A folder as Hugging Face's, with random weights of the published sizes."""
    torch.manual_seed(1)
    if system == "bert":
        model = transformers.BertForSequenceClassification(transformers.BertConfig(num_labels=2))
        for file in (ROOT / "tests/goldens/encoders/bert").glob("*token*"):
            shutil.copy(file, directory)
    else:
        model = transformers.ViTForImageClassification(transformers.ViTConfig(num_labels=2))
        size = {"height": 224, "width": 224}
        transformers.ViTImageProcessor(size=size).save_pretrained(directory)
    model.save_pretrained(directory)
    return model


def make_data(directory, steps):
    """Features of `steps` batches to train on, and a few memes to choose the epoch and to test."""
    directory.mkdir()
    memes = steps * BATCH + 8
    split = np.uint8([0] * (steps * BATCH) + [1] * 4 + [2] * 4)
    tensors = {"split": split, "image": np.zeros((memes, 4), np.float32), "text": np.zeros((memes, 4), np.float32)}
    for task, classes in CLASSES.items():
        tensors[task] = np.int8(np.arange(memes) % classes)
        for kind in ("prompts", "class_weights"):
            tensors[f"{kind}.{task}"] = np.eye(classes, 4, dtype=np.float32)
    save_file(tensors, directory / "features.safetensors", metadata={"towers": "made up"})
    rng = np.random.default_rng(1)
    (directory / "images").mkdir()
    with open(directory / "memes.jsonl", "w") as file:
        for i in range(memes):
            Image.fromarray(rng.integers(0, 256, (224, 224, 3), np.uint8)).save(directory / f"images/{i}.png")
            file.write(json.dumps({"name": f"{i}.png", "text": "a " * 2 * TOKENS}) + "\n")
    return directory


def memeclip_seconds(program, system, encoder, data, out):
    command = [program, "train", "--features", data, "--system", system, "--encoder", encoder, "--task", "hate"]
    images = ["--images", data / "images"] if system == "vit" else []
    start = time.perf_counter()
    subprocess.run([*command, *images, "--epochs", "1", "--out", out], check=True, capture_output=True)
    return time.perf_counter() - start


def pytorch_seconds(system, model, steps):
    """Seconds of a step, after one to warm up."""
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01)
    if system == "bert":
        inputs = {"input_ids": torch.randint(5, 100, (BATCH, TOKENS))}
    else:
        inputs = {"pixel_values": torch.randn(BATCH, 3, 224, 224)}
    labels = torch.arange(BATCH) % 2
    for step in range(steps + 1):
        if step == 1:
            start = time.perf_counter()
        model(**inputs, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
    return (time.perf_counter() - start) / steps


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", type=Path, default=ROOT / "target/release/memeclip")
    parser.add_argument("--system", choices=["bert", "vit"], action="append")
    options = parser.parse_args()
    for system in options.system or ["bert", "vit"]:
        times = {"memeclip": [], "PyTorch": []}
        with tempfile.TemporaryDirectory() as directory:
            directory = Path(directory)
            encoder = directory / "encoder"
            encoder.mkdir()
            model = make_encoder(system, encoder)
            short, long = (make_data(directory / f"{steps}", steps) for steps in (1, 5))
            for turn in range(options.rounds):
                seconds = [
                    memeclip_seconds(options.program, system, encoder, data, directory / f"out{turn}-{data.name}")
                    for data in (short, long)
                ]
                times["memeclip"].append((seconds[1] - seconds[0]) / 4)
                times["PyTorch"].append(pytorch_seconds(system, model, 4))
                print(system, {name: round(values[-1], 2) for name, values in times.items()}, flush=True)
        for name, values in times.items():
            print(f"{system}, {name}: a step, median {statistics.median(values):.2f} s, minimum {min(values):.2f} s")
        ratio = statistics.median(times["PyTorch"]) / statistics.median(times["memeclip"])
        print(f"{system}: {torch.get_num_threads()} threads, PyTorch's time is {ratio:.2f} of memeclip's")


if __name__ == "__main__":
    main()
