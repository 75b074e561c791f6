"""Writes seeded random memes of ordinary sizes to OUT/memes.csv and OUT/pictures, to measure `memeclip extract`.

    python benches/random_memes.py OUT [--count 5063]
    memeclip synth --arch vit-l-14 --out CLIP
    memeclip convert --clip CLIP --dtype q8 --out PACK
    memeclip extract --data OUT/memes.csv --images OUT/pictures --weights PACK --out FEATURES

`extract` prints the time for a meme. All memes take about the same time, so it can be stopped early.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image

WORDS = "when you the cat me everyone nobody at party again why is this always monday not a love hate proud".split()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=5063)
    options = parser.parse_args()
    pictures = options.out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    with open(options.out / "memes.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "text", "hate", "target", "stance", "humour", "split"])
        for row in range(options.count):
            rng = np.random.default_rng([1, row])
            noise = Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8))
            name = f"{row:05}.jpg"
            noise.resize(tuple(rng.integers(400, 1000, 2)), Image.BICUBIC).save(pictures / name, quality=85)
            text = " ".join(rng.choice(WORDS, rng.integers(4, 25)))
            hate = rng.integers(2)
            target = rng.integers(4) if hate else ""
            split = rng.choice(["train", "val", "test"], p=[0.85, 0.05, 0.1])
            table.writerow([name, text, hate, target, rng.integers(3), rng.integers(2), split])


if __name__ == "__main__":
    main()
