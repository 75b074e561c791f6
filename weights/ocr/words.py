"""Makes words.txt: the commonest words of CLIP's vocabulary, one a line.

    npm pack word-list@4.1.0 && tar xzf word-list-4.1.0.tgz
    python words.py package/words.txt

CLIP's merges are in the order of their frequency, but hold pieces of words too: the list of English words tells them apart.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
COUNT = 10_000
# word-list begins with two letters, and has more of them than people use.
SHORT = set("a i am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we".split())


def main():
    english = set(Path(sys.argv[1]).read_text(encoding="utf-8").split())
    merges = (HERE / "../../src/tokenizer/merges.txt").read_text(encoding="utf-8").splitlines()
    ends = (merge.replace(" ", "").removesuffix("</w>") for merge in merges if merge.endswith("</w>"))
    words = [word for word in ends if len(word) > 2 and word in english]
    (HERE / "words.txt").write_text("\n".join([*sorted(SHORT), *words][:COUNT]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
