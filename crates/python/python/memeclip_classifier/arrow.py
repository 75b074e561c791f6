"""Arrow data of any library: what has the methods of its PyCapsule interface."""

from __future__ import annotations

from typing import Any, Optional, Protocol


class ArrowStream(Protocol):
    """A table, or a stream of record batches."""

    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object: ...


class ArrowArray(Protocol):
    """A record batch."""

    def __arrow_c_array__(self, requested_schema: Optional[object] = None) -> Any: ...


class ArrowSchema(Protocol):
    """A schema."""

    def __arrow_c_schema__(self) -> object: ...
