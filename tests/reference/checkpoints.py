"""Writes tests/goldens/{lightning.ckpt,state-dict.pt}: a head of `memeclip synth` as PyTorch users have it.

    cargo run --release -- synth --arch tiny --seed 1 --out target/synth/tiny
    python tests/reference/checkpoints.py target/synth/tiny

The first is like the authors' checkpoint: Lightning's dictionary, whose `state_dict` carries `clip_model.*` as well, next
to hyper-parameters and an optimiser's state. The second is a plain state dict. Both are in 16 bits, to be small.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file

GOLDENS = Path(__file__).parents[1] / "goldens"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="a model by `memeclip synth --arch tiny`")
    state = load_file(parser.parse_args().directory / "head-hate.safetensors")
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
