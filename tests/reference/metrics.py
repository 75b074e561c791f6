"""Writes tests/goldens/metrics.json: scikit-learn's, torchmetrics' and scipy's figures on seeded predictions.

    pip install -r tests/reference/requirements.txt
    python tests/reference/metrics.py

`predictions` holds cases {name, classes, labels [n], probabilities [n][classes]} and of each

    accuracy, macro_f1, confusion, roc (of class 1)   scikit-learn
    auroc                                             scikit-learn for two classes, torchmetrics for more
    calibration_error                                 torchmetrics
    thresholds (two classes)                          scikit-learn
    interval                                          scipy's percentile bootstrap of the accuracy

where null stands for "not defined". `paired` holds {differences [n], p}, by scipy's permutation test, and `temperatures` {name, classes, labels, logits [n][classes], temperature}.
"""

import json
from pathlib import Path

import numpy as np
import torch
from scipy import optimize, special, stats
from sklearn import metrics
from torchmetrics.classification import MulticlassAUROC, MulticlassCalibrationError

GOLDENS = Path(__file__).parents[1] / "goldens"


def logits(rng, labels, classes, signal, scale):
    """Noisy logits in which the true class stands out by `signal`."""
    return scale * (rng.normal(0, 1, (len(labels), classes)) + signal * np.eye(classes)[labels])


def cases(rng):
    def case(classes, n, signal, scale, present=None, digits=3):
        labels = rng.integers(0, present or classes, n)
        return classes, labels, special.softmax(logits(rng, labels, classes, signal, scale), axis=1).round(digits)

    yield "two", *case(2, 80, 1, 1)
    yield "three", *case(3, 80, 1, 1)
    yield "four", *case(4, 80, 1, 1)
    yield "ties", *case(2, 60, 1, 1, digits=1)
    yield "ties of four", *case(4, 60, 1, 1, digits=1)
    yield "confident", *case(2, 60, 1, 20)
    yield "confident three", *case(3, 60, 1, 20)
    yield "absent of four", *case(4, 60, 1, 1, present=3)
    yield "never said", 3, rng.integers(0, 2, 40), np.column_stack([rng.uniform(0, 0.5, (40, 2)).round(3), np.zeros(40)])
    yield "one of two", *case(2, 20, 1, 1, present=1)
    yield "perfect", 3, np.arange(3).repeat(5), np.eye(3).repeat(5, axis=0)
    yield "constant", 2, rng.integers(0, 2, 30), np.full((30, 2), 0.5)
    # On the edges of the calibration error's bins, and next to them on either side.
    edges = torch.linspace(0, 1, 16).numpy()[8:]
    edges = np.concatenate([np.nextafter(edges, np.float32(0)), edges, np.nextafter(edges, np.float32(1))])
    yield "edges", 2, rng.integers(0, 2, len(edges)), np.column_stack([edges, 1 - edges])


def figures(classes, labels, probabilities):
    probabilities = np.float32(probabilities)
    predicted = probabilities.argmax(axis=1)
    names = list(range(classes))
    tensors = torch.tensor(probabilities), torch.tensor(labels)
    several = len(set(labels.tolist())) > 1
    if not several:
        auroc = None
    elif classes == 2:
        auroc = metrics.roc_auc_score(labels, probabilities[:, 1])
    else:
        auroc = MulticlassAUROC(classes, average="macro")(*tensors).item()
    result = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "macro_f1": metrics.f1_score(labels, predicted, labels=names, average="macro", zero_division=0),
        "confusion": metrics.confusion_matrix(labels, predicted, labels=names).tolist(),
        "auroc": auroc,
        "calibration_error": MulticlassCalibrationError(classes, n_bins=15, norm="l1")(*tensors).item(),
        "roc": None,
    }
    if several:
        fpr, tpr, threshold = metrics.roc_curve(labels == 1, probabilities[:, 1], drop_intermediate=False)
        threshold = [None, *np.float64(threshold[1:]).tolist()]
        result["roc"] = {"fpr": fpr.tolist(), "tpr": tpr.tolist(), "threshold": threshold}
    if classes == 2:
        thresholds = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]
        result["thresholds"] = [at_threshold(labels, probabilities[:, 1], t) for t in thresholds]
    correct = predicted == labels
    if 0 < correct.mean() < 1 and several:
        seed = np.random.default_rng(0)
        interval = stats.bootstrap((correct,), np.mean, n_resamples=20000, method="percentile", rng=seed)
        result["interval"] = list(interval.confidence_interval)
    return result


def at_threshold(labels, scores, threshold):
    flagged = np.float64(scores) >= threshold
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, flagged.astype(int), labels=[1], zero_division=0
    )
    names = ["threshold", "precision", "recall", "f1", "flagged"]
    return dict(zip(names, map(float, [threshold, precision[0], recall[0], f1[0], flagged.mean()])))


def temperatures(rng):
    for name, classes, signal, scale in [
        ("overconfident", 2, 1, 10),
        ("overconfident of four", 4, 2, 30),
        ("shy", 3, 3, 0.1),
        ("calibrated", 4, 1, 1),
        ("against the truth", 3, -2, 5),
    ]:
        labels = rng.integers(0, classes, 60)
        z = np.float64(np.float32(logits(rng, labels, classes, signal, scale).round(3)))

        def cross_entropy(log):
            return -special.log_softmax(z / np.exp(log), axis=1)[np.arange(len(z)), labels].mean()

        best = optimize.minimize_scalar(
            cross_entropy, bounds=np.log([0.01, 100]), method="bounded", options={"xatol": 1e-10}
        )
        temperature = float(np.exp(best.x))
        yield {
            "name": name,
            "classes": classes,
            "labels": labels.tolist(),
            "logits": short(z),
            "temperature": temperature,
        }


def paired(rng):
    """Of two classifiers: right (1) or wrong (0) of three runs each, averaged, and the difference for each example."""
    for n, gain in [(12, 0.0), (12, 0.4), (300, 0.0), (300, 0.06), (300, 0.15)]:
        right = rng.random((2, 3, n)) < np.array([0.6, 0.6 + gain])[:, None, None]
        first, second = right.mean(axis=1)
        differences = second - first
        test = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=20000, rng=np.random.default_rng(0)
        )
        yield {"differences": differences.tolist(), "p": float(test.pvalue)}


def short(values):
    """As float32 prints itself."""
    return [[float(str(value)) for value in row] for row in np.float32(values)]


if __name__ == "__main__":
    rng = np.random.default_rng(7)
    predictions = [
        {"name": name, "classes": classes, "labels": labels.tolist(), "probabilities": short(probabilities)}
        | figures(classes, labels, probabilities)
        for name, classes, labels, probabilities in cases(rng)
    ]
    goldens = {"predictions": predictions, "temperatures": list(temperatures(rng)), "paired": list(paired(rng))}
    lines = [f'"{key}": [\n' + ",\n".join(map(json.dumps, values)) + "\n]" for key, values in goldens.items()]
    (GOLDENS / "metrics.json").write_text("{" + ",\n".join(lines) + "}\n")
