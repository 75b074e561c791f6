"""Writes onnxruntime's outputs of the networks in weights/ocr, for inputs from a formula: ../goldens/ocr/networks.json. Writes
../goldens/ocr/fixed-width.onnx too, a recogniser that fails on lines that are not 16 pixels wide.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
    python networks.py
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "weights/ocr"


def run(name, height, width):
    options = onnxruntime.SessionOptions()
    # With optimizations, it would also round activations where weights are int8.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(MODELS / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    values = 3 * np.sin(1.7 * np.arange(3 * height * width)).astype(np.float32).reshape(1, 3, height, width)
    return session.run(None, {session.get_inputs()[0].name: values})[0][0]


def fixed_width():
    """The pixels of a line of 48 x 16 as 768 columns with three classes; the number fits no other line."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [3], [1, 768, 3])
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph([node], "fixed", [value("x", [1, 3, 48, "width"])], [value("y", [1, 768, 3])], [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def main():
    probabilities = run("recogniser", 48, 96)
    golden = {
        "detector": run("detector", 64, 64).ravel().round(5).tolist(),
        # The first 100 classes of each column.
        "recogniser": probabilities[:, :100].ravel().round(5).tolist(),
        "small": run("recogniser-small", 48, 96)[:, :100].ravel().round(5).tolist(),
    }
    (HERE.parent / "goldens/ocr/fixed-width.onnx").write_bytes(fixed_width())
    (HERE.parent / "goldens/ocr/networks.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
