"""Benchmark of the first minutes: docs/own-data.md followed word for word, each of its outputs compared."""
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROUNDS = 5


def bench_newcomer(arguments, work: pathlib.Path, program: str, put) -> list[tuple]:
    sys.path.append(str(ROOT / "tests"))
    import page

    del arguments
    first, all_of_it = [], []
    for _ in range(ROUNDS):
        began = time.monotonic()
        first.append(page.follow(ROOT / "docs/own-data.md", put(work / "newcomer", {}) / "project", program=pathlib.Path(program)).first_result)
        all_of_it.append(time.monotonic() - began)
    return [("newcomer, own-data.md: from its first command to the first query's answer (goal 120 s)", statistics.median(first), "nobody reads or types"),
            ("newcomer, own-data.md: all of the page, to a table in SQLite", statistics.median(all_of_it), "")]
