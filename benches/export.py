"""Exports CLIP's two towers to ONNX, and a meme with its features by PyTorch: the input of the benchmarks.

    pip install -r benches/requirements.txt
    cargo run --release -p memeclip-cli -- synth --arch vit-l-14 --seed 1 --out target/synth/vit-l-14
    python benches/export.py target/synth/vit-l-14 OUT [--blocks 2] [--compare]

`vision-*.onnx` maps pixel_values [1, 3, size, size] to the projected image feature. `text-*.onnx` maps input_ids
[1, tokens], with the end token last, to that token's state after the last LayerNorm. memeclip's heads take the same
features. Also writes

    meme.json     picture (a file in tests/goldens/images), text, ids, image_feature, text_feature, the size of images, and
                  operations: the floating-point operations of a verdict, counting a multiplication and an addition for each
                  term of the towers' matrix products
    pixels.f32    the image's pixel_values, little-endian

--blocks cuts both towers to that many blocks, for engines that are too slow for all of them. OUT/model is then the cut
model, for `memeclip convert`.

The graph is the one that onnxruntime runs best. Attention is a single MultiHeadAttention node, and
onnxruntime.transformers.optimizer (model_type clip) fuses QuickGelu and SkipLayerNormalization. It could also fuse the vision
tower's attention into an Attention node, but the 4-bit quantizer ignores the weights of that node. Formats:

    f32   unchanged
    int8  quantize_dynamic, as for transformers.js; weights are QInt8 per channel with their full range; the patch
          convolution stays f32. Full range and a scale per channel are the most accurate choice, at the same speed. QUInt8
          is as accurate, but takes twice as long natively.
    q4    MatMulNBits, blocks of 32, symmetric, int8 products where onnxruntime has them (accuracy_level 4). As for
          transformers.js, the token table stays f32; 4 bits would save 128 MB and lower the text's cosine by 0.008.

--compare prints the cosines of the other choices to PyTorch's features.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

import onnx
import onnxruntime
import torch
import towers
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers import optimizer
from safetensors.torch import load_file, save_file
from torch import library
from torch.nn import functional as F
from torch.onnx.symbolic_helper import parse_args
from towers import Text, Vision
from transformers import CLIPModel
from transformers.models.clip.modeling_clip import CLIPAttention

sys.path.append(str(Path(__file__).parents[1] / "tests/reference"))
from goldens import GOLDENS, pixels  # noqa: E402

OPSET = 17


@library.custom_op("bench::multi_head_attention", mutates_args=())
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int, causal: bool) -> torch.Tensor:
    """Multi-head attention on [batch, tokens, width], a single node in ONNX."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return out.transpose(1, 2).flatten(2).contiguous()


@parse_args("v", "v", "v", "i", "b")
def attention_node(graph, q, k, v, heads, causal):
    node = graph.op("com.microsoft::MultiHeadAttention", q, k, v, num_heads_i=heads, unidirectional_i=int(causal))
    node.setType(q.type())
    return node


torch.onnx.register_custom_op_symbolic("bench::multi_head_attention", attention_node, OPSET)


def attend(self, hidden_states, attention_mask=None, is_causal=False, **_):
    q, k, v = (project(hidden_states) for project in (self.q_proj, self.k_proj, self.v_proj))
    return self.out_proj(attention(q, k, v, self.num_heads, is_causal)), None


def cut(directory, blocks, out):
    """The model with its towers cut to a number of blocks."""
    out.mkdir(exist_ok=True)
    config = json.loads((directory / "config.json").read_text())
    for tower in ("vision_config", "text_config"):
        config[tower]["num_hidden_layers"] = blocks
    (out / "config.json").write_text(json.dumps(config))
    for name in ("merges.txt", "vocab.json"):
        (out / name).write_bytes((directory / name).read_bytes())
    state = load_file(directory / "model.safetensors")
    kept = {name: x for name, x in state.items() if ".layers." not in name or int(name.split(".")[3]) < blocks}
    save_file(kept, out / "model.safetensors", metadata={"format": "pt"})
    return out


