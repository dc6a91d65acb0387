"""Benchmarks of `windrow serve`: from a trigger to the start of a task, chains and fans of tasks that do nothing, a
hundred thousand schedules, and what an idle server weighs with one project and with a hundred."""
import json
import os
import pathlib
import socket
import sqlite3
import statistics
import subprocess
import time

PROJECT = {
    "windrow.yaml": "project: served\nlayers: {gold: {}}\nschedules: {one: {cron: \"0 3 1 1 *\", select: gold.a}}\n",
    "models/gold/a.sql": "SELECT 1 AS a\n",
}


def pss(pid: int) -> float:
    """MB; shared pages count by their share."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Client:
    """The control socket, without a process between: what is measured is the server."""

    def __init__(self, folder: pathlib.Path):
        self.socket = socket.socket(socket.AF_UNIX)
        handle = os.open(folder / ".windrow", os.O_PATH)
        self.socket.connect(f"/proc/self/fd/{handle}/serve.sock")
        os.close(handle)
        self.lines = self.socket.makefile("r")

    def ask(self, **request) -> dict:
        self.socket.sendall((json.dumps(request) + "\n").encode())
        return json.loads(self.lines.readline())


NOTHING = {"sql": "sql: SELECT 1", "command": 'command: ["true"]'}


def tasks_project(put, folder: pathlib.Path) -> pathlib.Path:
    """A chain of 40 and a fan of 1,000 tasks that do nothing: a SELECT in the server, or a process each."""
    files = {"windrow.yaml": "project: nothing\nlayers: {gold: {}}\nschedules:\n" + "".join(
        f'  {shape}_{kind}: {{cron: "0 3 1 1 *", select: "tag:{shape}_{kind}"}}\n'
        for shape in ("chain", "fan") for kind in NOTHING)}
    for kind, does in NOTHING.items():
        for i in range(40):
            after = f"after: task.chain_{kind}_{i - 1}\n" if i else ""
            files[f"tasks/chain_{kind}_{i}.yaml"] = f"task: chain_{kind}_{i}\ntags: [chain_{kind}]\n{after}{does}\n"
        for i in range(1000):
            files[f"tasks/fan_{kind}_{i}.yaml"] = f"task: fan_{kind}_{i}\ntags: [fan_{kind}]\n{does}\n"
    return put(folder, files)


def served(program: str, folders: list[pathlib.Path], told: pathlib.Path) -> subprocess.Popen:
    """Its lines go to a file: nobody reads them meanwhile."""
    server = subprocess.Popen([program, "--json", "serve", *map(str, folders)], stdout=open(told, "w"))
    while told.read_text().count('"event":"serving"') < len(folders):
        assert server.poll() is None, told.read_text()
        time.sleep(0.05)
    time.sleep(2)
    return server


def stopped(server: subprocess.Popen):
    server.terminate()
    server.wait(timeout=60)


def bench_triggers(folder: pathlib.Path, program: str, triggers: int) -> list[tuple]:
    server = served(program, [folder], folder.with_suffix(".told"))
    try:
        idle = pss(server.pid)
        client = Client(folder)
        asked = {}
        for _ in range(triggers):
            now = time.time()
            answer = client.ask(do="trigger", schedule="one", wait=True)
            assert answer["status"] == "done", answer
            asked[answer["run"]] = now
        after = pss(server.pid)
    finally:
        stopped(server)
    with sqlite3.connect(folder / ".windrow/history.db") as history:
        started = dict(history.execute("SELECT run, min(started) / 1e6 FROM tasks GROUP BY run"))
    waits = sorted(started[run] - now for run, now in asked.items())
    assert len(waits) == triggers
    memory = f"idle {idle:.0f} MB, after {triggers} runs {after:.0f} MB (PSS; goal 60 idle, peers 300 to 949)"
    return [("server: trigger to start of the task, median", statistics.median(waits), memory),
            ("server: trigger to start of the task, p99", waits[int(0.99 * len(waits))], "goal 20 ms; peers 0.8 s to 8 s")]


def bench_nothing(folder: pathlib.Path, program: str, times: int) -> list[tuple]:
    """From the trigger to the end of the last task, as the history has it."""
    out = []
    server = served(program, [folder], folder.with_suffix(".told"))
    try:
        client = Client(folder)
        for shape, count, goal in (("chain", 40, "goal 0.5 s; peers 11 to 159 s"), ("fan", 1000, "goal 1 s; peers 18 s to 6 min")):
            for kind in NOTHING:
                took = []
                for _ in range(times):
                    now = time.time()
                    answer = client.ask(do="trigger", schedule=f"{shape}_{kind}", wait=True)
                    with sqlite3.connect(folder / ".windrow/history.db") as history:
                        done, ended = history.execute(
                            "SELECT count(*), max(ended) / 1e6 FROM tasks WHERE run = ? AND status = 'done'", (answer["run"],)).fetchone()
                    assert done == count, (answer, done)
                    took.append(ended - now)
                name = f"server: {shape} of {count:,}, " + ("a SELECT each" if kind == "sql" else "a process each")
                out.append((name, statistics.median(took), goal))
    finally:
        stopped(server)
    return out


def bench_schedules(put, folder: pathlib.Path, program: str, count: int) -> tuple:
    rules = ('{{cron: "{m} {h} * * *", timezone: Europe/Berlin}}', '{{every: 4h, offset: {m}m}}',
             '{{cron: "{m} 6 * * MON-FRI", timezone: America/New_York}}', "{{after: s{before}}}")
    put(folder, {"windrow.yaml": "project: many\nschedules:\n" + "".join(
        f"  s{i}: " + rules[i % 4].format(m=i % 60, h=i // 60 % 24, before=i - 1) + "\n" for i in range(count))})
    took = []
    for _ in range(3):
        begun = time.time()
        subprocess.run([program, "-C", str(folder), "schedule", "next", "--count", "1"], check=True, stdout=subprocess.DEVNULL)
        took.append(time.time() - begun)
    return (f"server: {count:,} schedules read, and when each is due", statistics.median(took), "goal 2 s")


def bench_hundred(put, work: pathlib.Path, program: str, projects: int) -> tuple:
    folders = [put(work / f"p{i}", PROJECT | {"windrow.yaml": PROJECT["windrow.yaml"].replace("served", f"served{i}")})
               for i in range(projects)]
    begun = time.time()
    server = served(program, folders, work / "told")
    try:
        return (f"server: {projects} projects are served", time.time() - begun - 2,
                f"idle {pss(server.pid):.0f} MB (PSS; goal 150)")
    finally:
        stopped(server)


def bench_server(_, work: pathlib.Path, program: str, put, triggers: int = 200) -> list[tuple]:
    folder = put(work / "server", PROJECT)
    subprocess.run([program, "-C", str(folder), "run", "-q"], check=True, stdout=subprocess.DEVNULL)
    out = bench_triggers(folder, program, triggers)
    out += bench_nothing(tasks_project(put, work / "nothing"), program, 5)
    out.append(bench_schedules(put, work / "schedules", program, 100_000))
    out.append(bench_hundred(put, work / "hundred", program, 100))
    return out
