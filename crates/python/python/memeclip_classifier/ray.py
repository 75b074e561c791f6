"""Verdicts on data sets with Ray Data, on one machine or on many.

    import ray
    from memeclip_classifier.ray import classify

    memes = ray.data.read_parquet("s3://bucket/memes")
    classify(memes, "/packs/my-pack", image="image", text="text").write_parquet("s3://bucket/verdicts")

``classify_parquet`` does the same from Parquet to Parquet, and goes on where it was stopped. Each worker opens the pack once;
its folder must be on every machine, at the same path.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Optional, Union

import pyarrow  # type: ignore[import-untyped]
import ray
import ray.data
from ray.data.checkpoint import CheckpointConfig

from ._memeclip import Classifier
from .errors import ArgumentError

__all__ = ["classify", "classify_parquet"]

BLOCK_BYTES = 8 << 20
"""What Ray reads at a time. Its own 128 MiB would give all of a small data set to one worker."""

Path = Union[str, "os.PathLike[str]"]


class _Worker:
    """An actor: one model."""

    def __init__(self, pack: str, options: dict[str, Any], request: dict[str, Any]) -> None:
        self.classifier = Classifier(pack, **options)
        self.request = request

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        return pyarrow.table(self.classifier.classify_arrow(batch, **self.request))


def classify(
    dataset: ray.data.Dataset,
    pack: Path,
    *,
    image: str = "image",
    text: Optional[str] = None,
    keys: Optional[Sequence[str]] = None,
    fetch: bool = False,
    timeout: float = 20.0,
    tasks: Optional[Sequence[str]] = None,
    device: str = "cpu",
    threads: int = 1,
    workers: Optional[int] = None,
    rows: int = 64,
    restarts: int = 2,
    **actor: Any,
) -> ray.data.Dataset:
    """The verdicts on the rows of a data set, as ``Classifier.classify_arrow`` gives them.

    pack, image, text, keys, fetch, timeout, tasks, device: as for ``Classifier`` and ``classify_arrow``.
    threads: of each worker.
    workers: by default as many as the cluster has CPUs for, with one left for what reads and writes, and one for checkpoints.
    rows: that a worker takes at a time, and loses if it is killed.
    restarts: how often a worker that was killed is started again. A row that kills each worker that takes it then ends the
    run with Ray's ``ActorDiedError``; Ray itself would go on for ever.
    actor: further options of ``map_batches``, such as ``resources``.

    A worker that is lost, or its machine, is replaced, and its rows are computed again: each is in the result once. A row
    whose image is broken or missing has the reason in ``error``.

    Raises ArgumentError if the cluster has too few CPUs: with none left for the readers, Ray would wait for ever.
    """
    # One reads and writes; one looks up which rows are done.
    spare = 1 if dataset.context.checkpoint_config is None else 2
    workers = _workers(workers, threads, spare)
    dataset.context.target_max_block_size = BLOCK_BYTES
    options = {"device": device, "threads": threads, "tasks": tasks}
    request = {"image": image, "text": text, "keys": keys, "fetch": fetch, "timeout": timeout}
    # Addresses are so small that all of them would be one block.
    return dataset.repartition(target_num_rows_per_block=rows).map_batches(
        _Worker,
        fn_constructor_kwargs={"pack": _everywhere(pack), "options": options, "request": request},
        batch_format="pyarrow",
        batch_size=rows,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=threads,
        # Of a machine that is lost, it takes a while to learn: tasks may be sent again for as long as the worker may start again.
        max_restarts=restarts,
        max_task_retries=-1,
        **actor,
    )


def classify_parquet(
    source: Union[Path, Sequence[Path]],
    out: Path,
    pack: Path,
    *,
    id: str,
    checkpoint: Optional[Path] = None,
    **options: Any,
) -> None:
    """The verdicts on the rows of Parquet files, as Parquet files in the folder ``out``.

    id: a column with another value in each row, which the result keeps.
    checkpoint: the folder that remembers which rows are done, by default ``out`` with ``.checkpoint`` behind it. As long as it
    is there, a second call goes on where the first one was stopped, and one after the end adds nothing. Folders are local
    ones that every machine sees, or addresses of a store.
    options: those of ``classify``.

    Raises as ``classify``.
    """
    sources = [source] if isinstance(source, (str, os.PathLike)) else source
    folder = _everywhere(out)
    done = _everywhere(checkpoint or f"{folder.rstrip('/')}.checkpoint")
    memes = ray.data.read_parquet([_everywhere(source) for source in sources])
    memes.context.checkpoint_config = CheckpointConfig(id, done, delete_checkpoint_on_success=False)
    classify(memes, pack, **options).write_parquet(folder)


def _everywhere(path: Path) -> str:
    """A path that does not depend on where a worker runs, or an address."""
    path = os.fspath(path)
    return path if "://" in path else os.path.abspath(path)


def _workers(wanted: Optional[int], threads: int, spare: int) -> int:
    """How many workers there are, with some CPUs left for Ray's own."""
    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    cpus, room = sum(nodes), sum(node // threads for node in nodes)
    most = min(room, (cpus - spare) // threads)
    workers = max(most, 1) if wanted is None else wanted
    if 1 <= workers <= most:
        return workers
    problem = f"{workers} workers of {threads} threads do not fit into {cpus} CPUs, {spare} of which Ray needs itself"
    remedy = "Ask for fewer workers or threads, or start Ray with more CPUs."
    raise ArgumentError(f"{problem}. {remedy}", "argument", remedy)
