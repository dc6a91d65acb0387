"""Looking after tables: delta-rs reads the same rows before and after, goes on writing, and the plan stays quiet."""
import datetime
import json
import os
import pathlib
import subprocess
import time

import deltalake
import pyarrow
import pytest

import lab

COLUMNS = ["id", "p", "v"]


def table_verb(*words, check=True):
    result = subprocess.run([lab.PROGRAM, "table", *map(str, words), "--json"], capture_output=True, text=True, timeout=120)
    if check and result.returncode != 0:
        raise AssertionError(f"windrow table {words}: {result.stdout} {result.stderr}")
    return json.loads(result.stdout or result.stderr)


def foreign_table(path: pathlib.Path, commits: int = 6, partition_by=None) -> pathlib.Path:
    """Many small files by delta-rs, with odd partition values."""
    for i in range(commits):
        ids = list(range(i * 10, i * 10 + 10))
        rows = pyarrow.table({"id": pyarrow.array(ids, pyarrow.int64()),
                              "p": [["a b/=%é", None, "plain"][n % 3] for n in ids],
                              "v": [None if n % 7 == 0 else f"v{n}" for n in ids]})
        deltalake.write_deltalake(str(path), rows, mode="append", partition_by=partition_by)
    return path


def rows(path, version=None):
    return lab.rows_of_delta_rs(path, COLUMNS, version)


def append(path, ids):
    deltalake.write_deltalake(str(path), pyarrow.table({"id": pyarrow.array(ids, pyarrow.int64()), "p": ["plain"] * len(ids),
                                                        "v": ["later"] * len(ids)}), mode="append")


def age(path, days):
    """Data files and the log become so much older, as if nobody had come by since."""
    then = time.time() - days * 86400
    for file in pathlib.Path(path).rglob("*"):
        if not file.is_file():
            continue
        if file.suffix == ".json" and file.parent.name == "_delta_log":
            lines = []
            for line in file.read_text().splitlines():
                action = json.loads(line)
                for kind, key in (("commitInfo", "timestamp"), ("remove", "deletionTimestamp")):
                    if kind in action:
                        action[kind][key] = int(action[kind][key] - days * 86400_000)
                lines.append(json.dumps(action))
            file.write_text("\n".join(lines) + "\n")
        os.utime(file, (then, then))


@pytest.mark.parametrize("partition_by", [None, ["p"]])
@pytest.mark.parametrize("zorder", [[], ["--zorder", "v,id"]])
def test_optimize_in_turn_with_delta_rs(tmp_path, partition_by, zorder):
    path = foreign_table(tmp_path / "in turn é", partition_by=partition_by)
    before = rows(path)
    done = table_verb("optimize", path, *zorder)
    assert done["added"]["files"] == (3 if partition_by else 1)
    assert rows(path) == before == lab.rows_of_windrow(path, COLUMNS)
    assert rows(path, 3) == lab.rows_of_windrow(path, COLUMNS, 3)
    assert len(deltalake.DeltaTable(str(path)).files() if hasattr(deltalake.DeltaTable, "files")
               else deltalake.DeltaTable(str(path)).file_uris()) == done["added"]["files"]
    append(path, [1000, 1001])
    append(path, [1002])
    deltalake.DeltaTable(str(path)).optimize.compact()
    after = rows(path)
    assert len(after) == len(before) + 3
    assert after == lab.rows_of_windrow(path, COLUMNS)
    history = deltalake.DeltaTable(str(path)).history()
    ours = [entry for entry in history if "Windrow" in entry.get("engineInfo", "")]
    assert ours[0]["operation"] == "OPTIMIZE"


def test_vacuum_keeps_what_the_retention_needs(tmp_path):
    path = foreign_table(tmp_path / "t")
    before = rows(path)
    old = {file.name for file in path.glob("*.parquet")}
    table_verb("optimize", path)
    assert table_verb("vacuum", path)["files"] == 0
    assert rows(path, 2) == lab.rows_of_windrow(path, COLUMNS, 2)
    age(path, 8)
    (path / "staged just now.parquet").write_text("x")
    would = table_verb("vacuum", path, "--dry-run")
    assert {pathlib.Path(file["path"]).name for file in would["removed"]} == old
    done = table_verb("vacuum", path)
    assert done["files"] == len(old) and done["bytes"] > 0
    assert (path / "staged just now.parquet").exists()
    assert rows(path) == before == lab.rows_of_windrow(path, COLUMNS)
    append(path, [7])
    assert len(rows(path)) == len(before) + 1
    assert "less than" in table_verb("vacuum", path, "--retention", "1h", check=False)["error"][0]["message"]
    # delta-rs would remove the same, and nothing that is needed.
    assert set(deltalake.DeltaTable(str(path)).vacuum(dry_run=True)) <= old


