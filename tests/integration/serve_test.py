"""`windrow serve`, as its users meet it: real processes, signals and sockets."""
import fcntl
import json
import os
import re
import select
import signal
import socket
import subprocess
import time

import lab
import pytest
from serve_lab import PATIENCE, Server, history, waits_for

PROJECT = lab.FILES["windrow.yaml"]
EVERY_SECOND = PROJECT + 'schedules: {tick: {cron: "* * * * * *", select: +gold.kinds}}\n'
BY_HAND = PROJECT + 'schedules: {nightly: {cron: "0 3 1 1 *"}, hourly: {cron: "0 4 1 1 *"}}\n'
# A SELECT that takes for ever, and stops when it is asked to.
SLOW = "SELECT count(*) AS c FROM range(10000000) a(x), range(1000000) b(y) WHERE x * y % 7 = 3\n"


def project(folder, yaml=BY_HAND, **more):
    lab.make_project(folder, lab.FILES | {"windrow.yaml": yaml} | more)
    lab.add_events(folder, "a.ndjson", range(20))
    return folder


def json_of(folder, *words, code=0):
    result = lab.windrow(folder, "--json", *words, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return json.loads(result.stdout)


def test_a_schedule_fires_and_its_runs_are_remembered(tmp_path):
    folder = project(tmp_path / "p", EVERY_SECOND)
    with Server(folder) as server:
        assert server.wait("serving")["count"] == 1
        fired = server.wait("fires", schedule="tick", count=2)
        ended = server.wait("ended", run=fired["run"])
        assert ended["status"] == "done" and ended["due"] if "due" in ended else True
        assert server.stop() == 0
    (run,) = [run for run in json_of(folder, "runs") if run["run"] == fired["run"]]
    assert run["schedule"] == "tick" and run["due"] == fired["due"] and len(run["project_version"]) == 64
    dues = [due for (due,) in history(folder, "SELECT due FROM fires WHERE run IS NOT NULL ORDER BY due")]
    assert len(dues) == len(set(dues)) and all(due % 1_000_000 == 0 for due in dues)


def test_what_is_asked_of_a_server(tmp_path):
    folder = project(tmp_path / "p")
    with Server(folder) as server:
        server.wait("serving")
        result = json_of(folder, "schedule", "trigger", "nightly", "--wait")
        assert result["status"] == "done" and len(result["tasks"]) == 5
        begun = json_of(folder, "schedule", "trigger", "hourly")
        assert server.wait("ended", run=begun["run"])["status"] == "done"
        assert json_of(folder, "schedule", "pause", "nightly")["schedules"] == ["lab/nightly"]
        refused = lab.windrow(folder, "schedule", "trigger", "nigthly", check=False)
        assert refused.returncode == 2 and 'did you mean "nightly"' in refused.stderr
        assert lab.windrow(folder, "run").returncode == 0, "as without a server"
        assert server.stop() == 0
    assert not (folder / ".windrow/serve.sock").exists()


def test_a_run_is_canceled_by_hand(tmp_path):
    folder = project(tmp_path / "p", **{"models/gold/slow.sql": SLOW})
    with Server(folder) as server:
        server.wait("serving")
        run = json_of(folder, "schedule", "trigger", "nightly")["run"]
        waits_for(lambda: history(folder, "SELECT 1 FROM tasks WHERE run = ? AND asset = 'gold.kinds'", run))
        following = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "logs", "-f", run[:13]], stdout=subprocess.PIPE, text=True)
        watching = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "--json", "runs", run, "--watch"], stdout=subprocess.PIPE, text=True)
        first = json.loads(watching.stdout.readline())
        assert "is asked to stop" in lab.windrow(folder, "cancel", run[:13]).stdout
        assert server.wait("ended", run=run)["status"] == "canceled"
        assert "run.ended" in following.communicate(timeout=PATIENCE)[0] and following.returncode == 0
        seen = [json.loads(line) for line in watching.communicate(timeout=PATIENCE)[0].splitlines()]
        assert first["status"] == "running" and seen[-1]["status"] == "canceled" and watching.returncode == 1
        again = lab.windrow(folder, "cancel", run, check=False)
        assert again.returncode == 2 and "does not go on" in again.stderr
        # What is retried runs in the server, and is shown to whoever asked.
        (folder / "models/gold/slow.sql").write_text("SELECT 1 AS c")
        server.wait("reloaded")
        retried = json_of(folder, "retry", run)
        assert retried["status"] == "done" and [t["asset"] for t in retried["tasks"]] == ["gold.slow"]
        assert json_of(folder, "runs", retried["run"])["retry_of"] == run
        server.stop()


def test_a_second_server_is_refused(tmp_path):
    folder = project(tmp_path / "p")
    with Server(folder) as server:
        server.wait("serving")
        server.signal(signal.SIGSTOP)
        second = lab.windrow(folder, "serve", check=False)
        assert second.returncode == 2 and f"process {server.process.pid} serves the project" in second.stderr
        server.signal(signal.SIGCONT)
        server.kill()
    with Server(folder) as server:  # a dead one's lock and socket are no obstacle
        server.wait("serving")
        assert json_of(folder, "schedule", "trigger", "nightly", "--wait")["status"] == "done"
        server.stop()


