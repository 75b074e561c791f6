"""Writes tests/goldens/clips/: one small CLIP as OpenAI publishes such, and what PyTorch makes of it.

    pip install -r tests/reference/requirements.txt
    python tests/reference/clips.py

openai.pt is a TorchScript archive in f16, like ViT-L-14.pt; tests/cli/pull.rs writes its tensors in the other layouts that
people publish. goldens.json has the features of an image and of texts by open_clip, once with quick-GELU, as OpenAI's code
builds the archive, once with GELU, as LAION's models have it. For both, transformers' CLIPModel with the same tensors must
agree. merges.txt is the beginning of CLIP's: a small vocabulary makes a small file.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import open_clip
import torch
from open_clip.model import CLIP, build_model_from_openai_state_dict
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image
from torch import nn
from transformers import CLIPConfig, CLIPModel

GOLDENS = Path(__file__).parents[1] / "goldens"
OUT = GOLDENS / "clips"
MEAN = np.float32([0.48145466, 0.4578275, 0.40821073])
STD = np.float32([0.26862954, 0.26130258, 0.27577711])
MERGES = 30
VISION, TEXT, PROJECTION, PATCH, SIDE = 128, 64, 128, 4, 16
HEAD = 64
IMAGE = "photo.jpg"
TEXTS = ["one does not simply walk into mordor", "", "ME: I'll sleep early tonight 😴"]


class Module(nn.Module):
    """Has the parameters that are read; the code of an archive is not."""

    def forward(self, x: torch.Tensor):
        return x


class Attention(Module):
    def __init__(self, width):
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)


class Mlp(Module):
    def __init__(self, width):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)


class Block(Module):
    def __init__(self, width):
        super().__init__()
        self.attn, self.mlp = Attention(width), Mlp(width)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)


class Transformer(Module):
    def __init__(self, width):
        super().__init__()
        self.resblocks = nn.Sequential(Block(width))


class Visual(Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, VISION, PATCH, PATCH, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(VISION))
        self.positional_embedding = nn.Parameter(torch.empty((SIDE // PATCH) ** 2 + 1, VISION))
        self.ln_pre, self.ln_post = nn.LayerNorm(VISION), nn.LayerNorm(VISION)
        self.transformer = Transformer(VISION)
        self.proj = nn.Parameter(torch.empty(VISION, PROJECTION))


class Archive(Module):
    """The modules of OpenAI's archives."""

    def __init__(self):
        super().__init__()
        self.visual, self.transformer = Visual(), Transformer(TEXT)
        self.token_embedding = nn.Embedding(512 + MERGES + 2, TEXT)
        self.positional_embedding = nn.Parameter(torch.empty(77, TEXT))
        self.ln_final = nn.LayerNorm(TEXT)
        self.text_projection = nn.Parameter(torch.empty(TEXT, PROJECTION))
        self.logit_scale = nn.Parameter(torch.tensor(4.6))
        self.input_resolution, self.context_length, self.vocab_size = SIDE, 77, 512 + MERGES + 2


def noise(module):
    torch.manual_seed(1)
    for name, parameter in module.named_parameters():
        with torch.no_grad():
            if name.endswith("weight") and parameter.dim() == 1:
                parameter.normal_(1, 0.1)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.05)
            elif "embedding" in name:
                parameter.normal_(0, 0.1)
            elif name != "logit_scale":
                fan = parameter.shape[0] if name.endswith("proj") or name == "text_projection" else parameter[0].numel()
                parameter.normal_(0, fan**-0.5)


def tie(archive):
    """Makes all matrices views of one: a small file, with tensors that share a storage and lie across it, as they may."""
    pool = archive.visual.transformer.resblocks[0].mlp.c_fc.weight.detach()
    for module in (archive.visual.transformer.resblocks[0], archive.transformer.resblocks[0], archive.visual, archive):
        for name, parameter in list(module.named_parameters()):
            owner, _, own = name.rpartition(".")
            if parameter.dim() == 2 and "positional" not in name and own != "c_fc":
                view = pool.as_strided(parameter.shape, (1, len(parameter)))
                setattr(module.get_submodule(owner), own, nn.Parameter(view))


