"""Backfills, as their users meet them: real processes that are killed, paused and resumed."""
import contextlib
import datetime
import json
import signal
import sqlite3
import subprocess

import lab
import pytest
from serve_lab import PATIENCE, Server, history, waits_for

BEGIN = datetime.datetime(2025, 1, 1)
MODEL = """/* windrow
build: {{interval: {{column: at_, grain: {grain}{batch}}}}}
*/
SELECT date_trunc('{grain}', ts) AS at_, count(*) AS n, sum(CAST(value AS BIGINT)) AS total
FROM bronze.events WHERE ts >= $start AND ts < $end GROUP BY ALL
"""
SOURCE = """source: bronze.events
from: {files: "data/*.csv"}
format: csv
columns: {ts: timestamp, value: varchar}
"""


def project(folder, hours=240, grain="hour", batch=", batch: 1", broken=(), yaml="", **more):
    """An event every half of an hour; those of `broken` hours have no number."""
    lab.make_project(folder, {"windrow.yaml": "project: lab\nbegin: 2025-01-01\n" + yaml, "sources/events.yaml": SOURCE,
                              "models/silver/counts.sql": MODEL.format(grain=grain, batch=batch)} | more)
    events(folder, hours, broken)
    lab.windrow(folder, "run", "--select", "bronze.events")
    return folder


def events(folder, hours, broken=()):
    (folder / "data").mkdir(exist_ok=True)
    lines = ["ts,value"]
    for half in range(2 * hours):
        value = "no number" if half // 2 in broken else half
        lines.append(f"{BEGIN + datetime.timedelta(minutes=30 * half)},{value}")
    (folder / "data/events.csv").write_text("\n".join(lines) + "\n")


def mend(folder):
    events(folder, 240)
    lab.windrow(folder, "source", "reload", "bronze.events")


def day(days):
    return (BEGIN + datetime.timedelta(days=days)).isoformat()


def asked(folder, *words, code=0):
    result = lab.windrow(folder, "--json", *words, check=False)
    assert result.returncode == code, f"{result.returncode}: {result.stdout}{result.stderr}"
    return json.loads(result.stdout or result.stderr)


