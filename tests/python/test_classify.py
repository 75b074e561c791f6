"""Images in all forms, compared with the program."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy
import PIL.Image
import pytest

from conftest import PACK, PICTURES, PROGRAM, ROOT, Server, bits, judged, program
from memeclip_classifier import (
    ArgumentError,
    Classifier,
    ImageError,
    MemeclipError,
    PackError,
    TextError,
    classifier as cached,
)

ODD = sorted(path for path in (ROOT / "tests/goldens/odd").iterdir() if not path.name.endswith(".shown.png"))
IMAGES = sorted((ROOT / "tests/goldens/images").iterdir())


def test_verdicts_are_the_program_s_to_the_bit() -> None:
    # The same device, and one thread for each core, as the program has.
    answers = Classifier(PACK).classify([*PICTURES, *IMAGES, *ODD], "")
    expected = program([*PICTURES, *IMAGES, *ODD], "--text", "")
    assert len(expected) > len(PICTURES) + len(IMAGES)
    for path, answer in zip([*PICTURES, *IMAGES, *ODD], answers):
        if isinstance(answer, MemeclipError):
            assert str(path) not in expected, answer
        else:
            assert bits(answer) == bits(expected[str(path)])


def test_text_that_is_not_given_is_read_as_the_program_reads_it(classifier: Classifier) -> None:
    some = [*PICTURES[:2], *(ROOT / "tests/goldens/ocr" / name for name in ("post-00.jpg", "rotated-00.jpg"))]
    expected = program(some)
    answers = {answer["image"]: answer for answer in classifier.classify([str(path) for path in some])}
    assert {name: judged(answer) for name, answer in answers.items()} == {
        name: judged(answer) for name, answer in expected.items()
    }
    assert any(answer["text"] for answer in answers.values())


def test_a_given_text_stays_as_it_is(classifier: Classifier) -> None:
    path = PICTURES[2]
    assert judged(classifier.classify(path, "words")) == judged(program([path], "--text", "words")[str(path)])
    assert classifier.classify(path, "")["text"] == ""


def test_an_image_is_the_same_in_every_form(classifier: Classifier) -> None:
    # Pillow makes 16-bit greys white, cuts no image and takes other frames and colours: docs/what-is-seen.md.
    for path in [*PICTURES[:4], *(path for path in IMAGES if path.name != "deep-grey.png")]:
        expected = judged(classifier.classify(path, ""))
        content = path.read_bytes()
        for image in [str(path), content, bytearray(content), memoryview(content), PIL.Image.open(path)]:
            assert judged(classifier.classify(image, "")) == expected, (path, type(image))


def test_pixels_of_an_array(classifier: Classifier) -> None:
    opaque = PIL.Image.open(PICTURES[0]).convert("RGB")
    expected = judged(classifier.classify(opaque, ""))
    pixels = numpy.array(opaque)
    alpha = numpy.full((*pixels.shape[:2], 1), 255, "uint8")
    mirrored_twice = pixels[:, ::-1].copy()[:, ::-1]
    for array in [pixels, numpy.asfortranarray(pixels), mirrored_twice, numpy.concatenate([pixels, alpha], 2)]:
        assert judged(classifier.classify(array, "")) == expected
    grey = numpy.array(opaque.convert("L"))
    expected = judged(classifier.classify(opaque.convert("L"), ""))
    assert judged(classifier.classify(grey, "")) == judged(classifier.classify(grey[..., None], "")) == expected
    for wrong in [pixels.astype("float32"), pixels[None], pixels[..., :2], pixels[:0], pixels.astype("uint16")]:
        with pytest.raises(MemeclipError) as raised:
            classifier.classify(wrong, "")
        assert raised.value.code in ("argument", "image/size")


def test_one_bad_item_does_not_take_others_with_it(classifier: Classifier) -> None:
    good = PICTURES[0]
    items = [good, b"junk", good.read_bytes()[:200], Path("nowhere.png"), good, good, 7]
    with pytest.raises(ArgumentError, match="'int'"):
        classifier.classify(items)
    answers = classifier.classify(items[:-1], ["", "", "", "", "x" * 10_000_000, ""])
    codes = [answer.code if isinstance(answer, MemeclipError) else None for answer in answers]
    assert codes == [None, "image/not-an-image", "image/truncated", "io", "text/too-long", None]
    assert [type(answer) for answer in answers[1:5]] == [ImageError, ImageError, ImageError, TextError]
    assert bits(answers[0]) == bits(answers[5])
    assert classifier.classify([]) == []


def test_errors_have_a_code_and_a_remedy(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(ImageError) as raised:
        classifier.classify(b"junk")
    error = raised.value
    assert error.code == "image/not-an-image" and error.remedy and str(error).endswith(error.remedy)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.code, copy.remedy) == (ImageError, str(error), error.code, error.remedy)
    with pytest.raises(PackError) as raised:
        Classifier(tmp_path)
    assert raised.value.code == "pack/manifest" and str(tmp_path) in str(raised.value)
    for wrong in [{"device": "tpu"}, {"threads": 0}, {"tasks": ["weather"]}]:
        with pytest.raises(ArgumentError):
            Classifier(PACK, **wrong)
    with pytest.raises(ValueError, match="2 texts for 1 images"):
        classifier.classify([PICTURES[0]], ["a", "b"])


def test_some_tasks_only() -> None:
    some = Classifier(PACK, device="cpu", threads=1, tasks=["humour", "hate"])
    answer = some.classify(PICTURES[0], "")
    assert list(answer["tasks"]) == some.tasks == ["hate", "humor"]
    assert judged(answer) == judged(program([PICTURES[0]], "--text", "", "--task", "hate,humor")[str(PICTURES[0])])


def test_addresses_are_fetched_only_on_request(classifier: Classifier, server: Server) -> None:
    asked = []
    server.seen = lambda request: asked.append(request.path)
    address = server.address(f"pictures/{PICTURES[0].name}")
    with pytest.raises(ArgumentError, match="fetch=True"):
        classifier.classify(address)
    assert asked == []
    assert judged(classifier.classify(address, "", fetch=True)) == judged(classifier.classify(PICTURES[0], ""))


def test_an_image_of_pillow_that_is_cut_is_an_error(classifier: Classifier, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(PICTURES[0].read_bytes()[:2000])
    with pytest.raises(ImageError):
        classifier.classify(PIL.Image.open(cut))
    with pytest.raises(ArgumentError, match="mode F"):
        classifier.classify(PIL.Image.new("F", (8, 8)))


def test_the_interpreter_is_free_meanwhile(classifier: Classifier) -> None:
    done = threading.Event()
    answers = []

    def work() -> None:
        answers.extend(classifier.classify([path for path in PICTURES[:8]], ""))
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns = 0
    while not done.is_set():
        turns += 1
    thread.join()
    assert len(answers) == 8 and turns > 1


def test_threads_of_python_share_a_classifier(classifier: Classifier) -> None:
    expected = [judged(classifier.classify(path, "")) for path in PICTURES[:4]]
    answers: dict[int, object] = {}

    def work(i: int) -> None:
        answers[i] = judged(classifier.classify(PICTURES[i], ""))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[i] for i in range(4)] == expected


def test_an_interrupt_stops_the_work(classifier: Classifier, server: Server) -> None:
    # The interrupt comes while the image is awaited, which would take for ever.
    server.seen = lambda _: os.kill(os.getpid(), signal.SIGINT)
    # Python ignores interrupts where a shell has started it in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            classifier.classify(server.address("slow/"), "", fetch=True, timeout=600)
    finally:
        signal.signal(signal.SIGINT, before)
    server.over.set()
    assert classifier.classify(PICTURES[0], "")["tasks"]


def test_pickles_as_what_it_was_opened_with() -> None:
    first = Classifier(PACK, device="cpu", threads=2, tasks=["stance"])
    second = pickle.loads(pickle.dumps(first))
    assert (second.pack, second.threads, second.tasks, second.device) == (PACK, 2, ["stance"], first.device)
    assert second.identity == first.identity
    assert cached(PACK) is cached(str(PACK)) and cached(PACK).threads == 1


def in_a_fork(work: Callable[[], object]) -> object:
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()

    def put() -> None:
        try:
            queue.put(work())
        except MemeclipError as error:
            queue.put(error)

    process = fork.Process(target=put)
    process.start()
    result = queue.get()
    process.join()
    return result


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_forked_processes_open_their_own() -> None:
    classifier = Classifier(PACK, device="cpu", threads=2)
    expected = judged(classifier.classify(PICTURES[0], ""))
    assert in_a_fork(lambda: judged(classifier.classify(PICTURES[0], ""))) == expected
    # Not even after the parent has read text, whose threads do not outlive a fork: no child waits for them.
    classifier.classify(PICTURES[0])
    assert in_a_fork(lambda: judged(classifier.classify(PICTURES[0], ""))) == expected
    error = in_a_fork(lambda: classifier.classify(PICTURES[0]))
    assert isinstance(error, ArgumentError) and "spawn" in str(error)


def test_the_pack_s_identity_is_what_the_program_prints(classifier: Classifier) -> None:
    printed = subprocess.run([PROGRAM, "inspect", PACK], capture_output=True, text=True, check=True).stdout
    assert f"integrity   {classifier.identity}\n" in printed
