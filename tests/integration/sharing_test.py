"""Several projects in one server: its slots, weights, tasks that give way at a commit, and who waits for what."""
import datetime
import json
import time

import lab
from serve_lab import PATIENCE, Server, history, waits_for

DAYS = 120
NIGHT = """schedules:
  history: {cron: "0 3 1 1 *", select: silver.daily}
  alarm: {cron: "0 4 1 1 *", select: task.alarm}
"""


def json_of(folder, *words, code=0):
    result = lab.windrow(folder, "--json", *words, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return json.loads(result.stdout)


def day(number):
    return datetime.date(2025, 1, 1) + datetime.timedelta(days=number)


def archive(folder, alarm="sleep 1", more=""):
    """A model of many days, each of which is a commit, and a task of higher priority. The days are read already."""
    lab.make_project(folder, {
        "windrow.yaml": f"project: {folder.name}\nbegin: 2025-01-01\nend: {day(DAYS)}\n{more}" + NIGHT,
        "sources/events.yaml": "source: bronze.events\nfrom: {files: \"data/*.ndjson\"}\nformat: json\ncolumns: {ts: timestamp, n: bigint}\n",
        "models/silver/daily.sql": "/* windrow\nbuild: {interval: {column: day, grain: day, batch: 1}}\n*/\n"
                                   "SELECT date_trunc('day', ts) AS day, sum(n) AS n FROM bronze.events\n"
                                   "WHERE ts >= $start AND ts < $end GROUP BY ALL\n",
        "tasks/alarm.yaml": f"task: alarm\ncommand: [sh, -c, \"{alarm}\"]\npriority: 9\n",
    })
    rows = [json.dumps({"ts": f"{day(d)} 10:00:00", "n": d}) for d in range(DAYS)]
    (folder / "data/a.ndjson").write_text("\n".join(rows) + "\n")
    lab.windrow(folder, "run", "--select", "bronze.events")
    return folder


def commits(folder):
    """Of the model, by those who made them: the intervals of each."""
    out = []
    log = lab.table_path(folder, "silver.daily") / "_delta_log"
    for path in sorted(log.glob("*.json")) if log.exists() else []:
        for line in path.read_text().splitlines():
            if "commitInfo" in line:
                record = json.loads(line)["commitInfo"]["windrow"]
                out.append((record["run"], [tuple(each) for each in record["intervals"]]))
    return out


def each_day_once(folder):
    built = [interval for _, intervals in commits(folder) for interval in intervals]
    assert len(built) == len(set(built)) == DAYS, f"{len(built)} commits of {len(set(built))} days"
    rows = lab.values_of_delta_rs(lab.table_path(folder, "silver.daily"), ["day", "n"])
    assert sorted((at.date(), n) for at, n in rows) == [(day(d), d) for d in range(DAYS)]


def task_now(folder, task):
    """As `runs --now` has it; nothing where it neither works nor waits."""
    for project in json_of(folder, "runs", "--now")["projects"]:
        for each in project["tasks"]:
            if each["task"] == task and project["project"] == folder.name:
                return each
    return None


def begin_both(folder):
    """The model is at work, then the task comes: the model's run, and the task's."""
    run = json_of(folder, "schedule", "trigger", "history")["run"]
    waits_for(lambda: len(commits(folder)) >= 5)
    return run, json_of(folder, "schedule", "trigger", "alarm")["run"]


def gave_way(folder):
    now = task_now(folder, "silver.daily")
    return now if now and now["state"] == "gave way" else None


def test_a_model_gives_way_at_a_commit_and_goes_on(tmp_path):
    folder = archive(tmp_path / "archive")
    with Server(folder, words=("--jobs", "1")) as server:
        server.wait("serving")
        run, alarm = begin_both(folder)
        waiting = waits_for(lambda: gave_way(folder))
        assert waiting["gave_way_to"] == f"task.alarm of run {alarm[:13]}" and waiting["run"] == run
        assert waiting["for"] == ["a slot of the server (1 in use)"]
        assert waiting["held_by"] == [{"project": "archive", "run": alarm, "task": "task.alarm"}]
        shown = lab.windrow(folder, "runs", "--now").stdout
        assert "gave way" in shown and "a slot of the server" in shown and "task.alarm" in shown
        before = len(commits(folder))
        assert before < DAYS
        assert server.wait("ended", run=alarm)["status"] == "done"
        assert server.wait("ended", run=run)["status"] == "done"
        assert json_of(folder, "runs", "--now")["projects"][0]["tasks"] == []
        assert server.stop() == 0
    each_day_once(folder)
    (task,) = json_of(folder, "runs", run)["tasks"]
    assert task["attempts"] == 1 and task["intervals"] == DAYS and task["rows"] == DAYS
    assert any(reason.startswith(f"gave way to task.alarm of run {alarm[:13]}, for ") for reason in task["reasons"])
    log = lab.windrow(folder, "--json", "logs", run).stdout
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events.count("task.gave_way") == events.count("task.went_on") == 1 and events.count("task.started") == 1
    nobody = lab.windrow(folder, "runs", "--now", check=False)
    assert nobody.returncode == 2 and "no server runs" in nobody.stderr


def test_killed_after_it_gave_way_the_next_server_builds_what_is_left(tmp_path):
    folder = archive(tmp_path / "archive", alarm="test -e again || { touch again; sleep 60; }", more="")
    (folder / "tasks/alarm.yaml").write_text((folder / "tasks/alarm.yaml").read_text() + "idempotent: true\n")
    with Server(folder, words=("--jobs", "1")) as server:
        server.wait("serving")
        run, alarm = begin_both(folder)
        waits_for(lambda: gave_way(folder))
        server.kill()
    assert 5 <= len(commits(folder)) < DAYS
    with Server(folder, words=("--jobs", "1")) as server:
        again = {server.wait("resumed", schedule=schedule)["run"] for schedule in ("history", "alarm")}
        for each in again:
            assert server.wait("ended", run=each)["status"] == "done"
        assert server.stop() == 0
    each_day_once(folder)
    assert {run, *again} >= {run for run, _ in commits(folder)}
    assert history(folder, "SELECT count(*) FROM runs WHERE status = 'interrupted'") == [(2,)]


def test_canceled_after_it_gave_way(tmp_path):
    folder = archive(tmp_path / "archive", alarm="sleep 5")
    with Server(folder, words=("--jobs", "1")) as server:
        server.wait("serving")
        run, alarm = begin_both(folder)
        waits_for(lambda: gave_way(folder))
        lab.windrow(folder, "cancel", run)
        assert server.wait("ended", run=run)["status"] == "canceled"
        assert task_now(folder, "task.alarm")["state"] == "runs"
        built = len(commits(folder))
        (task,) = json_of(folder, "runs", run)["tasks"]
        assert task["status"] == "canceled" and task["intervals"] == built < DAYS
        assert server.wait("ended", run=alarm)["status"] == "done"
        last = json_of(folder, "schedule", "trigger", "history", "--wait")
        assert last["status"] == "done"
        assert server.stop() == 0
    each_day_once(folder)


def test_two_runs_of_one_model_where_the_first_gave_way(tmp_path):
    """A run beside the server builds the rest meanwhile: the first finds nothing left to do."""
    folder = archive(tmp_path / "archive", alarm="test -e stop && exit 0; while [ ! -e stop ]; do sleep 0.1; done")
    with Server(folder, words=("--jobs", "1")) as server:
        server.wait("serving")
        run, _ = begin_both(folder)
        waits_for(lambda: gave_way(folder))
        lab.windrow(folder, "run", "--select", "silver.daily", timeout=PATIENCE * 2)
        (folder / "stop").touch()
        assert server.wait("ended", run=run)["status"] == "done"
        assert server.stop() == 0
    each_day_once(folder)
    assert len({run for run, _ in commits(folder)}) == 2


def test_a_task_that_waits_for_a_run_takes_no_slot(tmp_path):
    folder = lab.make_project(tmp_path / "outer", {
        "windrow.yaml": "project: outer\nschedules: {all: {cron: \"0 3 1 1 *\", select: task.all}}\n",
        "tasks/all.yaml": "task: all\nrun: {project: ../inner}\n",
    })
    lab.make_project(tmp_path / "inner", {"windrow.yaml": "project: inner\nweight: 3\n", "tasks/one.yaml": "task: one\ncommand: [\"true\"]\n"})
    with Server(folder, words=("--jobs", "1")) as server:
        server.wait("serving")
        assert json_of(folder, "schedule", "trigger", "all", "--wait")["status"] == "done"
        assert server.stop() == 0


def busy(folder, tasks, seconds, weight, more=None):
    """A project with as many tasks, each of which takes so long."""
    files = {"windrow.yaml": f"project: {folder.name}\nweight: {weight}\nschedules: {{all: {{cron: \"0 3 1 1 *\"}}}}\n"}
    for i in range(tasks):
        files[f"tasks/t{i}.yaml"] = f"task: t{i}\ncommand: [sleep, \"{seconds}\"]\n"
    return lab.make_project(folder, files | (more or {}))


def test_projects_share_by_weight_and_an_edit_of_it_holds_at_once(tmp_path):
    folders = [busy(tmp_path / name, 30, 0.3, weight) for name, weight in (("large", 3), ("small", 1), ("tiny", 1))]
    with Server(*folders, words=("--jobs", "5")) as server:
        server.wait("serving", count=3)
        runs = [json_of(folder, "schedule", "trigger", "all")["run"] for folder in folders]
        status = json_of(folders[0], "runs", "--now")
        assert status["jobs"] == 5 and [each["weight"] for each in status["projects"]] == [3, 1, 1]
        for folder, run in zip(folders, runs):
            assert server.wait("ended", run=run)["status"] == "done"
        ended = [[end for (end,) in history(folder, "SELECT ended FROM tasks WHERE run = ? ORDER BY ended", run)] for folder, run in zip(folders, runs)]
        others = [sum(end <= ended[0][-1] for end in each) for each in ended[1:]]
        assert all(6 <= count <= 18 for count in others), f"while 30 of weight 3 were done, so many of weight 1: {others}"
        (folders[1] / "windrow.yaml").write_text((folders[1] / "windrow.yaml").read_text().replace("weight: 1", "weight: 9"))
        server.wait("reloaded", project="small")
        assert [each["weight"] for each in json_of(folders[0], "runs", "--now")["projects"]] == [3, 9, 1]
        assert server.stop() == 0


def most_at_once(spans):
    """Of (begin, end): how many went on at one time."""
    now = most = 0
    for _, step in sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans]):
        now += step
        most = max(most, now)
    return most