def begun(folder, *words):
    return subprocess.Popen([lab.PROGRAM, "-C", str(folder), "--json", "backfill", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def built(folder):
    return int(lab.windrow(folder, "query", "SELECT count(*) FROM silver.counts", "--format", "csv", check=False).stdout.split()[-1])


def commits(folder):
    """Intervals of each commit, as their records say."""
    out = []
    for entry in json.loads(lab.windrow(folder, "--json", "table", "history", str(folder / "lake/silver/counts")).stdout):
        out += [(i["start"], i["end"]) if isinstance(i, dict) else tuple(i) for i in (entry.get("windrow") or {}).get("intervals", [])]
    return out


def is_whole(folder, hours):
    rows = lab.windrow(folder, "query", "SELECT count(*), sum(n), sum(total) FROM silver.counts", "--format", "csv").stdout.split()[-1]
    assert rows == f"{hours},{2 * hours},{hours * (2 * hours - 1)}"


def on_the_way(folder, hours):
    """So many hours are built, and not all."""
    waits_for(lambda: (folder / "lake/silver/counts").exists() and len(list((folder / "lake/silver/counts/_delta_log").glob("*.json"))) > 5)
    assert built(folder) < hours


def test_what_is_missing_is_built_and_nothing_else(tmp_path):
    folder = project(tmp_path / "p", batch="")
    would = asked(folder, "backfill", day(1), day(3), "--dry-run")
    assert would["dry_run"] and would["steps"][0]["interval_count"] == 48 and not (folder / "lake/silver").exists()
    told = lab.windrow(folder, "backfill", day(1), day(3), "--dry-run").stdout
    assert "silver.counts" in told and "2025-01-02T00 … 2025-01-03T23" in told and "48 intervals would be built" in told
    one = asked(folder, "backfill", day(1), day(3), "--name", "two-days", "--select", "silver.counts")
    assert one["status"] == "done" and one["intervals"] == {"total": 48, "done": 48, "failed": 0, "left": 0} and one["rows"] == 48
    assert "nothing to build" in lab.windrow(folder, "backfill", day(1), day(3)).stdout
    two = asked(folder, "backfill", day(0), day(4), "--order", "newest", "--max-active", "2")
    assert two["intervals"]["done"] == 48 and built(folder) == 96
    again = asked(folder, "backfill", day(0), day(1), "--only", "all")
    assert again["intervals"]["done"] == 24 and again["rows"] == 24
    assert [b["backfill"] for b in asked(folder, "backfills")] == [again["backfill"], two["backfill"], one["backfill"]]
    assert asked(folder, "backfills", "two-days")["backfill"] == one["backfill"]
    assert not list((folder / ".windrow").glob("backfill-*.lock"))


def test_parts_at_a_time_keep_what_the_others_have_built(tmp_path):
    folder = project(tmp_path / "p", batch=", batch: 4")
    done = asked(folder, "backfill", day(0), day(10), "--max-active", "3")
    assert done["status"] == "done" and done["intervals"]["done"] == 240
    is_whole(folder, 240)
    seen = commits(folder)
    assert len(seen) == len(set(seen)) == 60


def test_intervals_that_fail_are_told_and_tried_again(tmp_path):
    folder = project(tmp_path / "p", batch="", broken={30, 31, 100}, **{
        "models/gold/daily.sql": "/* windrow\nbuild: {interval: {column: day, grain: day}}\n*/\nSELECT date_trunc('day', at_) AS day, sum(n) AS n\n"
                                 "FROM silver.counts WHERE at_ >= $start AND at_ < $end GROUP BY ALL\n",
        "models/gold/all.sql": "SELECT count(*) AS n FROM silver.counts\n"})
    failed = asked(folder, "backfill", day(0), day(10), "--select", "layer:silver layer:gold", code=1)
    assert failed["status"] == "failed" and "gold.all" in failed["reason"]
    hours = [f for f in failed["failures"] if f["asset"] == "silver.counts"]
    assert [(f["start"], f["intervals"]) for f in hours] == [("2025-01-02T06:00:00Z", 2), ("2025-01-05T04:00:00Z", 1)]
    assert all("no number" in f["problem"]["message"] for f in hours)
    assert [(f["start"], f["caused_by"]) for f in failed["failures"] if f["asset"] == "gold.daily"] == [
        ("2025-01-02T00:00:00Z", "silver.counts"), ("2025-01-05T00:00:00Z", "silver.counts")]
    assert built(folder) == 237
    said = lab.windrow(folder, "backfills", failed["backfill"]).stdout
    assert "2025-01-02T06 … 2025-01-02T07: " in said and "because silver.counts was not built" in said
    mend(folder)
    mended = asked(folder, "backfill", day(0), day(10), "--only", "failed", "--select", "layer:silver layer:gold")
    assert mended["status"] == "done" and mended["intervals"]["done"] == 5
    is_whole(folder, 240)
    assert lab.windrow(folder, "query", "SELECT n FROM gold.all", "--format", "csv").stdout.split()[-1] == "240"
    assert "no backfill has failed" in lab.windrow(folder, "backfill", day(0), day(10), "--only", "failed").stdout


def test_where_everything_fails_it_pauses(tmp_path):
    folder = project(tmp_path / "p", batch="", broken=set(range(240)))
    paused = asked(folder, "backfill", day(0), day(10), code=1)
    assert paused["status"] == "paused" and "too much fails" in paused["reason"] and paused["runs"] < 60
    mend(folder)
    assert asked(folder, "backfills", "resume", paused["backfill"])["status"] == "done"
    is_whole(folder, 240)


@pytest.mark.parametrize("only", ["missing", "all"])
def test_killed_alone_it_goes_on(tmp_path, only):
    folder = project(tmp_path / "p", 120)
    process = begun(folder, day(0), day(5), "--only", only)
    on_the_way(folder, 120)
    process.kill()
    process.communicate()
    (there,) = asked(folder, "backfills")
    assert there["status"] == "interrupted"
    before = built(folder)
    resumed = asked(folder, "backfills", "resume", there["backfill"])
    assert resumed["status"] == "done" and resumed["intervals"] == {"total": 120, "done": 120, "failed": 0, "left": 0} and before < 120
    is_whole(folder, 120)
    if only == "missing":
        seen = commits(folder)
        assert len(seen) == len(set(seen)) == 120, "nothing that was committed is built again"


def test_ctrl_c_pauses_it(tmp_path):
    folder = project(tmp_path / "p", 120)
    process = begun(folder, day(0), day(5), "--name", "ten")
    on_the_way(folder, 120)
    assert "builds" in lab.windrow(folder, "backfill", day(4), day(5), check=False).stderr, "the same table in the same range"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and json.loads(out)["status"] == "paused"
    assert asked(folder, "backfills", "resume", "ten")["status"] == "done"
    is_whole(folder, 120)
    refused = lab.windrow(folder, "backfills", "resume", "ten", check=False)
    assert refused.returncode == 2 and "is done already" in refused.stderr


def test_paused_and_canceled_from_another_terminal(tmp_path):
    folder = project(tmp_path / "p", 240)
    process = begun(folder, day(0), day(10))
    on_the_way(folder, 240)
    (there,) = asked(folder, "backfills")
    assert there["status"] == "running"
    asked(folder, "backfills", "pause", there["backfill"])
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and json.loads(out)["status"] == "paused"
    asked(folder, "backfills", "cancel", there["backfill"])
    assert asked(folder, "backfills")[0]["status"] == "canceled" and 0 < built(folder) < 240
    assert lab.windrow(folder, "backfills", "resume", there["backfill"], check=False).returncode == 2


def test_a_server_builds_it_and_the_next_one_goes_on(tmp_path):
    folder = project(tmp_path / "p", 240)
    with Server(folder) as server:
        server.wait("serving")
        there = asked(folder, "backfill", day(0), day(10), "--background", "--name", "spring")["backfill"]
        server.wait("backfilling", backfill=there)
        on_the_way(folder, 240)
        assert asked(folder, "backfills", "spring")["status"] == "running"
        server.kill()
    assert asked(folder, "backfills", "spring")["status"] == "interrupted"
    with Server(folder) as server:
        server.wait("backfilling", backfill=there)
        asked(folder, "backfills", "pause", "spring")
        assert server.wait("backfill_ended", backfill=there)["status"] == "paused"
        assert asked(folder, "backfills", "resume", "spring")["status"] == "running"
        server.wait("backfilling", backfill=there, count=2)
        assert server.stop() == 0
    assert asked(folder, "backfills", "spring")["status"] == "interrupted", "a stop is no pause"
    with Server(folder) as server:
        server.wait("backfill_ended", backfill=there, status="done")
        followed = asked(folder, "backfill", day(0), day(1), "--only", "all")
        assert followed["status"] == "done" and followed["intervals"]["done"] == 24
        assert server.stop() == 0
    is_whole(folder, 240)
    seen = [at for at in commits(folder) if at[0] >= "2025-01-02"]
    assert len(seen) == len(set(seen)) == 216


def test_a_server_takes_up_what_was_killed_alone(tmp_path):
    folder = project(tmp_path / "p", 120)
    process = begun(folder, day(0), day(5))
    on_the_way(folder, 120)
    process.kill()
    process.communicate()
    with Server(folder) as server:
        server.wait("backfill_ended", status="done")
        assert server.stop() == 0
    is_whole(folder, 120)


def test_ninety_thousand_intervals_are_ranges(tmp_path):
    folder = project(tmp_path / "p", 1500, grain="minute", batch="")
    done = asked(folder, "backfill", day(0), day(62.5))
    assert done["status"] == "done" and done["intervals"]["done"] == 90_000 and done["rows"] == 3000
    (progress,), (runs,), (tasks,) = (history(folder, sql)[0] for sql in (
        "SELECT length(progress) + length(failures) + length(request) FROM backfills", "SELECT count(*) FROM runs", "SELECT count(*) FROM tasks"))
    assert progress < 2000 and runs < 15 and tasks < 30
    assert (folder / ".windrow/history.db").stat().st_size < 500_000
    assert sum(len(path.read_bytes()) for path in (folder / "lake/silver/counts/_delta_log").glob("*.json")) < 1_000_000


def test_wrong_use(tmp_path):
    folder = project(tmp_path / "p", 24, **{"models/gold/whole.sql": "SELECT 1 AS n\n"})

    def refused(*words):
        result = lab.windrow(folder, *words, check=False)
        assert result.returncode == 2, result.stdout + result.stderr
        return result.stderr

    assert "lies in the future" in refused("backfill", "2025-01-01", "2999-01-01")
    assert "is empty" in refused("backfill", "2025-01-02", "2025-01-01")
    assert 'START takes a time, but "monday" is none' in refused("backfill", "monday", "2025-01-01")
    assert "nothing that is chosen is built by intervals" in refused("backfill", day(0), day(1), "--select", "gold.whole")
    assert "windrow serve" in refused("backfill", day(0), day(1), "--background")
    assert "one part is built at a time" in refused("backfill", day(0), day(1), "--only", "all", "--max-active", "2")
    assert "cannot be called" in refused("backfill", day(0), day(1), "--name", "pause")
    assert "there is no backfill" in refused("backfills", "pause", "spring")


def test_the_interval_of_a_schedule_is_handed_to_its_tasks(tmp_path):
    folder = project(tmp_path / "p", 24, yaml='schedules: {nightly: {cron: "0 3 * * *", select: task.tell}}\n', **{
        "tasks/tell.yaml": 'task: tell\ncommand: [sh, -c, "echo $FROM $TO >> told.txt"]\nenv: {FROM: "${start}", TO: "${end}"}\n'})
    lab.windrow(folder, "schedule", "trigger", "nightly", "--start", "2025-03-01", "--end", "2025-03-02")
    lab.windrow(folder, "schedule", "trigger", "nightly")
    with Server(folder) as server:
        server.wait("serving")
        lab.windrow(folder, "schedule", "trigger", "nightly", "--wait", "--start", "2025-04-01", "--end", "2025-04-02")
        lab.windrow(folder, "schedule", "trigger", "nightly", "--wait")
        assert server.stop() == 0
    alone, by_itself, in_server, as_next = (folder / "told.txt").read_text().splitlines()
    assert alone == "2025-03-01T00:00:00Z 2025-03-02T00:00:00Z" and in_server == "2025-04-01T00:00:00Z 2025-04-02T00:00:00Z"
    assert by_itself == as_next and as_next.count("T03:00:00Z") == 2


GOLD = """/* windrow
build: {interval: {column: day, grain: day}}
*/
SELECT date_trunc('day', at_) AS day, %s AS n FROM silver.counts WHERE at_ >= $start AND at_ < $end GROUP BY ALL
"""


def test_what_is_made_from_what_failed_is_built_with_it(tmp_path):
    folder = project(tmp_path / "p", 96, grain="day", batch="", broken={30}, **{"models/gold/daily.sql": GOLD % "sum(n)"})
    assert asked(folder, "backfill", day(0), day(4), "--select", "silver.counts", code=1)["intervals"]["failed"] == 1
    lab.windrow(folder, "run", "--select", "gold.daily")
    events(folder, 96)
    lab.windrow(folder, "source", "reload", "bronze.events")
    (folder / "models/gold/daily.sql").write_text(GOLD % "sum(total) / (CASE WHEN min(at_) = TIMESTAMP '2025-01-02' THEN CAST('no' AS BIGINT) ELSE 1 END)")
    both = ("--select", "silver.counts gold.daily")
    failed = asked(folder, "backfill", day(0), day(4), "--only", "failed", *both, code=1)
    assert failed["status"] == "failed" and [(f["asset"], f["start"][:10]) for f in failed["failures"]] == [("gold.daily", "2025-01-02")]
    assert built(folder) == 4
    (folder / "models/gold/daily.sql").write_text(GOLD % "sum(total)")
    mended = asked(folder, "backfill", day(0), day(4), "--only", "failed", *both)
    assert mended["status"] == "done" and [t["asset"] for t in mended["tables"]] == ["gold.daily"]


def test_what_only_its_command_was_given(tmp_path):
    folder = project(tmp_path / "p", 48, yaml="vars: {api_token: {type: text, default: none}}\nenvironments: {dev: {lake: lake}, prod: {lake: prod}}\n")
    with Server(folder) as server:
        server.wait("serving")
        for option, value in (("--defer", "prod"), ("--var", "api_token=abcdef")):
            refused = lab.windrow(folder, option, value, "backfill", day(0), day(1), check=False)
            assert refused.returncode == 2 and f"does not take {option} of a backfill" in refused.stderr, refused.stderr
        assert server.stop() == 0
    process = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "--var", "api_token=abcdef", "backfill", day(0), day(2)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    on_the_way(folder, 48)
    process.kill()
    process.wait()
    (there,) = asked(folder, "backfills")
    assert "abcdef" not in str(history(folder, "SELECT * FROM backfills"))
    refused = lab.windrow(folder, "backfills", "resume", there["backfill"], check=False)
    assert refused.returncode == 2 and "--var api_token=…" in refused.stderr
    assert asked(folder, "backfills")[0]["status"] == "interrupted"
    resumed = lab.windrow(folder, "--var", "api_token=abcdef", "--json", "backfills", "resume", there["backfill"])
    assert json.loads(resumed.stdout)["status"] == "done"


def changed(folder, sql, *values):
    with sqlite3.connect(folder / ".windrow/history.db", timeout=30) as connection:
        connection.execute(sql, values)
    connection.close()


def test_one_that_does_not_read_stops_no_other(tmp_path):
    folder = project(tmp_path / "p", 48, batch="")
    first = asked(folder, "backfill", day(0), day(1))["backfill"]
    changed(folder, "UPDATE backfills SET state = 'running', ended = NULL, request = json_set(request, '$.only', 'some')")
    assert "does not read" in lab.windrow(folder, "backfills").stdout
    (there,) = asked(folder, "backfills")
    assert there["backfill"] == first and "does not read" in there["problem"]["message"]
    assert f"backfills cancel {first}" in lab.windrow(folder, "backfills", first, check=False).stderr
    with Server(folder) as server:
        server.wait("trouble", backfill=first)
        assert asked(folder, "backfill", day(0), day(2))["status"] == "done"
        assert server.stop() == 0
    asked(folder, "backfills", "cancel", first)


def test_which_one_is_meant(tmp_path):
    folder = project(tmp_path / "p", 48, batch="")
    ids = [asked(folder, "backfill", day(i), day(i + 1))["backfill"] for i in range(2)]
    changed(folder, "UPDATE backfills SET state = 'paused', ended = NULL")
    for words in (("cancel", ""), ("pause", ""), ("cancel", ids[0][:4]), (ids[0][:4],)):
        refused = lab.windrow(folder, "backfills", *words, check=False)
        assert refused.returncode == 2, refused.stdout
        assert not words[-1] or all(i in refused.stderr for i in ids)
    (folder / "windrow.yaml").write_text("project: [\n")
    assert lab.windrow(folder, "backfills", "resume", ids[0], check=False).returncode != 0
    assert [b["status"] for b in asked(folder, "backfills")] == ["paused", "paused"]


def test_ranges_are_shown_in_the_zone_of_the_project(tmp_path):
    folder = project(tmp_path / "p", 48, batch="", grain="day", yaml="timezone: Europe/Berlin\n")
    lab.windrow(folder, "backfill", "2025-01-01", "2025-01-02")
    assert "2025-01-01  2025-01-02 " in lab.windrow(folder, "backfills").stdout


@pytest.mark.parametrize("alone", [True, False])
def test_canceled_before_its_first_part(tmp_path, alone):
    folder = project(tmp_path / "p", 24, batch="", **{
        "tasks/slow.yaml": "task: slow\ncommand: [sh, -c, 'touch began; exec sleep 600']\n",
        "models/silver/counts.sql": MODEL.format(grain="hour", batch="").replace("build:", "after: [task.slow]\nbuild:")})
    words = (day(0), day(1), "--select", "silver.counts task.slow")
    with contextlib.ExitStack() as stack:
        server = None if alone else stack.enter_context(Server(folder))
        if server:
            server.wait("serving")
        process = begun(folder, *words)
        waits_for((folder / "began").exists)
        (there,) = asked(folder, "backfills")
        asked(folder, "backfills", "cancel", there["backfill"])
        out, _ = process.communicate(timeout=PATIENCE)
        assert json.loads(out)["status"] == "canceled"
        if server:
            server.wait("backfill_ended", backfill=there["backfill"], status="canceled")
