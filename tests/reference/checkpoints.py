"""Writes tests/goldens/{lightning.ckpt,state-dict.pt,wrapped.pt}: a head of `memeclip synth` as PyTorch users have it; and
tests/goldens/{pytorch_model.bin,torchscript.pt}: a CLIP as PyTorch users have it, and a program.

    cargo run --release -- synth --arch tiny --seed 1 --out target/synth/tiny
    python tests/reference/checkpoints.py target/synth/tiny

The first is like the authors' checkpoint: Lightning's dictionary, whose `state_dict` carries `clip_model.*` as well, next
to hyper-parameters and an optimiser's state. The second is a plain state dict. The third was trained under
`DistributedDataParallel` and `torch.compile` and is nested, beside an average that is not to be used. All are in 16 bits, to
be small. The CLIP has the tensors of `memeclip synth --arch tiny`, each with one value throughout.
"""

import argparse
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

GOLDENS = Path(__file__).parents[1] / "goldens"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="a model by `memeclip synth --arch tiny`")
    directory = parser.parse_args().directory
    state = load_file(directory / "head-hate.safetensors")
    lightning = {
        "epoch": 9,
        "global_step": 2280,
        "pytorch-lightning_version": "2.0.1",
        "state_dict": {name: value.half() for name, value in state.items()}
        | {"clip_model.logit_scale": torch.tensor(4.6), "clip_model.visual.proj": torch.ones(4, 4).half()},
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 10}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val/auroc'}": {"best_model_score": torch.tensor(0.8)}},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(2280.0), "exp_avg": torch.zeros(3)}}}],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 1e-4, "name": "MemeCLIP", "fine_tune": False, "batch": None},
    }
    torch.save(lightning, GOLDENS / "lightning.ckpt")
    torch.save({name: value.bfloat16() for name, value in state.items()}, GOLDENS / "state-dict.pt")
    wrapped = {
        "epoch": 3,
        "model_state_dict": {f"module._orig_mod.{name}": value.bfloat16() for name, value in state.items()},
        "ema": {name: torch.zeros(1).bfloat16().expand(value.shape) for name, value in state.items()},
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 1e-4, "params": [0]}]},
    }
    torch.save(wrapped, GOLDENS / "wrapped.pt")

    with safe_open(directory / "model.safetensors", "pt") as model:
        names = sorted(model.keys())
        # The values are steps of 1/1024 in the order of the names, from one storage.
        values = torch.arange(1, len(names) + 1).float() / 1024
        shapes = [model.get_slice(name).get_shape() for name in names]
    torch.save({name: value.expand(shape) for name, value, shape in zip(names, values, shapes, strict=True)},
               GOLDENS / "pytorch_model.bin")  # fmt: skip
    torch.jit.script(torch.nn.Linear(2, 2)).save(GOLDENS / "torchscript.pt")
