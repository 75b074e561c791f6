"""What the tests compare with: the program, and a server that fails on purpose."""

from __future__ import annotations

import http.server
import json
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memeclip_classifier import Classifier

ROOT = Path(__file__).parents[2]
PACK = ROOT / "weights/default"
PICTURES = sorted((ROOT / "tests/memes/pictures").iterdir())
PROGRAM = ROOT / "target/debug/memeclip"


def program(images: list[Path], *arguments: str) -> dict[str, dict[str, Any]]:
    """What the program prints for images, by their paths. Those without a verdict are left out."""
    command = [PROGRAM, "classify", "--json", "--weights", PACK, *arguments, "--", *images]
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["image"]: line for line in lines}


def bits(value: Any) -> Any:
    """The value with each number as the bits of its f32."""
    if isinstance(value, dict):
        return {name: bits(item) for name, item in value.items()}
    if isinstance(value, list):
        return [bits(item) for item in value]
    return struct.pack("<f", value) if isinstance(value, float) else value


def judged(answer: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the way that an image comes, nor on the number of threads."""
    return bits({name: answer[name] for name in ("text", "tasks", "notices")})


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    return Classifier(PACK, device="cpu", threads=1)


class Server(http.server.ThreadingHTTPServer):
    """A server of images on this machine. ``seen`` is called with each request before it is answered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: Callable[[Handler], None] = lambda request: None
        self.over = threading.Event()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.seen(self)
        kind, _, rest = self.path[1:].partition("/")
        if kind == "slow":
            self.server.over.wait()
        elif kind == "redirect":
            self.send_response(302)
            self.send_header("Location", self.server.address("pictures/" + rest) if rest != "file" else "file:///etc/hosts")
            self.end_headers()
        elif kind == "pictures" and (ROOT / "tests/memes/pictures" / rest).is_file():
            self.answer((ROOT / "tests/memes/pictures" / rest).read_bytes())
        elif kind == "oversized":
            self.answer(bytes((64 << 20) + 1))
        elif kind == "page":
            self.answer(b"<!doctype html><p>Please log in.")
        else:
            self.send_error(404)

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            # Whoever asked has left, or was killed.
            pass

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
