"""Many processes on one table: every acknowledged commit is there once, in an order that explains all that was seen.

Writers print what each commit did and which version it became. Replaying those in the order of versions, with a model
of three columns, must give the rows of every version that anybody has seen.
"""
import json
import pathlib
import subprocess
import uuid

import lab
from s3_test import minio, s3  # noqa: F401 (fixtures)

PROBE = pathlib.Path(lab.PROGRAM).resolve().parent / "commit_probe"


def probe(*words, **kwargs) -> str:
    return subprocess.run([PROBE, *map(str, words)], capture_output=True, text=True, check=True, **kwargs).stdout


def after(rows: set, commit: dict) -> set:
    """The rows after one more commit."""
    new = {tuple(row) for row in commit.get("rows", [])}
    match commit["kind"]:
        case "append":
            return rows | new
        case "overwrite":
            replaced = {p for p, _, _ in new}
            return {row for row in rows if row[0] not in replaced} | new
        case "delete":
            return {(p, k, v) for p, k, v in rows
                    if not (p == commit["p"] and commit["from"] <= k < commit["to"])}
        case "merge":
            keys = {k for _, k, _ in new}
            return {row for row in rows if row[1] not in keys} | new
        case "optimize":
            return rows


def seen_of(rows: set) -> tuple:
    """What a reader prints of a version."""
    mixed = 0
    for _, _, v in rows:
        mixed ^= v
    return len(rows), sum(k for _, k, _ in rows), sum(p for p, _, _ in rows), mixed


def writers_and_readers(table: str, stop: pathlib.Path, writers: int, commits: int, readers: int) -> None:
    probe("create", table)
    start = lambda *words: subprocess.Popen(  # noqa: E731
        [PROBE, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    writing = [start("write", table, seed, commits) for seed in range(1, writers + 1)]
    # Readers print little, writers some ten thousand bytes: less than a pipe takes.
    reading = [subprocess.Popen([PROBE, "watch", table, stop], stdout=open(f"{stop}.{i}", "w"), stderr=subprocess.PIPE,
                                text=True) for i in range(readers)]
    acknowledged = []
    try:
        for writer in writing:
            out, err = writer.communicate(timeout=400)
            assert (writer.returncode, err) == (0, "")
            acknowledged += [json.loads(line) for line in out.splitlines()]
    finally:
        stop.touch()
        for process in writing + reading:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
    for reader in reading:
        assert (reader.returncode, reader.stderr.read()) == (0, "")

    # Each version has one owner; an `optimize` may have made several of them and names the last.
    by_version = {commit["version"]: commit for commit in acknowledged}
    assert len(by_version) == len(acknowledged)
    latest = max(by_version)
    unclaimed = set(range(1, latest + 1)) - set(by_version)
    last_optimizes = sum(commit["kind"] == "optimize" for commit in acknowledged)
    assert len(unclaimed) == 0 or last_optimizes > 0

    states = {0: set()}
    for version in range(1, latest + 1):
        states[version] = after(states[version - 1], by_version.get(version, {"kind": "optimize"}))
    seen = 0
    for i in range(readers):
        versions = []
        for line in pathlib.Path(f"{stop}.{i}").read_text().splitlines():
            version, *values = map(int, line.split(","))
            assert tuple(values) == seen_of(states[version]), f"version {version}"
            versions.append(version)
        assert versions == sorted(versions)
        assert versions[-1] == latest
        seen += len(set(versions))
    assert seen > 5 * readers
    for version in sorted({1, latest // 3, latest // 2, latest - 1, latest}):
        rows = [tuple(map(int, line.split(","))) for line in probe("rows", table, version).splitlines()]
        assert rows == sorted(states[version]), f"version {version}"
    kinds = {commit["kind"] for commit in acknowledged}
    assert kinds == {"append", "overwrite", "delete", "merge", "optimize"}
    # What was not committed was claimed by nobody: the log's own operations tell.
    return by_version, unclaimed


def test_sixteen_processes(tmp_path):
    table = tmp_path / "a table é"
    by_version, unclaimed = writers_and_readers(str(table), tmp_path / "stop", 16, 100, 2)
    for version in range(1, max(by_version) + 1):
        lines = (table / "_delta_log" / f"{version:020}.json").read_text().splitlines()
        info = next(json.loads(line)["commitInfo"] for line in lines if "commitInfo" in line)
        expected = by_version.get(version, {"kind": "optimize"})["kind"]
        assert (info["operation"] == "OPTIMIZE") == (expected == "optimize")
    assert sum(commit["kind"] != "optimize" for commit in by_version.values()) > 1400


def test_several_processes_on_s3(s3, tmp_path):  # noqa: F811
    table = f"s3://{s3['WINDROW_TEST_BUCKET']}/concurrent/{uuid.uuid4().hex}"
    writers_and_readers(table, tmp_path / "stop", 6, 12, 1)
