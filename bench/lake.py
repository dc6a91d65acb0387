"""Delta tables beside delta-rs: the same data for both, answers compared by DuckDB."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
BUILT = HERE.parent / "build/release"
FIELDS = {"id": "long", "ts": "timestamp", "name": "string", "v": "double", "p": "date"}


def fresh(folder: pathlib.Path) -> pathlib.Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


# The peak of a child counts that of whoever started it, so a small process stands between.
BETWEEN = """import os, subprocess, sys
child = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(child.pid, 0)
open(sys.argv[1], "w").write(f"{usage.ru_maxrss} {usage.ru_utime + usage.ru_stime}")
sys.exit(os.waitstatus_to_exitcode(status))"""


def measured(command: list) -> dict:
    """What the command says of itself, or its wall time; the peak of its memory and its CPU time."""
    with tempfile.NamedTemporaryFile("r") as told_by:
        began = time.perf_counter()
        out = subprocess.run([sys.executable, "-S", "-c", BETWEEN, told_by.name, *map(str, command)], stdout=subprocess.PIPE, text=True, check=True).stdout
        wall = time.perf_counter() - began
        peak, cpu = told_by.read().split()
    told = json.loads(out.splitlines()[-1]) if out.startswith('{"answer"') else {}
    return {"answer": told.get("answer"), "seconds": told.get("seconds", wall), "mb": int(peak) / 1024, "cpu": float(cpu)}


def ours(*words) -> list:
    return [BUILT / "lake_bench", *words]


def peer(*words) -> list:
    return [sys.executable, HERE / "lake_peer.py", *words]


def beside(what: str, rounds: int, each, check=None) -> list[tuple]:
    """`each(who)` prepares and gives a command; both in turn, medians, peaks; the ratio is ours to theirs."""
    found: dict[str, list[dict]] = {"windrow": [], "delta-rs": []}
    for _ in range(rounds):
        for who, results in found.items():
            results.append(measured(each(who)))
        if check:
            check()
    seconds = {who: statistics.median(one["seconds"] for one in results) for who, results in found.items()}
    memory = {who: max(one["mb"] for one in results) for who, results in found.items()}
    cpu = {who: statistics.median(one["cpu"] for one in results) for who, results in found.items()}
    answers = {who: results[-1]["answer"] for who, results in found.items()}
    if not check and answers["windrow"] != answers["delta-rs"]:
        raise SystemExit(f"{what}: {answers}")
    return [(f"lake, {what}: {who}", seconds[who], f"{memory[who]:.0f} MB, {cpu[who]:.2f} CPU s" + (
        f", {seconds['delta-rs'] / seconds['windrow']:.2f} × as fast as delta-rs, {memory['windrow'] / memory['delta-rs']:.2f} of its memory, "
        f"{cpu['windrow'] / cpu['delta-rs']:.2f} of its CPU"
        if who == "windrow" else "")) for who in found]


def log_of(folder: pathlib.Path, files: int, commits: int) -> pathlib.Path:
    """A table of that many files that nobody reads: only its log is there."""
    log = fresh(folder) / "_delta_log"
    log.mkdir()
    schema = {"type": "struct", "fields": [{"name": n, "type": t, "nullable": True, "metadata": {}} for n, t in FIELDS.items()]}
    number = 0
    for version in range(commits):
        lines = [{"commitInfo": {"timestamp": 1700000000000 + version, "operation": "WRITE", "operationParameters": {}, "engineInfo": "x"}}]
        if version == 0:
            lines += [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
                      {"metaData": {"id": str(uuid.UUID(int=1)), "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps(schema),
                                    "partitionColumns": ["p"], "configuration": {}, "createdTime": 1}}]
        for _ in range(files // commits):
            number += 1
            day = f"2025-{1 + number % 12:02}-{1 + number % 28:02}"
            stats = {"numRecords": 1000, "minValues": {"id": number * 1000, "ts": day + "T00:00:00.000Z", "name": f"a{number}", "v": 0.5 * number},
                     "maxValues": {"id": number * 1000 + 999, "ts": day + "T23:00:00.000Z", "name": f"z{number}", "v": 0.5 * number + 9},
                     "nullCount": {"id": 0, "ts": 0, "name": 3, "v": 1}}
            lines.append({"add": {"path": f"p={day}/part-{number:08}-{uuid.UUID(int=number)}.c000.snappy.parquet", "partitionValues": {"p": day},
                                  "size": 123456 + number, "modificationTime": 1700000000000, "dataChange": True, "stats": json.dumps(stats)}})
        (log / f"{version:020}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def opening(work: pathlib.Path) -> list[tuple]:
    import deltalake

    plain = log_of(work / "log", 100_000, 100)
    out = beside("open 100,000 files from 100 commits", 5, lambda who: (ours if who == "windrow" else peer)("open", plain))
    checkpoint = work / "checkpoint"
    shutil.rmtree(checkpoint, ignore_errors=True)
    shutil.copytree(plain, checkpoint)
    deltalake.DeltaTable(str(checkpoint)).create_checkpoint()
    return out + beside("open 100,000 files from a checkpoint", 5, lambda who: (ours if who == "windrow" else peer)("open", checkpoint))


def small_table(folder: pathlib.Path) -> pathlib.Path:
    import deltalake
    import pyarrow

    deltalake.write_deltalake(str(fresh(folder)), pyarrow.table({"id": [0], "name": ["x"]}))
    return folder


def appending(work: pathlib.Path) -> list[tuple]:
    out = []
    for verb, count, what in (("append", 100, "100 appends of a row, one after the other"), ("appends", 100, "100 appends at once, by as many threads")):
        def each(who):
            return (ours if who == "windrow" else peer)(verb, small_table(work / f"{verb}-{who}"), str(count))
        def check():
            import deltalake
            for who in ("windrow", "delta-rs"):
                assert deltalake.DeltaTable(str(work / f"{verb}-{who}")).to_pyarrow_table().num_rows == count + 1, who
        out += beside(what, 3, each, check)
    return out


def large_table(folder: pathlib.Path, rows: int, files: int) -> pathlib.Path:
    import deltalake
    import duckdb

    fresh(folder)
    step = rows // files
    for i in range(files):
        deltalake.write_deltalake(str(folder), duckdb.sql(
            f"SELECT i AS id, 'name ' || (i * 7919 % 1000003) AS name, (i % 1000) / 8 AS v, i % 97 AS k FROM range({i * step}, {(i + 1) * step}) t(i)").to_arrow_table(),
            mode="append")
    return folder


def rows_of(path: pathlib.Path) -> tuple:
    import deltalake
    import duckdb

    rows = deltalake.DeltaTable(str(path)).scan()  # noqa: F841
    return duckdb.sql("SELECT count(*), sum(id), sum(v), sum(hash(id, name, v::DOUBLE, k)) FROM rows").fetchone()


def size_of(folder: pathlib.Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def changing(work: pathlib.Path, rows: int) -> list[tuple]:
    import duckdb

    out = []
    base, changes = large_table(work / "large", rows, 20), work / "changes.parquet"
    for how, key in (("all over the table", f"i * {rows // 50_000}"), ("in one range of it", f"{rows} - 50000 + i")):
        duckdb.sql(f"COPY (SELECT {key} AS id, 'changed' AS name, 1.5::DOUBLE AS v, 5::BIGINT AS k FROM range(50000) t(i) UNION ALL "
                   f"SELECT {rows} + 1000 + i, 'new', 2.5, 6 FROM range(50000) t(i)) TO '{changes}'")
        def each(who):
            target = work / f"merge-{who}"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(base, target)
            if who == "delta-rs":
                return peer("merge", target, changes)
            # delta-rs writes no deletion vectors; tables of a project have them.
            subprocess.run([BUILT / "windrow", "table", "alter", target, "--set", "delta.enableDeletionVectors=true", "-q"], check=True)
            return [BUILT / "windrow", "table", "merge", target, f"FROM '{changes}'", "--on", "t.id = s.id", "-q"]
        def check():
            assert rows_of(work / "merge-windrow") == rows_of(work / "merge-delta-rs")
            for who in ("windrow", "delta-rs"):
                print(f"{who} wrote {(size_of(work / f'merge-{who}') - size_of(base)) / 1e6:.2f} MB", file=sys.stderr)
        out += beside(f"merge of 100,000 rows, half of them {how}, into {rows:,}", 3, each, check)
    small = work / "small"
    large_table(small, 2_000_000, 2000)
    def each(who):
        target = work / f"optimize-{who}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(small, target)
        return peer("optimize", target) if who == "delta-rs" else [BUILT / "windrow", "table", "optimize", target, "-q"]
    def check():
        assert rows_of(work / "optimize-windrow") == rows_of(work / "optimize-delta-rs")
    return out + beside("optimise of 2,000 files of 1,000 rows", 3, each, check)


def far(work: pathlib.Path) -> list[tuple]:
    """Over S3: a server of `./dev servers up minio`."""
    if "AWS_ENDPOINT_URL" not in os.environ:
        print("no AWS_ENDPOINT_URL: the query over S3 is left out; see eval \"$(./dev servers up minio)\"", file=sys.stderr)
        return []
    import deltalake

    options = {"allow_http": "true", "aws_conditional_put": "etag", **{k: v for k, v in os.environ.items() if k.startswith("AWS_")}}
    path, local = f"s3://windrow/bench-{uuid.uuid4()}", work / "large"
    deltalake.write_deltalake(path, deltalake.DeltaTable(str(local)).to_pyarrow_dataset().scanner().to_reader(), storage_options=options,
                              target_file_size=4 << 20)
    files = len(deltalake.DeltaTable(path, storage_options=options).file_uris())
    def each(who):
        if who == "delta-rs":
            return peer("query", path, "5000000", "5010000")
        return ours("query", path, "SELECT count(*) || ' ' || sum(v) FROM t WHERE id >= 5000000 AND id < 5010000")
    return beside(f"10,000 of 10,000,000 rows over S3, one of {files} files", 5, each)


def bench(work: pathlib.Path, rows: int):
    yield from opening(work)
    yield from appending(work)
    yield from changing(work, rows)
    yield from far(work)
