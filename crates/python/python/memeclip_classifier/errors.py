"""What can go wrong."""

from __future__ import annotations


class MemeclipError(Exception):
    """Every error of this package. Its message names the input and ends with the remedy."""

    code: str
    """For programs: ``image/not-an-image``, ``pack/missing-shard``, ... These are stable."""
    remedy: str
    """What to do about it, in whole sentences. Empty if the message says all."""

    def __init__(self, message: str, code: str, remedy: str) -> None:
        super().__init__(message, code, remedy)
        self.code = code
        self.remedy = remedy

    def __str__(self) -> str:
        return str(self.args[0])


class ImageError(MemeclipError):
    """An image that is none, is broken or too large, or cannot be read (``image/...``, ``io``)."""


class TextError(MemeclipError):
    """A text that is too long (``text/...``)."""


class PackError(MemeclipError):
    """A pack that is incomplete, damaged or of another version (``pack/...``)."""


class DeviceError(MemeclipError):
    """A device that is missing or fails (``gpu/...``, ``device/...``)."""


class ArgumentError(MemeclipError, ValueError):
    """A wrong argument (``argument``, ``task/unknown``)."""


class InternalError(MemeclipError):
    """A bug in memeclip (``internal``)."""


_CLASSES: dict[str, type[MemeclipError]] = {
    "image": ImageError,
    "io": ImageError,
    "text": TextError,
    "pack": PackError,
    "gpu": DeviceError,
    "device": DeviceError,
    "argument": ArgumentError,
    "task": ArgumentError,
    "internal": InternalError,
}


def of_code(code: str, message: str, remedy: str) -> MemeclipError:
    """The error of a code, in its class."""
    return _CLASSES.get(code.partition("/")[0], MemeclipError)(message, code, remedy)
