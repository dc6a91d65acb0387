"""VADER as its authors wrote it: the judge of ours."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

# Runs in an interpreter of its own, since it is somebody else's module: lines of JSON in, lines of JSON out.
JUDGE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from vaderSentiment import SentimentIntensityAnalyzer
analyzer = SentimentIntensityAnalyzer()
for line in sys.stdin:
    print(json.dumps(analyzer.polarity_scores(json.loads(line))))
"""


def folder() -> pathlib.Path:
    if "VADER" not in os.environ:
        pytest.skip("needs VADER, the folder of its reference")
    return pathlib.Path(os.environ["VADER"])


def judged(texts: list[str]) -> list[dict]:
    said = subprocess.run([sys.executable, "-c", JUDGE, str(folder())], input="".join(json.dumps(text) + "\n" for text in texts),
                          capture_output=True, text=True, check=True)
    return [json.loads(line) for line in said.stdout.splitlines()]
