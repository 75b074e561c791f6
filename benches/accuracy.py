"""How much of CLIP's features the rounded formats keep: memeclip's packs and onnxruntime, against float32.

    pip install -r benches/requirements.txt
    cargo build --release -p memeclip-cli
    memeclip synth --arch vit-l-14 --seed 1 [--outliers] --out MODEL
    python benches/export.py MODEL WEIGHTS
    memeclip convert --clip MODEL --dtype f32 --out WEIGHTS/pack-f32      # likewise q8 and q4
    python benches/accuracy.py WEIGHTS [--random 6 | --images FOLDER]

Every folder WEIGHTS/pack-NAME and every pair of files vision-NAME.onnx and text-NAME.onnx is a contender; pack-f32 is what
they are compared with. tests/parity compares such a pack with PyTorch. The memes are four of tests/goldens and some of
random_memes.py, or else the images of a folder with texts of tests/goldens. Prints 1 - cosine of each
feature, the mean and the worst of the memes.
"""

import argparse
import csv
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image
from safetensors.numpy import load_file

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests/reference"))
import goldens  # noqa: E402

GOLDEN = [meme for meme in goldens.MEMES if meme[1] not in ("", "None")][:4]


def write_memes(folder, options):
    """Writes memes.csv and pictures; returns the text of each picture."""
    subprocess.run([sys.executable, ROOT / "benches/random_memes.py", folder, "--count", str(options.random)], check=True)
    with open(folder / "memes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    memes = [(goldens.GOLDENS / "images" / name, text) for name, text in GOLDEN]
    row = rows[0]
    if options.images:
        rows, texts = [], itertools.cycle(text for _, text in GOLDEN)
        images = (path for path in options.images.iterdir() if path.suffix.lower() in Image.registered_extensions())
        memes = zip(sorted(images), texts)
    for image, text in memes:
        shutil.copy(image, folder / "pictures")
        rows.append(row | {"name": image.name, "text": text})
    with open(folder / "memes.csv", "w", newline="") as file:
        table = csv.DictWriter(file, row)
        table.writeheader()
        table.writerows(rows)
    return {row["name"]: row["text"] for row in rows}


def by_memeclip(pack, memes, out):
    """The features of the memes, by name: image and text."""
    program = ROOT / "target/release/memeclip"
    command = [program, "extract", "--data", memes / "memes.csv", "--images", memes / "pictures"]
    subprocess.run([*command, "--weights", pack, "--device", "cpu", "--out", out], check=True, capture_output=True)
    names = [json.loads(line)["name"] for line in (out / "memes.jsonl").read_text().splitlines()]
    features = load_file(out / "features.safetensors")
    return dict(zip(names, zip(features["image"], features["text"])))


def by_onnxruntime(weights, name, memes, texts):
    vision, text = (
        onnxruntime.InferenceSession(weights / f"{tower}-{name}.onnx", providers=["CPUExecutionProvider"])
        for tower in ("vision", "text")
    )
    tokenizer = SimpleTokenizer()
    found = {}
    for picture, words in texts.items():
        ids = tokenizer(words)[0]
        pixels = goldens.pixels(memes / "pictures" / picture, vision.get_inputs()[0].shape[2])
        image = vision.run(None, {"pixel_values": pixels[None].numpy()})[0][0]
        words = text.run(None, {"input_ids": ids[None, : ids.argmax() + 1].numpy()})[0][0]
        found[picture] = (image, words)
    return found


def loss(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return 1 - np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--random", type=int, default=6)
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    weights = options.weights
    with tempfile.TemporaryDirectory() as folder:
        memes = Path(folder)
        texts = write_memes(memes, options)
        exact = by_memeclip(weights / "pack-f32", memes, memes / "f32")
        print(f"1 - cosine in 1e-5, {len(texts)} memes\n")
        print("| contender | image: mean | worst | text: mean | worst |")
        print("| --- | ---: | ---: | ---: | ---: |", flush=True)
        packs = sorted(path.name for path in weights.glob("pack-*") if path.name != "pack-f32")
        onnx = sorted(path.stem.removeprefix("vision-") for path in weights.glob("vision-*.onnx"))
        for name in packs + onnx:
            found = (
                by_memeclip(weights / name, memes, memes / name)
                if name in packs
                else by_onnxruntime(weights, name, memes, texts)
            )
            losses = np.array([[loss(*pair) for pair in zip(found[meme], exact[meme])] for meme in texts])
            cells = [f"{1e5 * x:.1f}" for modality in losses.T for x in (modality.mean(), modality.max())]
            print(f"| {name if name in packs else f'onnxruntime {name}'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
