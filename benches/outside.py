"""How many memes lie outside of what a head knows, and how well the distance tells kinds of memes apart.

    memeclip extract --data memes.csv --images pictures --weights weights/default --out DIR     # for each kind
    python benches/outside.py TRAINING KNOWN OTHERS...

Each argument is a directory that `extract` wrote. The distribution is fitted to the split train of TRAINING, with its
limits from val, as crates/train/src/domain.rs does, by scikit-learn. KNOWN are other memes of the same kind.
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

INSIDE = 0.99
SCALINGS = {"as they are": lambda x: x, "of length 1": lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)}


def read(folder):
    features = load_file(Path(folder) / "features.safetensors")
    lines = (Path(folder) / "memes.jsonl").read_text().splitlines()
    # Without words, the text does not count.
    features["worded"] = np.array([json.loads(line)["text"].strip() not in ("", "None") for line in lines])
    return features


def main():
    training, known, *others = map(read, sys.argv[1:])
    names = sys.argv[2:]
    for scaling, scale in SCALINGS.items():
        for axes in (8, 16, 32, 64):
            print(f"features {scaling}, {axes} axes: per cent outside by image, by text, by either; AUROC against the known by each")
            distances, limits = {}, {}
            for modality in ("image", "text"):
                counts = training["worded"] | (modality == "image")
                values = {split: scale(training[modality][counts & (training["split"] == split)].astype("f8")) for split in (0, 1)}
                pca = PCA(axes, svd_solver="full").fit(values[0])
                validation = np.sort(-pca.score_samples(values[1]))
                limits[modality] = validation[min(len(validation), int(np.ceil((len(validation) + 1) * INSIDE))) - 1]
                distances[modality] = [-pca.score_samples(scale(f[modality].astype("f8"))) for f in (known, *others)]
            for i, name in enumerate(names):
                worded = (known, *others)[i]["worded"]
                outside = [(distances[modality][i] > limits[modality]) & (worded | (modality == "image")) for modality in limits]
                shares = [100 * part.mean() for part in (*outside, outside[0] | outside[1])]
                aurocs = []
                for near, *far in distances.values():
                    if i:
                        labels = np.repeat([0, 1], [len(near), len(far[i - 1])])
                        aurocs.append(f"{roc_auc_score(labels, np.concatenate([near, far[i - 1]])):.2f}")
                print(f"  {name:12}", *(f"{share:5.1f}" for share in shares), *aurocs)


if __name__ == "__main__":
    main()
