"""Tables with deletion vectors that we write, without Spark: delta-rs and we change them in turn (spark_turns_test.py), DuckDB's
extension (delta-kernel), delta-rs and polars read them."""
import json
import os
import pathlib
import subprocess

import deltalake
import duckdb
import pytest

import lab
import spark_turns_test as turns

ALWAYS = ["--set", "delta.enableDeletionVectors=true", "--set", "windrow.deletionVectors=always"]


class Maker:
    """Stands where a Spark would: makes the table, and nothing else."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def sql(self, *_):
        turns.program("write", self.path, "SELECT 0::BIGINT AS id, '' AS p, '' AS v, 0::BIGINT AS n, 0::DECIMAL(10, 2) AS d, "
                                          "now()::TIMESTAMPTZ AS ts WHERE false")
        turns.program("alter", self.path, *ALWAYS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_turn(tmp_path, seed):
    seed = int(os.environ.get("WINDROW_TEST_SEED", seed))
    kind = turns.Kind("", writers=("delta-rs", "windrow", "windrow"), readers=("delta-rs", "polars", "windrow", "extension"))
    walk, told = turns.Walk(Maker(tmp_path / "t"), tmp_path, kind, seed), []
    try:
        for number in range(int(os.environ.get("WINDROW_TEST_TURNS", 16))):
            told.append(walk.turn(number))
            walk.check(told[-1])
            walk.remember()
        past = walk.random.choice(sorted(walk.then))
        walk.check("all turns", past, walk.then[past])
    except Exception as error:
        raise AssertionError("\n".join([f"WINDROW_TEST_SEED={seed}", *told, str(error)])) from error
    assert vectors(tmp_path / "t"), told


def vectors(path: pathlib.Path) -> list[dict]:
    adds = [json.loads(line).get("add") for file in sorted((path / "_delta_log").glob("*.json")) for line in open(file)]
    return [add["deletionVector"] for add in adds if add and add.get("deletionVector")]


def rows(path, reader: str) -> list[tuple]:
    count = "SELECT count(*), sum(id), sum(v), count(DISTINCT name)"
    if reader == "extension":
        with lab.delta_extension() as c:
            return c.execute(f"{count} FROM delta_scan('{path}')").fetchone()
    if reader == "delta-rs":
        found = deltalake.DeltaTable(str(path)).scan()  # noqa: F841
        return duckdb.sql(f"{count} FROM found").fetchone()
    return duckdb.sql(f"{count} FROM read_parquet('{turns.spark_lab.windrow_rows(path)}')").fetchone()


def test_large_vectors_in_one_file(tmp_path):
    """Vectors of more rows than a container of a bitmap holds, several in a file, and the rule of small files."""
    path = tmp_path / "t"
    for begin in (0, 400_000):
        turns.program("write", path, f"SELECT i AS id, i % 11 AS v, 'name ' || hash(i) AS name FROM range({begin}, {begin + 400_000}) r(i)")
    turns.program("alter", path, "--set", "delta.enableDeletionVectors=true")
    turns.program("delete", path, "--where", "id % 5 = 0")
    written = vectors(path)
    assert [v["storageType"] for v in written] == ["u", "u"] and len({v["pathOrInlineDv"] for v in written}) == 1
    assert sorted(v["cardinality"] for v in written) == [80_000, 80_000]
    turns.program("update", path, "--set", "v = 100", "--where", "id % 1000 = 1")
    turns.program("delete", path, "--where", "id < 300000 AND id % 2 = 0")  # more than a quarter of one file: written anew
    expected = duckdb.sql("SELECT count(*), sum(i), sum(if(i % 1000 = 1, 100, i % 11)), count(*) FROM range(800000) r(i) "
                          "WHERE i % 5 <> 0 AND NOT (i < 300000 AND i % 2 = 0)").fetchone()
    for reader in ("extension", "delta-rs", "windrow"):
        assert rows(path, reader) == expected, reader
    turns.program("optimize", path)
    assert all("deletionVector" not in add for add in live(path))
    assert rows(path, "extension") == expected


def live(path) -> list[dict]:
    out = {}
    for file in sorted((path / "_delta_log").glob("*.json")):
        for line in open(file):
            action = json.loads(line)
            if "remove" in action:
                out.pop(action["remove"]["path"], None)
            if "add" in action:
                out[action["add"]["path"]] = action["add"]
    return list(out.values())


def test_a_killed_delete_leaves_the_old_or_the_new_rows(tmp_path):
    path = tmp_path / "t"
    turns.program("write", path, "SELECT i AS id, 0 AS v, 'name ' || hash(i) AS name FROM range(300000) r(i)")
    turns.program("alter", path, "--set", "delta.enableDeletionVectors=true")
    before = rows(path, "windrow")
    for wait in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
        process = subprocess.Popen([lab.PROGRAM, "table", "delete", str(path), "--where", "id % 10 = 3", "-q"])
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        found = rows(path, "windrow")
        assert found[0] in (before[0], 270_000), found
        assert rows(path, "extension") == found
    turns.program("delete", path, "--where", "id % 10 = 3")
    assert rows(path, "delta-rs")[0] == 270_000