def test_a_broken_edit_leaves_the_last_good_files(tmp_path):
    folder = project(tmp_path / "p")
    with Server(folder) as server:
        first = server.wait("serving")["text"]
        path = folder / "models/gold/kinds.sql"
        good = path.read_text()
        path.write_text("SELECT nothing FROM gold.daily\n")
        problems = server.wait("broken")["problems"]
        assert problems[0]["file"] == "models/gold/kinds.sql" and '"nothing" not found' in problems[0]["message"]
        assert json_of(folder, "schedule", "trigger", "nightly", "--wait")["status"] == "done"
        (folder / "windrow.yaml").write_text("project: [")
        server.wait("broken", count=2)
        (folder / "windrow.yaml").write_text(BY_HAND.replace("nightly", "monthly"))
        path.write_text(good + "-- a remark\n")
        reloaded = server.wait("reloaded")
        assert reloaded["text"] != first
        assert json_of(folder, "schedule", "trigger", "monthly", "--wait")["status"] == "done"
        kept = {p.name[:12] for p in (folder / ".windrow/versions").iterdir()}
        assert {first, reloaded["text"]} <= kept
        server.stop()


def test_of_several_projects_a_broken_one_waits(tmp_path):
    good = project(tmp_path / "good")
    bad = project(tmp_path / "bad", "project: [")
    with Server(good, bad) as server:
        assert server.wait("waiting")["project"] == "bad"
        server.wait("serving", project="lab")
        (bad / "windrow.yaml").write_text(BY_HAND.replace("lab", "mended", 1))
        server.wait("serving", project="mended")
        assert json_of(bad, "schedule", "trigger", "nightly", "--wait")["status"] == "done"
        assert json_of(good, "schedule", "trigger", "nightly", "--wait")["status"] == "done"
        server.stop()
    (good / "windrow.yaml").write_text("project: [")
    alone = lab.windrow(good, "serve", check=False)
    assert alone.returncode == 2 and "windrow.yaml:1" in alone.stderr


def test_runs_keep_the_files_that_they_began_with_over_restarts(tmp_path):
    folder = project(tmp_path / "p", **{"models/gold/slow.sql": SLOW, "models/gold/after.sql": "SELECT 'old' AS v FROM gold.slow\n"})
    with Server(folder) as server:
        version = server.wait("serving")["text"]
        run = json_of(folder, "schedule", "trigger", "nightly")["run"]
        waits_for(lambda: history(folder, "SELECT 1 FROM tasks WHERE run = ? AND asset = 'gold.kinds'", run))
        server.kill()
    (folder / "models/gold/after.sql").write_text("SELECT 'new' AS v FROM gold.slow\n")
    with Server(folder) as server:
        assert server.wait("serving")["text"] != version
        resumed = server.wait("resumed")
        assert resumed["text"] == run
        waits_for(lambda: history(folder, "SELECT 1 FROM runs WHERE id = ?", resumed["run"]))
        shown = json_of(folder, "runs", resumed["run"])
        assert shown["project_version"].startswith(version) and shown["retry_of"] == run
        assert json_of(folder, "runs", run)["status"] == "interrupted"
        json_of(folder, "cancel", resumed["run"])
        server.wait("ended", run=resumed["run"], status="canceled")
        server.stop()
    with Server(folder) as server:  # canceled by hand: it is not begun again
        server.wait("serving")
        time.sleep(0.5)
        assert not [e for e in server.events if e["event"] in ("resumed", "fires")]
        server.stop()


def test_asked_to_stop_it_lets_runs_end_or_stops_them_after_the_grace_time(tmp_path):
    folder = project(tmp_path / "p", **{"models/gold/slow.sql": SLOW})
    with Server(folder, words=("--grace", "1s")) as server:
        server.wait("serving")
        run = json_of(folder, "schedule", "trigger", "nightly")["run"]
        waits_for(lambda: history(folder, "SELECT 1 FROM tasks WHERE run = ? AND asset = 'gold.kinds'", run))
        asked = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait("stopping")["count"] == 1
        assert server.wait("interrupted")["run"] == run
        assert server.process.wait(timeout=PATIENCE) == 0
        assert time.monotonic() - asked >= 1
    assert json_of(folder, "runs", run)["status"] == "interrupted"
    (folder / "models/gold/slow.sql").write_text("SELECT 1 AS c\n")
    with Server(folder) as server:
        resumed = server.wait("resumed")
        # It is pinned to the files that it began with, so it is slow again.
        server.signal(signal.SIGTERM)
        server.wait("stopping")
        time.sleep(0.3)
        server.signal(signal.SIGTERM)
        assert server.process.wait(timeout=PATIENCE) == 130
    assert "was interrupted, and is not begun again" in lab.windrow(folder, "cancel", resumed["run"]).stdout


