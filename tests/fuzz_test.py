"""The promise that an incremental table equals a full build, on random projects (tests/fuzz/README.md)."""
import os
import pathlib
import random
import subprocess
import sys

import pytest

FUZZ = pathlib.Path(__file__).resolve().parent / "fuzz"


def play(steps: int, seed: int, *words: str) -> None:
    result = subprocess.run([sys.executable, "-B", str(FUZZ), "--steps", str(steps), "--seed", str(seed), *words],
                            stdout=subprocess.PIPE, text=True)
    assert result.returncode == 0, result.stdout


def test_incremental_tables_equal_full_builds():
    play(500, 1000, "--shrink", "60")


@pytest.mark.soak
def test_incremental_tables_equal_full_builds_for_long():
    seed = random.SystemRandom().randrange(10**6) * 1000
    print(f"seed {seed}")
    play(int(os.environ.get("WINDROW_SOAK_STEPS", "50000")), seed, "--shrink", "600")
