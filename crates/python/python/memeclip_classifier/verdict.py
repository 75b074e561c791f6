"""What a verdict is made of: the JSON that ``memeclip classify --json`` prints. Every number is an f32."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypedDict, Union

if TYPE_CHECKING:
    import numpy
    import PIL.Image

Image = Union[
    str,
    "os.PathLike[str]",
    bytes,
    bytearray,
    memoryview,
    "PIL.Image.Image",
    "numpy.ndarray[Any, Any]",
]
"""An image: the path of a file, its content, or pixels as uint8 [height, width] or [height, width, 3 or 4]."""


class Notice(TypedDict):
    """What people should know about a verdict."""

    code: str
    """For programs: ``no-words``, ``image/truncated``, ... These are stable."""
    message: str


class TaskVerdict(TypedDict):
    """The answer to one question."""

    label: str
    """The class with the largest probability."""
    logits: list[float]
    """One for each class."""
    probabilities: dict[str, float]
    """By the name of the class."""
    zero_shot: bool
    """Whether the head was not trained."""
    unsure: bool
    """Whether the label is unreliable."""
    outside: list[str]
    """What is unlike the memes that the head was trained on: ``image``, ``text``."""


class Verdict(TypedDict):
    """The answers about one meme."""

    image: str
    """The image's path, or its place in the call."""
    text: str
    """The text, as it was given or read."""
    device: str
    """The device that computed."""
    tasks: dict[str, TaskVerdict]
    """By the name of the task, in the order of the pack."""
    notices: list[Notice]