def test_systemd_is_told(tmp_path):
    folder = project(tmp_path / "p")
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(PATIENCE)
        with Server(folder, environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"}) as server:
            assert manager.recv(1000) == b"READY=1\nSTATUS=serving"
            began = time.monotonic()
            for _ in range(5):
                assert manager.recv(1000) == b"WATCHDOG=1"
            assert time.monotonic() - began < 5
            server.signal(signal.SIGTERM)
            while (told := manager.recv(1000)) == b"WATCHDOG=1":
                pass
            assert told.startswith(b"STOPPING=1")
            assert server.process.wait(timeout=PATIENCE) == 0


def test_without_a_server_the_verbs_work_alone(tmp_path):
    folder = project(tmp_path / "p", EVERY_SECOND)
    assert lab.windrow(folder, "schedule", "pause", "tick").stdout == "lab/tick: paused\n"
    result = json_of(folder, "schedule", "trigger", "tick")
    assert result["status"] == "done"
    assert json_of(folder, "runs", result["run"])["schedule"] == "tick"
    with Server(folder) as server:
        server.wait("serving")
        time.sleep(2)
        assert not [e for e in server.events if e["event"] == "fires"], "it is paused"
        lab.windrow(folder, "schedule", "resume", "tick")
        server.wait("fires", schedule="tick")
        server.stop()
    refused = lab.windrow(folder, "cancel", result["run"], check=False)
    assert refused.returncode == 2 and "is not of a server" in refused.stderr


def test_a_stream_is_read_for_good(tmp_path):
    stream = "source: bronze.raw\nfrom: {kafka: events, topic: t, group: g}\nformat: json\ncolumns: {a: bigint}\n"
    yaml = BY_HAND.replace("connections:\n", "connections:\n  events: {type: kafka, brokers: 'localhost:1'}\n")
    folder = project(tmp_path / "p", yaml, **{"sources/raw.yaml": stream + "ingest: always\n"})
    with Server(folder) as server:
        first = server.wait("ingesting", source="bronze.raw")["run"]
        waits_for(lambda: history(folder, "SELECT 1 FROM runs WHERE id = ? AND ended IS NULL", first))
        server.kill()
    with Server(folder) as server:
        second = server.wait("ingesting", source="bronze.raw")["run"]
        waits_for(lambda: history(folder, "SELECT 1 FROM runs WHERE id = ? AND status = 'interrupted'", first))
        # There is no broker: it waits for one, and hears of a stop once an attempt to connect has ended.
        (folder / "sources/raw.yaml").write_text(stream)
        ended = server.wait("ingest_ended", run=second)
        assert ended["status"] == "canceled" and "problems" not in ended
        assert server.stop() == 0
        assert len([e for e in server.events if e["event"] == "ingesting"]) == 1
    (folder / "sources/events.yaml").write_text(lab.FILES["sources/events.yaml"] + "ingest: always\n")
    refused = lab.windrow(folder, "check", check=False)
    assert refused.returncode == 2 and '"ingest: always" is for streams, and files is none' in refused.stderr


def test_what_it_says_is_for_people(tmp_path):
    folder = project(tmp_path / "p", EVERY_SECOND.replace("project: lab", "project: lab\ntimezone: Europe/Berlin"))
    process = subprocess.Popen([lab.PROGRAM, "serve", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    time_text = r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? CES?T"
    assert re.fullmatch(time_text + "  lab  serving 1 schedule, version [0-9a-f]{12}\n", lines[0]), lines
    text = "".join(lines) + rest
    assert re.search(time_text + "  tick  fires, due " + time_text + ", run [0-9a-f]{8}-[0-9a-f]{4}\n", text), text
    assert re.search("tick  done in [0-9.]+ s, run [0-9a-f-]{13}", text), text
    assert text.splitlines()[-1].endswith("stopped") and not errors


def test_nobody_has_to_read_what_it_says(tmp_path):
    """A full pipe whose reader is stopped, and one whose reader is gone, hold no schedule up."""
    rules = "".join(f"  s{i}: {{every: 1s, select: bronze.events}}\n" for i in range(4))
    folder = project(tmp_path / "p", PROJECT + "schedules:\n" + rules)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    server = subprocess.Popen([lab.PROGRAM, "--json", "serve", folder], stdout=writer)
    os.close(writer)

    def ended() -> int:
        return history(folder, "SELECT count(*) FROM fires WHERE status = 'done'")[0][0]
    try:
        waits_for(lambda: (folder / ".windrow/history.db").exists(), PATIENCE)
        waits_for(lambda: select.select([reader], [], [], 0)[0], PATIENCE)
        # Its line about each begin and end is more than 100 bytes: the pipe has long been full.
        waits_for(lambda: ended() >= 25, PATIENCE * 2)
        before = ended()
        os.close(reader)
        waits_for(lambda: ended() >= before + 2, PATIENCE)
        server.terminate()
        assert server.wait(timeout=PATIENCE) == 0
    finally:
        server.kill()
        server.wait()
