"""Writes tests/goldens/tables.json: small tables as people export them, and the rows that pandas reads from them.

    python tests/reference/tables.py

The memes are made up. Each case is a file's name, its bytes in base64, and its rows: name, text, split, and the classes of
hate and target, where null is what pandas takes for a missing value.
"""

import base64
import csv
import io
import json
from pathlib import Path

import pandas
from pandas._libs.parsers import STR_NA_VALUES

GOLDENS = Path(__file__).parents[1] / "goldens"
HEADER = ["name", "text", "split", "hate", "target"]
ROWS = [
    ["0.png", "hello", "train", "0", "community"],
    ["1.png", 'so "funny", really; a|b\tc', "val", "1", "NA"],
    ["2.png", "two\nlines", "test", "1", "3"],
    ["3.png", "café über ½ € …", "train", "0", ""],
]
# The classes of the labels that the tables use.
CLASSES = {"0": 0, "1": 1, "3": 3, "0.0": 0, "1.0": 1, "community": 2} | {
    word: value for value, words in enumerate([("False", "FALSE", "no"), ("True", "TRUE", "yes")]) for word in words
}


def table(rows, delimiter=",", end="\n"):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([HEADER, *rows])
    return out.getvalue()


def case(file, content, **options):
    frame = pandas.read_csv(io.BytesIO(content), dtype=str, **options)
    # A text is never a missing value: "NA" may be what is written on an image.
    texts = pandas.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, **options)["text"]
    classes = lambda column: [None if pandas.isna(label) else CLASSES[label] for label in frame[column]]
    rows = zip(frame["name"], texts, frame["split"], classes("hate"), classes("target"), strict=True)
    return {"file": file, "bytes": base64.b64encode(content).decode(), "rows": list(rows)}


if __name__ == "__main__":
    missing = [[f"{i}.png", "a", "val", value, "0"] for i, value in enumerate(sorted(STR_NA_VALUES))]
    labels = [[f"{i}.png", "NA", "train", word, "1.0"] for i, word in enumerate(CLASSES) if CLASSES[word] < 2]
    cases = [
        case("missing.csv", table(missing).encode()),
        case("labels.csv", table(labels).encode()),
        case("comma.csv", table(ROWS).encode()),
        case("bom.csv", table(ROWS, end="\r\n").encode("utf-8-sig")),
        case("semicolon.csv", table(ROWS, ";", "\r\n").encode("utf-8-sig"), sep=";"),
        case("windows-1252.csv", table(ROWS, ";", "\r\n").encode("cp1252"), sep=";", encoding="cp1252"),
        case("tab.csv", table(ROWS, "\t").encode(), sep="\t"),
        case("tab.tsv", table(ROWS, "\t").encode(), sep="\t"),
        case("bar.txt", table(ROWS, "|").encode(), sep="|"),
        case("utf-16le.txt", b"\xff\xfe" + table(ROWS, "\t", "\r\n").encode("utf-16-le"), sep="\t", encoding="utf-16"),
        case("utf-16be.csv", b"\xfe\xff" + table(ROWS, ";").encode("utf-16-be"), sep=";", encoding="utf-16"),
        case("utf-16-without-bom.csv", table(ROWS).encode("utf-16-le"), encoding="utf-16-le"),
        case("sep.csv", ("sep=;\r\n" + table(ROWS, ";", "\r\n")).encode(), sep=";", skiprows=1),
        case("sep-quoted.csv", ('\ufeff"sep=|"\n' + table(ROWS, "|")).encode(), sep="|", skiprows=1),
    ]
    (GOLDENS / "tables.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")
