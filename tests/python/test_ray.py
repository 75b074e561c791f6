"""A cluster of real processes, with workers, machines and drivers that are killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from time import sleep
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import ray
import ray.data
from ray.cluster_utils import Cluster

from conftest import PACK, PICTURES, Handler, Server, judged, program
from memeclip_classifier import ArgumentError
from memeclip_classifier.ray import classify, classify_parquet

ROWS_A_FILE = 10
# Actors run on the two nodes that have this, one on each.
WORKER = {"resources": {"worker": 1}, "rows": 4, "workers": 2, "text": "text", "fetch": True}
# What a killed driver had reserved would be free after three minutes.
RELEASED = {"RAY_DATA_MIN_GAP_BETWEEN_AUTOSCALING_REQUESTS": "1", "RAY_DATA_AUTOSCALING_REQUEST_EXPIRE_TIME_S": "3"}
DRIVER = """
import sys, ray
from memeclip_classifier.ray import classify_parquet
address, source, out, pack = sys.argv[1:]
ray.init(address=address, log_to_driver=False)
classify_parquet(source, out, pack, id="id", resources={"worker": 1}, rows=4, workers=2, text="text", fetch=True,
                 timeout=600)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    for _ in range(2):
        cluster.add_node(num_cpus=1, resources={"worker": 1})
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    verdicts = program(PICTURES, "--text", "")
    return {Path(path).name: judged(verdict) for path, verdict in verdicts.items()}


@pytest.fixture
def memes(server: Server, tmp_path: Path) -> Path:
    """The pictures by their addresses, a few in each file."""
    folder = tmp_path / "memes"
    folder.mkdir()
    for start in range(0, len(PICTURES), ROWS_A_FILE):
        names = [path.name for path in PICTURES[start : start + ROWS_A_FILE]]
        addresses = [server.address(f"pictures/{name}") for name in names]
        write(folder / f"{start:03}.parquet", names, addresses)
    return folder


def write(file: Path, names: list[str], addresses: list[str]) -> None:
    pyarrow.parquet.write_table(pa.table({"id": names, "image": addresses, "text": [""] * len(names)}), file)


def check(rows: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    """Each row is there once, with the program's verdict."""
    assert sorted(row["id"] for row in rows) == sorted(expected)
    assert [row["error"] for row in rows if row["error"]] == []
    assert {row["id"]: judged(row["verdict"]) for row in rows} == expected


def process_of(request: Handler) -> int:
    """The process that asks."""
    # Ray brings psutil along.
    import psutil

    port = request.client_address[1]
    connections = psutil.net_connections("tcp4")
    return next(c.pid for c in connections if c.laddr.port == port and c.pid not in (None, os.getpid()))


def at(count: int, act: Callable[[Handler], None]) -> Callable[[Handler], None]:
    """Acts once, at this request."""
    requests = iter(range(1, 1 << 30))
    return lambda request: act(request) if next(requests) == count else None


def test_a_killed_worker_loses_and_doubles_nothing(
    cluster: Cluster, server: Server, memes: Path, expected: dict[str, Any]
) -> None:
    killed = []

    def kill(request: Handler) -> None:
        killed.append(process_of(request))
        os.kill(killed[0], signal.SIGKILL)

    server.seen = at(40, kill)
    verdicts = classify(ray.data.read_parquet(str(memes)), PACK, **WORKER)
    check(verdicts.take_all(), expected)
    assert len(killed) == 1 and killed[0] != os.getpid()


def test_a_lost_node_loses_and_doubles_nothing(
    cluster: Cluster, server: Server, memes: Path, expected: dict[str, Any]
) -> None:
    asked, replaced = threading.Event(), threading.Event()

    def wait(request: Handler) -> None:
        asked.set()
        replaced.wait()

    server.seen = at(40, wait)
    # Ray changes a cluster in the main thread only.
    with ThreadPoolExecutor() as threads:
        verdicts = classify(ray.data.read_parquet(str(memes)), PACK, **WORKER)
        rows = threads.submit(verdicts.take_all)
        asked.wait()
        cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
        cluster.add_node(num_cpus=1, resources={"worker": 1})
        replaced.set()
        check(rows.result(), expected)
    # Until Ray knows, it goes on to start actors there.
    cluster.wait_for_nodes()


def test_a_driver_that_is_killed_again_and_again_goes_on(
    cluster: Cluster, server: Server, memes: Path, tmp_path: Path, expected: dict[str, Any]
) -> None:
    out = tmp_path / "verdicts"
    asked: list[str] = []

    def run(last: float = inf, written: int = 0) -> int:
        """Runs a driver. It is killed at this request, as soon as it has written so many files."""
        command = [sys.executable, "-c", DRIVER, cluster.address, str(memes), str(out), str(PACK)]
        driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **RELEASED})
        before = len(list(out.glob("*.parquet")))
        asked.clear()

        def watch(request: Handler) -> None:
            asked.append(request.path)
            if len(asked) >= last:
                while len(list(out.glob("*.parquet"))) < before + written and driver.poll() is None:
                    sleep(0.05)
                driver.kill()

        server.seen = watch
        _, errors = driver.communicate()
        assert driver.returncode in (0, -signal.SIGKILL), errors
        return driver.returncode

    assert [run(1), run(60, 1)] == [-signal.SIGKILL] * 2
    assert run() == 0
    assert 0 < len(asked) < len(expected)
    check(pyarrow.parquet.read_table(out).to_pylist(), expected)


