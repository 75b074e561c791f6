"""The types that users see are those of the module."""

import subprocess
import sys
from pathlib import Path

USE = '''
from memeclip_classifier import Classifier, MemeclipError, Verdict

classifier = Classifier("pack", threads=1)
verdict: Verdict = classifier.classify("meme.jpg")
probability: float = verdict["tasks"]["hate"]["probabilities"]["hate"]
for answer in classifier.classify([b"", "meme.jpg"], ["", None]):
    print(answer.code if isinstance(answer, MemeclipError) else answer["text"])
print(len(classifier.classify_arrow(classifier.classify_arrow(object()))))  # only this line is wrong
'''


def test_stubs_are_those_of_the_module(tmp_path: Path) -> None:
    # Elsewhere, so that the installed package is found.
    command = [sys.executable, "-m", "mypy.stubtest", "memeclip_classifier._memeclip"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_user_s_code_is_checked(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    command = [sys.executable, "-m", "mypy", "--strict", "use.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1 and "object" in errors[0], done.stdout
