"""The record of runs: it never fails what is done."""
import json
import sqlite3

import lab


def test_a_run_is_done_where_its_record_cannot_be_written(tmp_path):
    folder = lab.make_project(tmp_path / "p")
    lab.add_events(folder, "a.ndjson", range(10))
    (folder / ".windrow/history.db").mkdir(parents=True)  # nothing can be written there
    result = lab.windrow(folder, "run", "--json")
    answer = json.loads(result.stdout)
    assert answer["status"] == "done" and result.returncode == 0
    assert len(answer["warnings"]) == 1 and "of the history could not be written" in answer["warnings"][0]
    assert "history could not be written" in lab.windrow(folder, "run", "--full-refresh", "-s", "gold.kinds").stdout
    (folder / ".windrow/history.db").rmdir()
    assert json.loads(lab.windrow(folder, "run", "--json").stdout)["warnings"] == []
    assert len(json.loads(lab.windrow(folder, "runs", "--json").stdout)) == 1


def test_records_that_cannot_be_written_take_no_others_with_them(tmp_path):
    folder = lab.make_project(tmp_path / "p")
    lab.add_events(folder, "a.ndjson", range(10))
    lab.windrow(folder, "run")
    with sqlite3.connect(folder / ".windrow/history.db") as db:
        db.execute("CREATE TRIGGER bad BEFORE INSERT ON tasks WHEN NEW.asset = 'silver.events' BEGIN SELECT RAISE(ABORT, 'no'); END")
    lab.add_events(folder, "b.ndjson", range(10, 20))
    answer = json.loads(lab.windrow(folder, "run", "--json").stdout)
    assert answer["status"] == "done" and answer["warnings"][0].startswith("one record of the history")
    last = json.loads(lab.windrow(folder, "runs", answer["run"], "--json").stdout)
    assert last["status"] == "done" and "silver.events" not in {t["asset"] for t in last["tasks"]}
    assert len(last["tasks"]) == len(answer["tasks"]) - 1