def test_a_row_that_kills_its_worker_ends_the_run(cluster: Cluster, server: Server, tmp_path: Path) -> None:
    write(tmp_path / "memes.parquet", ["poison"], [server.address("poison")])
    killed = []

    def kill(request: Handler) -> None:
        killed.append(process_of(request))
        os.kill(killed[-1], signal.SIGKILL)

    server.seen = kill
    with pytest.raises(ray.exceptions.RayError):
        classify(ray.data.read_parquet(str(tmp_path / "memes.parquet")), PACK, **WORKER).take_all()
    assert len(killed) == len(set(killed)) == 3


def test_rows_that_fail_have_their_errors(cluster: Cluster, server: Server, tmp_path: Path) -> None:
    good = PICTURES[0].read_bytes()
    images = {"good": good, "cut": good[:200], "junk": b"junk", "null": None}
    pyarrow.parquet.write_table(
        pa.table({"id": list(images), "image": list(images.values()), "text": [""] * len(images)}), tmp_path / "memes.parquet"
    )
    by_bytes = classify(ray.data.read_parquet(str(tmp_path / "memes.parquet")), PACK, **WORKER).take_all()
    assert {row["id"]: row["error_code"] for row in by_bytes} == {
        "good": None,
        "cut": "image/truncated",
        "junk": "image/not-an-image",
        "null": "image/unreadable",
    }
    assert [row["id"] for row in by_bytes if row["verdict"]] == ["good"]
    kinds = ["missing", "oversized", "page", "slow/"]
    write(tmp_path / "addresses.parquet", kinds, [server.address(kind) for kind in kinds])
    addresses = ray.data.read_parquet(str(tmp_path / "addresses.parquet"))
    by_address = classify(addresses, PACK, timeout=1, **WORKER).take_all()
    assert {row["id"]: row["error_code"] for row in by_address} == {
        "missing": "image/unreadable",
        "oversized": "image/bytes",
        "page": "image/not-an-image",
        "slow/": "image/unreadable",
    }


def test_what_cannot_work_is_refused_before_the_start(cluster: Cluster, memes: Path, tmp_path: Path) -> None:
    rows = ray.data.read_parquet(str(memes))
    for wrong in [{"workers": 4}, {"workers": 0}, {"threads": 8}]:
        with pytest.raises(ArgumentError, match="do not fit into 4 CPUs"):
            classify(rows, PACK, **wrong)
    with pytest.raises(ArgumentError, match="3 workers .* 2 of which"):
        classify_parquet(memes, tmp_path / "out", PACK, id="id", workers=3)
    with pytest.raises(Exception, match="not a memeclip manifest"):
        classify_parquet(memes, tmp_path / "out", tmp_path, id="id", text="text")