def test_erase_and_purge_leave_no_trace_in_any_file(tmp_path):
    path = foreign_table(tmp_path / "t", partition_by=["p"])
    table_verb("optimize", path)
    secret = b"v41"
    def holders():
        return [f for f in path.rglob("*") if f.is_file() and "_delta_log" not in str(f) and lab_has(f, 41)]
    def lab_has(file, key):
        return file.suffix == ".parquet" and key in pyarrow.parquet.ParquetFile(file).read(columns=["id"])["id"].to_pylist()
    import pyarrow.parquet
    assert len(holders()) == 2
    done = table_verb("erase", path, "--key", "id=41", "--purge")
    assert done["rows"] == 1 and done["purged"]["files"] == 2
    assert holders() == []
    assert "41" not in [row[0] for row in rows(path)]
    left = table_verb("erase", path, "--key", "id=41", "--verify", check=False)
    assert all("in a file" not in trace["what"] for trace in left["traces"])
    table_verb("clean-log", path, "--retention", "0s")
    assert table_verb("erase", path, "--key", "id=41", "--verify") == {"clean": True, "traces": [], "log": True}
    assert table_verb("erase", path, "--key", "id=42", "--verify", check=False)["clean"] is False
    assert not any(secret in file.read_bytes() for file in (path / "_delta_log").iterdir()
                   if file.suffix == ".json" and file.stat().st_size)
    append(path, [5000])
    assert len(rows(path)) == 60
    assert rows(path) == lab.rows_of_windrow(path, COLUMNS)


def test_clone_and_restore(tmp_path):
    path = foreign_table(tmp_path / "source")
    table_verb("clone", path, tmp_path / "clone", "--version", 2)
    assert lab.rows_of_windrow(tmp_path / "clone", COLUMNS) == rows(path, 2)
    table_verb("restore", path, "--version", 1)
    assert rows(path) == rows(path, 1) == lab.rows_of_windrow(path, COLUMNS)
    assert deltalake.DeltaTable(str(path)).history(1)[0]["operation"] == "RESTORE"
    assert table_verb("stats", path, "--capacity", "1TB")["rows"] == 20


def test_nothing_becomes_stale(tmp_path):
    recent = datetime.date.today() - datetime.timedelta(days=35)
    files = {**lab.FILES}
    files["windrow.yaml"] = files["windrow.yaml"].replace("begin: 2025-10-01", f"begin: {recent - datetime.timedelta(days=60)}")
    files["windrow.yaml"] = files["windrow.yaml"].replace("append_only: true", "append_only: true, retention: 40d") \
        .replace("silver: {}", "silver: {retention: 40d}").replace("gold: {}", "gold: {retention: 365d}")
    files["sources/events.yaml"] += "retention_column: ts\n"
    files["models/silver/events.sql"] = files["models/silver/events.sql"].replace("new_rows:", "retention_column: ts\nnew_rows:")
    folder = lab.make_project(tmp_path / "quiet", files)
    for part in range(3):
        lines = [json.dumps({"id": part * 10 + i, "ts": f"{recent + datetime.timedelta(days=i * 3 - 15)} 10:00:00", "kind": f"k{i % 3}",
                             "n": i}) for i in range(10)]
        (folder / "data" / f"{part}.ndjson").write_text("\n".join(lines) + "\n")
        lab.windrow(folder, "run")
    quiet = lambda: "everything is up to date" in lab.windrow(folder, "plan").stdout
    assert quiet()
    gold = lab.rows_of_delta_rs(lab.table_path(folder, "gold.daily"), ["day", "kind", "total"])
    for table in lab.TABLES:
        lab.windrow(folder, "table", "optimize", table)
        assert quiet(), table
    would = json.loads(lab.windrow(folder, "lake", "retain", "--dry-run", "--json").stdout)["tables"]
    done = json.loads(lab.windrow(folder, "lake", "retain", "--json").stdout)["tables"]
    by_table = {each["table"]: each for each in done}
    assert by_table["bronze.events"]["rows"] > 0 and by_table["silver.events"]["rows"] > 0
    assert {e["table"]: e["rows"] for e in would} == {e["table"]: e["rows"] for e in done}
    assert by_table["gold.kinds"].get("undated")
    assert quiet()
    # What is gone below stays above, and a late row does not bring the rest of its interval back.
    assert lab.rows_of_delta_rs(lab.table_path(folder, "gold.daily"), ["day", "kind", "total"]) == gold
    for table in ("bronze.events", "silver.events"):
        lab.windrow(folder, "table", "erase", table, "--key", "id=9", "--purge")
        assert quiet(), table
    for table in ("bronze.events", "silver.events"):
        lab.windrow(folder, "table", "clean-log", table, "--retention", "0s")
        assert quiet(), table
    lab.windrow(folder, "run")
    left = [int(row[0]) for row in lab.rows_of_delta_rs(lab.table_path(folder, "silver.events"), ["id"])]
    assert 9 not in left


def test_orphans_are_listed_and_dropped(tmp_path):
    folder = lab.make_project(tmp_path / "left", {**lab.FILES, "models/gold/gone.sql": "SELECT count(*) AS n FROM bronze.events"})
    lab.add_events(folder, "0.ndjson", range(5))
    (folder / "data/broken.ndjson").write_text("{not a record\n")
    lab.windrow(folder, "run")
    listed = lambda: [each["asset"] for each in json.loads(lab.windrow(folder, "ls", "--orphans", "--json").stdout)]
    assert listed() == []  # what a source sets aside is the source's
    (folder / "models/gold/gone.sql").unlink()
    assert listed() == ["gold.gone"]
    refused = lab.windrow(folder, "table", "drop", "bronze.events", check=False)
    assert refused.returncode == 2 and "sources/events.yaml" in refused.stderr, refused
    assert json.loads(lab.windrow(folder, "table", "drop", "gold.gone", "--dry-run", "--json").stdout)["files"] > 1
    assert listed() == ["gold.gone"]
    lab.windrow(folder, "table", "drop", "gold.gone")
    assert listed() == [] and not (folder / "lake/gold/gone").exists()
    assert "ls --orphans" in lab.windrow(folder, "table", "drop", "gold.gone", check=False).stderr
