"""Measures the heads on memes that they never saw, and writes results.json.

Four sets: new memes of the training's styles and captions; new captions; a new art style; and both new, "held-out".
With `--pack`, the held-out memes also go through the program with the quantized pack, as a user's pictures do.
"""

import argparse
import json
import subprocess

import numpy as np
import torch
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, f1_score

import art
import memes
import model
from memeclip import CLASSES, Head
from train_heads import MODALITIES, auroc, dataset, draw, probabilities, rows_of

SEED, COUNT, PACK_COUNT = 100, 1500, 200
# Pictures are drawn larger than CLIP's input and then squashed, as a user's picture is.
DRAWN = 200
PACK = art.HERE.parent / "default"
HELD_OUT, PACK_NAME = "held-out", "held-out, quantized pack"


def scores(labels, probabilities):
    predicted = probabilities.argmax(axis=1)
    return {
        "memes": len(labels),
        "accuracy": round(100 * accuracy_score(labels, predicted), 1),
        "macro_f1": round(100 * f1_score(labels, predicted, average="macro"), 1),
        "auroc": round(100 * auroc(labels, probabilities), 1),
    }


def load_head(task, modality):
    head = Head(model.WIDTH, model.WIDTH, model.WIDTH, len(CLASSES[task]))
    head.load_state_dict(load_file(model.head_file(task, modality)))
    return head


def sets():
    """{name: (seed, galleries, captions)}"""
    slugs = memes.all_slugs()
    known, new = art.training_art(slugs, 128), [art.held_out_art(slugs, 128)]
    parts = {
        "fresh": (known, "training"),
        "new captions": (known, "held-out"),
        "new style": (new, "training"),
        HELD_OUT: (new, "held-out"),
    }
    return {name: (SEED + i, *part) for i, (name, part) in enumerate(parts.items())}


def evaluate():
    """{set: {task: {modality: scores}}}"""
    clip = model.load()
    results = {}
    for name, drawn in sets().items():
        images, texts, labels = dataset(*drawn, COUNT, DRAWN)
        features = model.features(clip, images, texts)
        results[name] = {}
        for task in CLASSES:
            image, text, wanted = rows_of(features, labels[task])
            results[name][task] = {
                modality: scores(wanted.numpy(), probabilities(load_head(task, modality), modality, image, text))
                for modality in MODALITIES
            }
            print(name, task, results[name][task], flush=True)
    return results


def classify(program, file, text):
    """{task: [probability]}, from the program itself."""
    command = [program, "classify", "--weights", PACK, "--image", file, f"--text={text}", "--device", "cpu", "--json"]
    verdict = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {task: list(values["probabilities"].values()) for task, values in verdict["tasks"].items()}


def evaluate_pack(program):
    """{task: scores} of the pack on the first held-out memes, as files."""
    found = {task: ([], []) for task in CLASSES}
    file = art.WORK / "meme.png"
    seed, galleries, part = sets()[HELD_OUT]
    for index in range(PACK_COUNT):
        image, meme = draw(seed, index, galleries, part, DRAWN)
        image.save(file)
        for task, values in classify(program, file, meme.caption.text).items():
            if meme.labels[task] is not None:
                found[task][0].append(meme.labels[task])
                found[task][1].append(values)
    return {task: scores(np.array(labels), np.array(values)) for task, (labels, values) in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", metavar="PROGRAM", help="the memeclip program: measure the finished pack")
    program = parser.parse_args().pack
    torch.set_num_threads(1)
    file = art.HERE / "results.json"
    if program is None:
        results = evaluate()
    else:
        results = json.loads(file.read_text(encoding="utf-8"))
        results[PACK_NAME] = evaluate_pack(program)
    file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
