"""What tasks use: processor time, memory, bytes and files, in the record of each run."""
import json
import pathlib
import sqlite3

import lab

COLUMNS = ["cpu", "peak_memory", "bytes_read", "files_read", "bytes_written", "files_written"]


def run(folder: pathlib.Path, *words: str) -> dict:
    return json.loads(lab.windrow(folder, "run", "--json", *words).stdout)


def used(answer: dict) -> dict[str, dict]:
    return {task["asset"]: task["usage"] for task in answer["tasks"]}


def written(folder: pathlib.Path, table: str, version: int) -> tuple[int, int]:
    """Bytes and files that a commit added."""
    text = (lab.table_path(folder, table) / f"_delta_log/{version:020}.json").read_text()
    adds = [action["add"] for action in map(json.loads, text.splitlines()) if "add" in action]
    return sum(add["size"] for add in adds), len(adds)


def test_known_bytes_and_files_are_those_of_the_files(tmp_path):
    folder = lab.make_project(tmp_path / "p", lab.FILES | {
        "models/gold/many.sql": "SELECT * FROM bronze.events\n",
        "seeds/names.csv": "kind,name\nk0,zero\n",
        "publish/out.yaml": "publish: out\nto: out\nviews: [{from: gold.kinds, table: kinds, file: {format: csv, name: kinds.csv}}]\n",
        "windrow.yaml": lab.FILES["windrow.yaml"].replace("connections:", "connections:\n  out: {type: files, path: delivered}")})
    lab.add_events(folder, "a.ndjson", range(50))
    lab.add_events(folder, "b.ndjson", range(50, 90))
    first = run(folder)
    tasks = used(first)
    assert all(usage["cpu_seconds"] > 0 for usage in tasks.values()), tasks
    source = tasks["bronze.events"]
    assert (source["bytes_read"], source["files_read"]) == (sum(f.stat().st_size for f in (folder / "data").iterdir()), 2)
    seed = tasks["seeds.names"]
    assert (seed["bytes_read"], seed["files_read"]) == ((folder / "seeds/names.csv").stat().st_size, 1)
    for table in [*lab.TABLES, "gold.many", "seeds.names"]:
        assert (tasks[table]["bytes_written"], tasks[table]["files_written"]) == written(folder, table, 0), table
        assert tasks[table]["peak_memory"] > 0
    # The whole of one file, and what its footer is.
    many = tasks["gold.many"]
    assert many["files_read"] == 1 and 0 < many["bytes_read"] <= 2 * source["bytes_written"] + 100_000
    # A delivery is a file, and a database does not say how much it took.
    assert (tasks["publish.out"]["bytes_written"], tasks["publish.out"]["files_written"]) == ((folder / "delivered/kinds.csv").stat().st_size, 1)
    assert "bytes_written" not in tasks["publish.serving"] and tasks["publish.serving"]["files_read"] == 1
    total = first["usage"]
    for key in ("bytes_read", "files_read", "bytes_written", "files_written"):
        assert total[key] == sum(usage.get(key, 0) for usage in tasks.values())
    assert total["peak_memory"] > 10_000_000

    # Nothing to do costs little, and nothing is written.
    again = used(run(folder))
    assert all("bytes_written" not in usage and "files_read" not in usage for usage in again.values()), again
    assert all("rows" not in task for task in run(folder)["tasks"])

    # One file more: that alone is read.
    lab.add_events(folder, "c.ndjson", range(90, 100))
    source = used(run(folder))["bronze.events"]
    assert (source["bytes_read"], source["files_read"]) == ((folder / "data/c.ndjson").stat().st_size, 1)


