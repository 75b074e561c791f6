"""Writes a made-up data set in PrideMM's layout: memes.csv and the folder pictures.

    python dataset.py OUT --count 5063 --seed 200 --size 200

tests/memes is a small one, in which each part has every class of every task:

    python dataset.py ../../tests/memes --count 120 --seed 305 --size 96 --shares 60 20 20
"""

import argparse
import csv
from pathlib import Path

import art
import memes
from train_heads import draw

# PrideMM's.
SHARES = {"train": 85, "val": 5, "test": 10}
COLUMNS = ("name", "text", "hate", "target", "stance", "humour", "split")
# Pictures come in both formats, as on the web.
SUFFIXES = ("jpg", "webp")
QUALITY = 80


def splits(shares):
    """The splits of a hundred rows, spread evenly, so that each part of the file has its share of each."""
    places = [((i + 0.5) / share, split) for split, share in zip(SHARES, shares) for i in range(share)]
    return [split for _, split in sorted(places)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--size", type=int, required=True, help="pixels of a side")
    parser.add_argument("--shares", type=int, nargs=3, default=list(SHARES.values()), help="train, val, test, in per cent")
    arguments = parser.parse_args()

    galleries = art.training_art(memes.all_slugs(), 128)
    pictures = arguments.out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    split_of = splits(arguments.shares)
    with open(arguments.out / "memes.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for index in range(arguments.count):
            image, meme = draw(arguments.seed, index, galleries, "training", arguments.size)
            name = f"{index:05}.{SUFFIXES[index % len(SUFFIXES)]}"
            image.save(pictures / name, quality=QUALITY)
            labels = meme.labels
            # A column with gaps is one of floats, as pandas writes it.
            target = "" if labels["target"] is None else float(labels["target"])
            row = (labels["hate"], target, labels["stance"], labels["humor"], split_of[index % len(split_of)])
            table.writerow((name, meme.caption.text, *row))


if __name__ == "__main__":
    main()