def hugging_face(state, activation):
    """transformers' CLIPModel with the tensors of OpenAI's."""

    def sizes(width):
        heads = dict(num_hidden_layers=1, num_attention_heads=width // HEAD, hidden_act=activation)
        return dict(hidden_size=width, intermediate_size=4 * width, projection_dim=PROJECTION) | heads

    tokens = dict(vocab_size=512 + MERGES + 2, bos_token_id=512 + MERGES, eos_token_id=512 + MERGES + 1)
    config = CLIPConfig(
        text_config=sizes(TEXT) | tokens, vision_config=sizes(VISION) | dict(image_size=SIDE, patch_size=PATCH), projection_dim=PROJECTION
    )
    model = CLIPModel(config).eval()
    theirs = {"visual_projection.weight": state["visual.proj"].T, "text_projection.weight": state["text_projection"].T}
    theirs["logit_scale"] = state["logit_scale"]
    names = [("ln_pre", "pre_layrnorm"), ("ln_post", "post_layernorm"), ("ln_final", "final_layer_norm"), ("ln_", "layer_norm")]
    names += [("c_fc", "fc1"), ("c_proj", "fc2"), ("attn.", "self_attn."), ("transformer.resblocks", "encoder.layers")]
    names += [("conv1", "embeddings.patch_embedding"), ("class_embedding", "embeddings.class_embedding")]
    names += [("token_embedding", "embeddings.token_embedding")]
    names += [("positional_embedding", "embeddings.position_embedding.weight")]
    for name, value in state.items():
        tower, own = ("vision_model.", name[7:]) if name.startswith("visual.") else ("text_model.", name)
        if own in ("proj", "text_projection", "logit_scale"):
            continue
        for old, new in names:
            own = own.replace(old, new)
        if "in_proj_" in own:
            for part, third in zip("qkv", value.chunk(3)):
                theirs[tower + own.replace("in_proj_", f"{part}_proj.")] = third
        else:
            theirs[tower + own] = value
    model.load_state_dict(theirs, strict=True)
    return model


def rounded(tensor):
    """Nested lists of numbers with seven digits."""
    return [rounded(row) for row in tensor] if tensor.dim() else float(f"{tensor.item():.7g}")


def features(clip, image, ids):
    """By open_clip: the image's feature, the texts' before their projection and after it."""
    joint = clip.encode_text(ids)
    projection, clip.text_projection = clip.text_projection, None
    plain = clip.encode_text(ids)
    clip.text_projection = projection
    return clip.encode_image(image), plain, joint


def main():
    OUT.mkdir(exist_ok=True)
    archive = Archive()
    noise(archive)
    archive.half()
    tie(archive)
    torch.jit.save(torch.jit.script(archive), OUT / "openai.pt")
    state = {name: value.float() for name, value in torch.jit.load(OUT / "openai.pt").state_dict().items()}

    source = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    merges = gzip.open(source).read().decode().split("\n")[1 : 1 + MERGES]
    (OUT / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    zipped = OUT / "merges.gz"
    zipped.write_bytes(gzip.compress(("#version\n" + "\n".join(merges)).encode()))
    tokenizer = SimpleTokenizer(zipped)
    zipped.unlink()
    ids = tokenizer([text or "null" for text in TEXTS])

    image = Image.open(GOLDENS / "images" / IMAGE).convert("RGB").resize((SIDE, SIDE), Image.BICUBIC)
    image = (np.asarray(image, np.float32) / 255 - MEAN) / STD
    image = torch.from_numpy(image.transpose(2, 0, 1).copy())[None]

    goldens = {"image": IMAGE, "texts": TEXTS}
    for activation, quick in [("quick_gelu", True), ("gelu", False)]:
        if quick:
            clip = build_model_from_openai_state_dict(dict(state), cast_dtype=torch.float32).float()
        else:
            vision = dict(image_size=SIDE, layers=1, width=VISION, patch_size=PATCH)
            text = dict(vocab_size=512 + MERGES + 2, width=TEXT, heads=TEXT // HEAD, layers=1)
            clip = CLIP(PROJECTION, vision, text)
            clip.load_state_dict(state)
        clip.eval()
        image_feature, plain, joint = features(clip, image, ids)
        other = hugging_face(state, activation)
        for ours, theirs in [
            (image_feature, other.get_image_features(pixel_values=image).pooler_output),
            (plain, other.text_model(input_ids=ids).pooler_output),
            (joint, other.get_text_features(input_ids=ids).pooler_output),
        ]:
            if not torch.allclose(ours, theirs, atol=1e-5):
                raise SystemExit(f"{activation}: open_clip and transformers differ by {(ours - theirs).abs().max():.1e}")
        goldens[activation] = {
            "image_feature": rounded(image_feature[0]),
            "text_features": rounded(plain),
            "joint_text_features": rounded(joint),
        }
    (OUT / "goldens.json").write_text(json.dumps(goldens, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with torch.no_grad():
        main()
