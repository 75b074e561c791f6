"""Tables in and out, in the forms that libraries give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import polars
import pyarrow as pa
import pyarrow.parquet
import pytest

from conftest import PICTURES, Server, bits, judged
from memeclip_classifier import ArgumentError, Classifier

SOME = PICTURES[:3]
CONTENTS = [path.read_bytes() for path in SOME]


@pytest.fixture(scope="module")
def expected(classifier: Classifier) -> list[dict[str, Any]]:
    return [judged(classifier.classify(path, "")) for path in SOME]


def verdicts(answers: Any) -> list[Any]:
    return [row["verdict"] and judged(row["verdict"]) for row in pa.table(answers).to_pylist()]


def test_a_table_keeps_its_rows_their_order_and_its_keys(classifier: Classifier, expected: list[Any]) -> None:
    table = pa.table(
        {"id": [7, 8, 9, 10], "image": [CONTENTS[0], None, b"junk", CONTENTS[2]], "text": ["", "", "", ""]}
    )
    answers = pa.table(classifier.classify_arrow(table, text="text"))
    assert answers.column_names == ["id", "text", "verdict", "error_code", "error", "pack"]
    assert answers["id"].to_pylist() == [7, 8, 9, 10]
    assert verdicts(answers) == [expected[0], None, None, expected[2]]
    assert answers["error_code"].to_pylist() == [None, "image/unreadable", "image/not-an-image", None]
    assert "null" in answers["error"][1].as_py() and "PNG" in answers["error"][2].as_py()
    assert answers["pack"].unique().to_pylist() == [classifier.identity]
    some = pa.table(classifier.classify_arrow(table, text="text", keys=["id"]))
    assert some.column_names == ["id", "verdict", "error_code", "error", "pack"]
    assert some.schema == pa.schema(classifier.schema(table.select(["id"]).schema))


def test_numbers_are_the_verdict_s_f32(classifier: Classifier) -> None:
    table = pa.table({"image": [str(path) for path in SOME]})
    row = pa.table(classifier.classify_arrow(table)).to_pylist()[0]
    verdict = dict(classifier.classify(SOME[0]))
    assert bits(row["verdict"]) == bits({name: verdict[name] for name in verdict if name != "image"})
    assert row["image"] == str(SOME[0])


@pytest.mark.parametrize(
    "column",
    [
        pa.array(CONTENTS, pa.binary()),
        pa.array(CONTENTS, pa.large_binary()),
        pa.array(CONTENTS, pa.binary_view()),
        pa.array(CONTENTS, pa.binary()).dictionary_encode(),
        pa.array([str(path) for path in SOME], pa.string()),
        pa.array([str(path) for path in SOME], pa.large_string()),
        pa.array([str(path) for path in SOME], pa.string_view()),
        pa.array([str(path) for path in SOME]).dictionary_encode(),
        pa.array([{"bytes": content, "path": None} for content in CONTENTS]),
        pa.array([{"bytes": None, "path": str(path)} for path in SOME], pa.struct({"bytes": pa.binary(), "path": "string"})),
        pa.array([b"?", *CONTENTS, b"?"]).slice(1, 3),
        pa.chunked_array([CONTENTS[:1], [], CONTENTS[1:]]),
    ],
    ids=lambda column: str(column.type),
)
def test_images_of_each_type(column: Any, classifier: Classifier, expected: list[Any]) -> None:
    texts = pa.array([None, "", "", "", ""]).slice(1, 3)
    for text in [texts, texts.cast("large_string"), texts.cast(pa.string_view()), texts.dictionary_encode()]:
        assert verdicts(classifier.classify_arrow(pa.table({"image": column, "t": text}), text="t")) == expected


def test_tables_of_other_libraries(classifier: Classifier, expected: list[Any]) -> None:
    frame = polars.DataFrame({"image": CONTENTS, "text": ["", "", ""]})
    answers = polars.DataFrame(classifier.classify_arrow(frame, text="text"))
    assert verdicts(answers.to_arrow()) == expected
    batch = pa.record_batch({"image": CONTENTS, "text": ["", "", ""]})
    assert verdicts(pa.record_batch(classifier.classify_arrow(batch, text="text"))) == expected
    reader = pa.RecordBatchReader.from_batches(batch.schema, [batch, batch.slice(1)])
    assert verdicts(classifier.classify_arrow(reader, text="text")) == expected + expected[1:]


def test_odd_tables(classifier: Classifier) -> None:
    kinds = [pa.binary(), pa.string(), pa.null()]
    for kind in kinds:
        empty = pa.table({"id": pa.array([], "int8"), "image": pa.array([], kind)})
        answers = pa.table(classifier.classify_arrow(empty))
        assert len(answers) == 0 and answers.schema == pa.schema(classifier.classify_arrow(empty))
        nulls = pa.table({"image": pa.nulls(3, kind), "key": pa.nulls(3)})
        codes = pa.table(classifier.classify_arrow(nulls))["error_code"].to_pylist()
        assert codes == ["image/unreadable"] * 3
    # Columns that nobody reads may have any type, and keep it.
    odd = {
        "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
        "map": pa.array([[("a", 1)]], pa.map_("string", "int8")),
        "decimal": pa.array([1], pa.decimal128(38)),
        "when": pa.array([0], pa.timestamp("ns", "Europe/Berlin")),
        "nested": pa.array([[{"a": [None]}]]),
        "union": pa.UnionArray.from_sparse(pa.array([0], "int8"), [pa.array([1])]),
        "ends": pa.RunEndEncodedArray.from_arrays([1], ["a"]),
    }
    table = pa.table({**odd, "image": [b"junk"]})
    answers = pa.table(classifier.classify_arrow(table))
    assert answers.select(list(odd)).schema == table.select(list(odd)).schema
    assert answers.select(list(odd)).to_pylist() == table.select(list(odd)).to_pylist()


def test_long_tables_come_in_several_batches(classifier: Classifier) -> None:
    rows = 10_000
    table = pa.table({"id": range(rows), "image": pa.nulls(rows, pa.binary())}).combine_chunks()
    answers = classifier.classify_arrow(table)
    with pytest.raises(ArgumentError, match="table"):
        pa.record_batch(answers)
    assert len(answers) == rows and pa.table(answers)["id"].to_pylist() == list(range(rows))
    assert max(len(batch) for batch in pa.table(answers).to_batches()) < rows


def test_columns_that_cannot_be_used_are_named(classifier: Classifier) -> None:
    table = pa.table({"picture": CONTENTS, "number": [1, 2, 3], "error": ["", "", ""]})
    for arguments, words in [
        ({}, "no column 'image'. There are: picture, number, error"),
        ({"image": "number"}, "column 'number' of Int64 has no images"),
        ({"image": "picture", "text": "number"}, "column 'number' of Int64 has no texts"),
        ({"image": "picture", "text": "words"}, "no column 'words'"),
        ({"image": "picture", "keys": ["id"]}, "no column 'id'"),
        ({"image": "picture"}, "a column 'error', too"),
    ]:
        with pytest.raises(ArgumentError, match=words):
            classifier.classify_arrow(table, **arguments)
    twice = pa.Table.from_arrays([pa.array(CONTENTS), pa.array(CONTENTS)], ["image", "image"])
    with pytest.raises(ArgumentError, match="2 columns 'image'"):
        classifier.classify_arrow(twice)
    for wrong in [CONTENTS, numpy.zeros(3), pa.array(CONTENTS), {"image": CONTENTS}]:
        with pytest.raises(ArgumentError):
            classifier.classify_arrow(wrong)


def test_each_address_that_fails_is_an_error_of_its_row(classifier: Classifier, server: Server) -> None:
    kinds = ["missing", "oversized", "page", "redirect/file", "slow/"]
    reasons = ["404", "67108865 bytes", "HTML", "file:", "timeout"]
    addresses = [server.address(kind) for kind in kinds]
    addresses += ["http://127.0.0.1:1/", "http://", server.address(f"redirect/{SOME[0].name}"), str(SOME[1])]
    table = pa.table({"image": addresses, "text": [""] * len(addresses)})
    answers = pa.table(classifier.classify_arrow(table, text="text", fetch=True, timeout=1)).to_pylist()
    codes = [answer["error_code"] for answer in answers]
    unreadable = "image/unreadable"
    assert codes == [
        unreadable, "image/bytes", "image/not-an-image", unreadable, unreadable, unreadable, unreadable, None, None,
    ]  # fmt: skip
    for address, reason, answer in zip(addresses, reasons, answers):
        assert address in answer["error"] and reason in answer["error"], answer["error"]
    asked = []
    server.seen = lambda request: asked.append(request.path)
    answers = pa.table(classifier.classify_arrow(table, text="text")).to_pylist()
    assert [answer["error_code"] for answer in answers] == ["argument"] * 8 + [None] and asked == []


def test_parquet_in_and_out(classifier: Classifier, expected: list[Any], tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b", "c"], "image": CONTENTS, "text": ["", "", ""]})
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet", row_group_size=2)
    file = pyarrow.parquet.ParquetFile(tmp_path / "in.parquet")
    with pyarrow.parquet.ParquetWriter(
        tmp_path / "out.parquet", pa.schema(classifier.schema(table.select(["id"]).schema))
    ) as out:
        for batch in file.iter_batches(2):
            out.write_table(pa.table(classifier.classify_arrow(batch, text="text", keys=["id"])))
    assert verdicts(pyarrow.parquet.read_table(tmp_path / "out.parquet")) == expected
    assert verdicts(polars.read_parquet(tmp_path / "out.parquet").to_arrow()) == expected