def operations(config, tokens):
    def blocks(tower, tokens):
        width = tower.hidden_size
        attention = 8 * tokens * width**2 + 4 * tokens**2 * width
        return tower.num_hidden_layers * (attention + 4 * tokens * width * tower.intermediate_size)

    vision = config.vision_config
    patches = (vision.image_size // vision.patch_size) ** 2
    embedding = 2 * patches * 3 * vision.patch_size**2 * vision.hidden_size
    projection = 2 * vision.hidden_size * config.projection_dim
    return embedding + blocks(vision, patches + 1) + projection + blocks(config.text_config, tokens)


def meme(clip, out):
    """Writes the first golden meme and its features; returns the inputs of the towers."""
    golden = json.loads((GOLDENS / "vit-l-14.json").read_text())["memes"][0]
    size = clip.config.vision_config.image_size
    inputs = {"vision": pixels(golden["image"], size)[None], "text": torch.tensor([golden["ids"]])}
    inputs["vision"].numpy().astype("<f4").tofile(out / "pixels.f32")
    found = {
        "picture": golden["image"],
        "text": golden["text"],
        "ids": golden["ids"],
        "image_feature": Vision(clip)(inputs["vision"])[0].tolist(),
        "text_feature": Text(clip)(inputs["text"])[0].tolist(),
        "size": size,
        "operations": operations(clip.config, len(golden["ids"])),
    }
    (out / "meme.json").write_text(json.dumps(found))
    return inputs, found


def fused(clip, tower, example, out):
    """Writes the tower in float32, in the form that onnxruntime runs best."""
    name, module = {"vision": ("pixel_values", Vision), "text": ("input_ids", Text)}[tower]
    axes = {"input_ids": {1: "tokens"}} if tower == "text" else None
    torch.onnx.export(
        module(clip), (example,), out, input_names=[name], output_names=["feature"], dynamic_axes=axes,
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    config = getattr(clip.config, f"{tower}_config")
    model = optimizer.optimize_model(
        str(out), "clip", num_heads=config.num_attention_heads, hidden_size=config.hidden_size, opt_level=0
    )
    model.save_model_to_file(str(out))


def int8(f32, out, weight_type=QuantType.QInt8, per_channel=True, reduce_range=False):
    quantize_dynamic(
        f32, out, op_types_to_quantize=["MatMul", "Gather"], weight_type=weight_type, per_channel=per_channel,
        reduce_range=reduce_range,
        # onnxruntime does not infer shapes after its own nodes; activations are floats.
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )  # fmt: skip


def q4(f32, out, is_symmetric=True, accuracy_level=4):
    quantizer = MatMulNBitsQuantizer(
        onnx.load(f32), block_size=32, is_symmetric=is_symmetric, accuracy_level=accuracy_level
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(out))


def cosine(path, example, expected):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return towers.cosine(session.run(None, {session.get_inputs()[0].name: example.numpy()})[0][0], expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="a model by `memeclip synth`")
    parser.add_argument("out", type=Path)
    parser.add_argument("--blocks", type=int)
    parser.add_argument("--compare", action="store_true")
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    logging.disable(logging.WARNING)

    directory = cut(options.directory, options.blocks, out / "model") if options.blocks else options.directory
    clip = CLIPModel.from_pretrained(directory, dtype=torch.float32).eval()
    # The features are those of Hugging Face's model.
    inputs, found = meme(clip, out)
    CLIPAttention.forward = attend
    for tower, feature in (("vision", found["image_feature"]), ("text", found["text_feature"])):
        paths = {dtype: out / f"{tower}-{dtype}.onnx" for dtype in ("f32", "int8", "q4")}
        fused(clip, tower, inputs[tower], paths["f32"])
        int8(paths["f32"], paths["int8"])
        q4(paths["f32"], paths["q4"])
        for dtype, path in paths.items():
            print(f"{tower} {dtype}: cosine {cosine(path, inputs[tower], feature):.6f}", flush=True)
        if options.compare:
            trial = out / "trial.onnx"
            for weight_type in (QuantType.QInt8, QuantType.QUInt8):
                for per_channel in (False, True):
                    for reduce_range in (False, True):
                        int8(paths["f32"], trial, weight_type, per_channel, reduce_range)
                        choice = f"{weight_type.name} per_channel={per_channel} reduce_range={reduce_range}"
                        print(f"{tower} {choice}: cosine {cosine(trial, inputs[tower], feature):.6f}", flush=True)
            for is_symmetric in (True, False):
                for level in (0, 4):
                    q4(paths["f32"], trial, is_symmetric, level)
                    choice = f"q4 is_symmetric={is_symmetric} accuracy_level={level}"
                    print(f"{tower} {choice}: cosine {cosine(trial, inputs[tower], feature):.6f}", flush=True)
            trial.unlink()


if __name__ == "__main__":
    with torch.no_grad():
        main()