def test_the_record_keeps_it_and_shows_it(tmp_path):
    folder = lab.make_project(tmp_path / "p")
    lab.add_events(folder, "a.ndjson", range(50))
    answer = run(folder)
    lab.add_events(folder, "b.ndjson", range(50, 20_000))
    run(folder)
    record = json.loads(lab.windrow(folder, "runs", answer["run"], "--json").stdout)
    assert record["usage"] == answer["usage"]
    assert {task["asset"]: task["usage"] for task in record["tasks"]} == used(answer)
    assert json.loads(lab.windrow(folder, "runs", "--json").stdout)[1]["usage"] == answer["usage"]
    text = lab.windrow(folder, "runs", answer["run"]).stdout
    assert "cpu" in text and "written" in text and " of processor time, " in text and " of memory\n" in text
    over_time = json.loads(lab.windrow(folder, "runs", "--asset", "bronze.events", "--json").stdout)
    assert [task["usage"]["bytes_read"] for task in over_time] == [(folder / f"data/{name}.ndjson").stat().st_size for name in "ba"]
    assert over_time[0]["usage"]["cpu_seconds"] > over_time[1]["usage"]["cpu_seconds"]
    lines = lab.windrow(folder, "runs", "--asset", "gold.daily").stdout.splitlines()
    assert len(lines) == 3 and all(head in lines[0] for head in ("cpu", "memory", "read", "written"))
    assert "cpu" not in lab.windrow(folder, "run", "--full-refresh", "-s", "gold.kinds").stdout
    assert "cpu" in lab.windrow(folder, "run", "--full-refresh", "-s", "gold.kinds", "-v").stdout


def hashes(rows: int) -> str:
    return f"SELECT max(md5(md5(md5(a.n::VARCHAR)))) AS h, count(*) AS n FROM bronze.numbers a, range({rows}) b(i) WHERE md5(b.i::VARCHAR) <> a.n::VARCHAR\n"


def test_time_grows_with_the_work_and_is_nobody_elses(tmp_path):
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": lab.FILES["windrow.yaml"],
        "sources/numbers.yaml": "source: bronze.numbers\nfrom: {files: \"data/*.ndjson\"}\nformat: json\ncolumns: {n: bigint}\n",
        "models/gold/little.sql": hashes(200_000),
        "models/gold/much.sql": hashes(6_000_000)})
    (folder / "data/a.ndjson").write_text('{"n": 1}\n')
    run(folder, "-s", "bronze.numbers")
    alone = used(run(folder, "-s", "gold.little"))["gold.little"]["cpu_seconds"]
    both = used(run(folder, "-s", "layer:gold", "--full-refresh", "--jobs", "2"))
    # Both work on the same threads all the while.
    little, much = (both[name]["cpu_seconds"] for name in ("gold.little", "gold.much"))
    assert much > 8 * little, both
    assert little < 3 * alone + 0.05, (little, alone)


def test_a_failed_task_says_what_it_used(tmp_path):
    folder = lab.make_project(tmp_path / "p", lab.FILES | {
        "models/gold/kinds.sql": "/* windrow\nchecks: [{rows: {max: 1}}]\n*/\n" + lab.FILES["models/gold/kinds.sql"]})
    lab.add_events(folder, "a.ndjson", range(50))
    result = lab.windrow(folder, "run", "--json", check=False)
    assert result.returncode == 1
    tasks = {task["asset"]: task for task in json.loads(result.stdout)["tasks"]}
    assert tasks["gold.kinds"]["status"] == "failed"
    usage = tasks["gold.kinds"]["usage"]  # the file was written, and kept out of the table
    assert usage["files_written"] == 1 and usage["bytes_written"] > 0 and usage["cpu_seconds"] > 0
    assert "usage" not in tasks["publish.serving"]  # it was skipped


def test_a_record_of_the_version_before_goes_on_and_a_newer_one_is_refused(tmp_path):
    folder = lab.make_project(tmp_path / "p")
    lab.add_events(folder, "a.ndjson", range(50))
    old = run(folder)["run"]
    path = folder / ".windrow/history.db"
    with sqlite3.connect(path) as db:
        for table in ("tasks", "runs"):
            for column in COLUMNS:
                db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        for column in ("schedule", "due", "project_version"):
            db.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        for table in ("schedules", "fires", "backfills"):
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA user_version = 2")
    lab.add_events(folder, "b.ndjson", range(50, 60))
    new = run(folder)
    assert new["warnings"] == []
    before, now = (json.loads(lab.windrow(folder, "runs", id, "--json").stdout) for id in (old, new["run"]))
    assert "usage" not in before and all("usage" not in task for task in before["tasks"])
    assert now["usage"] == new["usage"]
    assert lab.windrow(folder, "runs", old).stdout.count("processor time") == 0
    lines = json.loads(lab.windrow(folder, "runs", "--asset", "gold.kinds", "--json").stdout)
    assert ["usage" in line for line in lines] == [True, False]
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (5,)
        db.execute("PRAGMA user_version = 6")
    refused = lab.windrow(folder, "runs", check=False)
    assert refused.returncode != 0 and "was made by a newer version" in refused.stderr
