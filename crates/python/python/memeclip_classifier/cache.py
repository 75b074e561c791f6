"""One model for each process."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Optional, Union

from ._memeclip import Classifier


def classifier(
    pack: Union[str, os.PathLike[str]],
    *,
    device: str = "cpu",
    threads: int = 1,
    tasks: Optional[list[str]] = None,
) -> Classifier:
    """The classifier of a pack, opened once in each process.

    It is meant for functions that an engine calls for each partition. Engines run one process on each core, hence one
    thread.
    """
    return _classifier(os.fspath(pack), device, threads, tuple(tasks or ()))


@lru_cache(maxsize=1)
def _classifier(pack: str, device: str, threads: int, tasks: tuple[str, ...]) -> Classifier:
    return Classifier(pack, device=device, threads=threads, tasks=list(tasks))
