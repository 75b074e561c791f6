"""Exports CLIP's two towers to LiteRT: vision-int8.tflite and text-int8.tflite.

    pip install -r benches/requirements-litert.txt
    python benches/export_litert.py MODEL OUT

MODEL and OUT are those of export.py, which runs first: OUT has its meme.json and pixels.f32. The converter needs another
PyTorch than export.py, therefore another virtual environment.

Inputs and outputs are those of the ONNX towers, except that ids are int32 and that their number is fixed: to the meme's,
because LiteRT prepares a graph once for one shape.

Weights are int8 per channel, activations are quantised at run time (recipe dynamic_wi8_afp32 of ai-edge-quantizer). These
are the operations for which XNNPACK has its fast int8 kernels. Attention's products of two activations stay f32.

Linear layers are exported as products that keep all three dimensions. The converter drops the first one otherwise, and
LiteRT's WebGPU accelerator then rejects the graph.
"""

import argparse
import json
import tempfile
from pathlib import Path

import litert_torch
import numpy as np
import torch
import towers
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe
from transformers import CLIPModel


def product(self, x):
    y = x @ self.weight.T
    return y if self.bias is None else y + self.bias


def int8(module, example, out):
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        f32 = Path(folder) / "f32.tflite"
        litert_torch.convert(module, (torch.from_numpy(example),)).export(str(f32))
        quantise = quantizer.Quantizer(str(f32), recipe.dynamic_wi8_afp32())
        quantise.quantize().export_model(str(out), overwrite=True)


def run(path, example):
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], example)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

    meme = json.loads((options.out / "meme.json").read_text())
    size = meme["size"]
    pixels = np.fromfile(options.out / "pixels.f32", "<f4").reshape(1, 3, size, size)
    ids = np.array([meme["ids"]], np.int32)
    clip = CLIPModel.from_pretrained(options.model, dtype=torch.float32).eval()
    torch.nn.Linear.forward = product
    for tower, module, example in (("vision", towers.Vision, pixels), ("text", towers.Text, ids)):
        path = options.out / f"{tower}-int8.tflite"
        int8(module(clip).eval(), example, path)
        cosine = towers.cosine(run(path, example), meme[f"{'image' if tower == 'vision' else 'text'}_feature"])
        print(f"{tower} int8: cosine {cosine:.6f}", flush=True)


if __name__ == "__main__":
    with torch.no_grad():
        main()
