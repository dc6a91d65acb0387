"""Benchmark of `windrow lsp` on the quickstart example: from a key to the diagnostic, and a completion in SQL."""
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = "models/gold/genre_analytics.sql"
ROUNDS = 20


def bench_lsp(arguments, work: pathlib.Path, program: str, put) -> list[tuple]:
    sys.path.append(str(ROOT / "tests/integration"))
    import lab
    import lsp_client

    del arguments
    lab.PROGRAM = program
    folder = put(work / "lsp", {})
    subprocess.run([program, "init", "quickstart", str(folder)], check=True, stdout=subprocess.DEVNULL)
    editor = lsp_client.Editor(folder)
    editor.open(MODEL)
    editor.labels(MODEL, "sum(worldwide_gross")
    told, completed = [], []
    for i in range(ROUNDS):
        began = time.perf_counter()
        editor.change(MODEL, "avg(imdb_rating)", f"avg(imdb_ratin{i})")
        editor.wait(MODEL, bool)
        told.append(time.perf_counter() - began)
        began = time.perf_counter()
        assert "worldwide_gross" in editor.labels(MODEL, "sum(worldwide_gro")
        completed.append(time.perf_counter() - began)
        editor.change(MODEL, f"avg(imdb_ratin{i})", "avg(imdb_rating)")
        editor.wait(MODEL, lambda all: not all)
    assert editor.end() == 0
    return [("lsp, quickstart: from a key to the mistake that it makes (goal 0.3 s)", statistics.median(told), f"at most {max(told) * 1000:.0f} ms"),
            ("lsp, quickstart: a completion in SQL (goal 0.05 s)", statistics.median(completed), f"at most {max(completed) * 1000:.0f} ms")]
