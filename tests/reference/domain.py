"""Writes tests/goldens/domain.safetensors: how likely scikit-learn's probabilistic PCA finds features.

    pip install -r tests/reference/requirements.txt
    python tests/reference/domain.py

Seeded features of the tiny model's widths. For image and text the file holds

    <modality>.features        [rows, width], to which the model is fitted
    <modality>.others          [others, width], ever farther away
    <modality>.log_likelihood  [others], by sklearn.decomposition.PCA.score_samples
"""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.decomposition import PCA

ROWS, OTHERS = 200, 24
WIDTHS = {"image": 64, "text": 96}


def main():
    rng = np.random.default_rng(4)
    out = {}
    for modality, width in WIDTHS.items():
        mixing = rng.normal(size=(width, width)) * np.geomspace(1, 0.05, width)
        draw = lambda rows: (1 + rng.normal(size=(rows, width)) @ mixing.T).astype("f4")
        features = draw(ROWS)
        others = draw(OTHERS) * np.linspace(1, 5, OTHERS, dtype="f4")[:, None]
        pca = PCA(width // 2, svd_solver="full").fit(features.astype("f8"))
        out[f"{modality}.features"], out[f"{modality}.others"] = features, others
        out[f"{modality}.log_likelihood"] = pca.score_samples(others.astype("f8")).astype("f4")
    save_file(out, Path(__file__).parents[1] / "goldens" / "domain.safetensors")


if __name__ == "__main__":
    main()
