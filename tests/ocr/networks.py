"""Writes onnxruntime's outputs of the two networks in weights/ocr, for inputs from a formula: ../goldens/ocr/networks.json.

    pip install onnxruntime==1.32.0 numpy==2.4.6
    python networks.py
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "weights/ocr"


def run(name, height, width):
    options = onnxruntime.SessionOptions()
    # With optimizations, it would also round activations where weights are int8.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(MODELS / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    values = 3 * np.sin(1.7 * np.arange(3 * height * width)).astype(np.float32).reshape(1, 3, height, width)
    return session.run(None, {session.get_inputs()[0].name: values})[0][0]


def main():
    probabilities = run("recogniser", 48, 96)
    golden = {
        "detector": run("detector", 64, 64).ravel().round(5).tolist(),
        # The first 100 classes of each column.
        "recogniser": probabilities[:, :100].ravel().round(5).tolist(),
    }
    (HERE.parent / "goldens/ocr/networks.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