def test_a_hundred_and_twenty_jobs_at_once_from_three_projects(tmp_path):
    """Models that compute and commit, and programs that do, on as many cores as there are."""
    folders = []
    for p, name in enumerate(("a", "b", "c")):
        files = {}
        for i in range(20):
            rows = 1000 + 100 * p + i
            files[f"models/gold/m{i}.sql"] = f"SELECT sum(x * y % 7) AS work, {rows} AS n FROM range({rows}) a(x), range(20000) b(y)\n"
            # Sixty at once, each of which takes a while beside what it computes.
            files[f"tasks/t{i}.yaml"] = f"task: t{i}\ncommand: [sh, -c, \"head -c 20000000 /dev/zero | sha256sum; sleep 10\"]\n"
        folders.append(busy(tmp_path / name, 0, 0, p + 1, files))
    with Server(*folders, words=("--jobs", "120")) as server:
        server.wait("serving", count=3)
        runs = [json_of(folder, "schedule", "trigger", "all")["run"] for folder in folders]
        most = 0
        deadline = time.monotonic() + PATIENCE * 5
        while sum(event["event"] == "ended" for event in server.events) < 3:
            assert time.monotonic() < deadline, server.events
            tasks = [task for project in json_of(folders[0], "runs", "--now")["projects"] for task in project["tasks"]]
            assert sum(task["state"] == "runs" for task in tasks) <= 120
            most = max(most, sum(task["state"] == "runs" for task in tasks))
            time.sleep(0.2)
        assert all(server.wait("ended", run=run)["status"] == "done" for run in runs)
        assert server.stop() == 0
    spans = [span for folder, run in zip(folders, runs) for span in history(folder, "SELECT started, ended FROM tasks WHERE run = ?", run)]
    assert len(spans) == 120 and most_at_once(spans) >= 60, (len(spans), most_at_once(spans), most)
    for p, folder in enumerate(folders):
        for i in range(20):
            (row,) = lab.values_of_delta_rs(lab.table_path(folder, f"gold.m{i}"), ["n", "work"])
            n = 1000 + 100 * p + i
            assert row == (n, sum(len(range(x, n, 7)) * len(range(y, 20000, 7)) * (x * y % 7) for x in range(7) for y in range(7)))
