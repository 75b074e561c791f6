import os
from collections.abc import Sequence
from typing import Any, Optional, Union, final, overload

from .arrow import ArrowArray, ArrowSchema, ArrowStream
from .errors import MemeclipError
from .verdict import Image, Verdict

__all__ = ["Answers", "Classifier", "Schema"]

@final
class Classifier:
    """A pack of weights, opened on a device.

    Calls from several threads wait for each other, with the GIL released. In a process that was forked, the pack is opened
    again; but if the parent has read text from images, it cannot read any, and says so. Pickled, it is what it was opened
    with.
    """

    def __new__(
        cls,
        pack: Union[str, os.PathLike[str]],
        *,
        device: str = "auto",
        threads: Optional[int] = None,
        tasks: Optional[Sequence[str]] = None,
    ) -> Classifier:
        """Opens a pack.

        pack: its folder.
        device: ``cpu``, ``gpu``, or ``auto``: the faster of a hardware GPU and the CPU, as
            measured here; the CPU if there is no such GPU.
        threads: how many compute on the CPU, by default one for each core. Give 1 where something else runs several
        processes.
        tasks: the names of the tasks that are judged, by default all.

        Raises PackError, DeviceError, ArgumentError.
        """

    @overload
    def classify(
        self, image: Image, text: Optional[str] = None, *, fetch: bool = False, timeout: float = 20.0
    ) -> Verdict: ...
    @overload
    def classify(
        self,
        image: Union[list[Any], tuple[Any, ...]],
        text: Union[str, Sequence[Optional[str]], None] = None,
        *,
        fetch: bool = False,
        timeout: float = 20.0,
    ) -> list[Union[Verdict, MemeclipError]]:
        """The verdict on a meme, or on each of several.

        image: a path, an image file's content, an image of Pillow, or a numpy array of uint8, [height, width] or
        [height, width, 3 or 4]; or a list of them, which may be mixed. One of a list that has no verdict has its error in
        its place.
        text: what it says; with ``None`` it is read from the image. For a list, one text for all or one for each.
        fetch: whether strings that begin with http:// or https:// are fetched; ``timeout``: in seconds, for each.

        Raises ImageError and TextError for a single image; PackError, DeviceError, ArgumentError.
        """

    def classify_arrow(
        self,
        data: Union[ArrowStream, ArrowArray],
        *,
        image: str = "image",
        text: Optional[str] = None,
        keys: Optional[Sequence[str]] = None,
        fetch: bool = False,
        timeout: float = 20.0,
    ) -> Answers:
        """The verdicts on the rows of a table or a record batch of any library that speaks Arrow's PyCapsule interface.

        image: the column of the images: their files' contents as binary, their paths as string, or Hugging Face's struct
        of bytes and path.
        text: the column of the texts; one that is null is read from the image, and so are all without a column.
        keys: the columns that are passed on, by default all but the images, unless these are strings.
        fetch, timeout: as for ``classify``.

        The answers have a row for each row, in their order: the keys, then
        ``verdict``: a struct with the fields of ``Verdict`` but ``image``; null where there is none;
        ``error_code`` and ``error``: why there is none;
        ``pack``: the pack's integrity, as ``memeclip inspect`` prints it.

        Raises PackError, DeviceError, and ArgumentError for columns that are missing or of another type.
        """

    def schema(self, keys: Optional[ArrowSchema] = None) -> Schema:
        """The schema of the answers of ``classify_arrow``, behind that of its keys."""

    @property
    def device(self) -> str:
        """The device that computes, for people."""

    @property
    def identity(self) -> str:
        """The pack's integrity, as ``memeclip inspect`` prints it."""

    @property
    def pack(self) -> os.PathLike[str]:
        """The folder of the pack."""

    @property
    def threads(self) -> int:
        """How many threads compute on the CPU."""

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks that are judged."""

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]: ...

@final
class Answers:
    """Answers of ``classify_arrow``: ``pyarrow.table(answers)``, ``polars.DataFrame(answers)`` and the like read them."""

    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object: ...
    def __arrow_c_array__(self, requested_schema: Optional[object] = None) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...

@final
class Schema:
    """A schema: ``pyarrow.schema(schema)`` and the like read it."""

    def __arrow_c_schema__(self) -> object: ...
