"""Compares memeclip's CPU engine with onnxruntime, natively. Prints a table; writes all figures to a JSON file.

    pip install -r benches/requirements.txt
    cargo build --release --example native
    python benches/native.py [--weights target/bench/full] [--out target/bench/native.json] [--rounds 5]

WEIGHTS is the same folder as for `browser.js`. Each contender runs once to warm up, then once in each round, in turns. It
runs both towers one after the other, with one thread and with all. onnxruntime's threads do not spin between its turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).parents[1]


class OnnxRuntime:
    def __init__(self, weights, dtype, threads, meme):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.sessions = [
            onnxruntime.InferenceSession(weights / f"{tower}-{dtype}.onnx", options, providers=["CPUExecutionProvider"])
            for tower in ("vision", "text")
        ]
        pixels = np.fromfile(weights / "pixels.f32", "<f4").reshape(1, 3, meme["size"], meme["size"])
        self.inputs = [{"pixel_values": pixels}, {"input_ids": np.int64([meme["ids"]])}]

    def run(self):
        start = time.perf_counter()
        image, text = (session.run(None, x)[0][0] for session, x in zip(self.sessions, self.inputs))
        return (time.perf_counter() - start) * 1e3, image, text


class MemeClip:
    def __init__(self, weights, dtype, threads, meme):
        program = ROOT / "target/release/examples/native"
        picture = ROOT / "tests/goldens/images" / meme["picture"]
        self.process = subprocess.Popen(
            [program, weights / f"pack-{dtype}", picture, meme["text"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "RAYON_NUM_THREADS": str(threads)},
            text=True,
        )

    def run(self):
        print(file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        return answer["ms"], answer["image"], answer["text"]


def cosine(a, b):
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=ROOT / "target/bench/full")
    parser.add_argument("--out", type=Path, default=ROOT / "target/bench/native.json")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    meme = json.loads((options.weights / "meme.json").read_text())
    work = meme["operations"]

    rows = []
    for engine, dtypes in ((OnnxRuntime, ("int8", "q4", "f32")), (MemeClip, ("q8", "q4"))):
        for dtype in dtypes:
            for threads in sorted({1, len(os.sched_getaffinity(0))}):
                contender = engine(options.weights, dtype, threads, meme)
                _, image, text = contender.run()
                name = f"{engine.__name__.lower()}-{dtype}-{threads}"
                cosines = cosine(image, meme["image_feature"]), cosine(text, meme["text_feature"])
                rows.append({"name": name, "contender": contender, "cosines": cosines, "ms": []})
    for _ in range(options.rounds):
        for row in rows:
            row["ms"].append(row["contender"].run()[0])

    print("| contender | median ms | min ms | GF/s | cosine image | cosine text |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        del row["contender"]
        median = statistics.median(row["ms"])
        cells = [f"{median:.0f}", f"{min(row['ms']):.0f}", f"{work / median / 1e6:.0f}"]
        print(f"| {' | '.join([row['name'], *cells, *(f'{x:.6f}' for x in row['cosines'])])} |")
    print(f"\n{work / 1e9:.1f} GFLOP a verdict ({len(meme['ids'])} tokens); onnxruntime {onnxruntime.__version__}.")
    options.out.write_text(json.dumps({"work": work, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
