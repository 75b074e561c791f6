"""The hateful-meme classifier MemeCLIP.

    from memeclip_classifier import Classifier

    classifier = Classifier("weights/default")
    verdict = classifier.classify("meme.jpg")
    print(verdict["tasks"]["hate"]["label"])

``Classifier.classify`` judges images, ``Classifier.classify_arrow`` tables, and ``memeclip_classifier.ray`` data sets on
several machines. Every error is a ``MemeclipError`` with a ``code`` and a ``remedy``.
"""

from ._memeclip import Answers, Classifier, Schema
from .cache import classifier
from .errors import (
    ArgumentError,
    DeviceError,
    ImageError,
    InternalError,
    MemeclipError,
    PackError,
    TextError,
)
from .verdict import Image, Notice, TaskVerdict, Verdict

__all__ = [
    "Answers",
    "ArgumentError",
    "Classifier",
    "DeviceError",
    "Image",
    "ImageError",
    "InternalError",
    "MemeclipError",
    "Notice",
    "PackError",
    "Schema",
    "TaskVerdict",
    "TextError",
    "Verdict",
    "classifier",
]
