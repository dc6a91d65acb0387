"""Benchmark of `windrow serve`: from a trigger to the start of a task, and what an idle server weighs."""
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


def bench_server(_, work: pathlib.Path, program: str, put, triggers: int = 200) -> list[tuple]:
    folder = put(work / "server", PROJECT)
    subprocess.run([program, "-C", str(folder), "run", "-q"], check=True, stdout=subprocess.DEVNULL)
    told = open(work / "server.told", "w+")
    server = subprocess.Popen([program, "--json", "serve", str(folder)], stdout=told)
    try:
        while not (folder / ".windrow/serve.sock").exists():
            time.sleep(0.05)
        time.sleep(2)
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
        server.terminate()
        server.wait(timeout=60)
    with sqlite3.connect(folder / ".windrow/history.db") as history:
        started = dict(history.execute("SELECT run, min(started) / 1e6 FROM tasks GROUP BY run"))
    waits = sorted(started[run] - now for run, now in asked.items())
    assert len(waits) == triggers
    memory = f"idle {idle:.0f} MB, after {triggers} runs {after:.0f} MB (PSS; goal 60 idle, peers 300 to 949)"
    return [("server: trigger to start of the task, median", statistics.median(waits), memory),
            ("server: trigger to start of the task, p99", waits[int(0.99 * len(waits))], "goal 20 ms; peers 0.8 s to 8 s")]
