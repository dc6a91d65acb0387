"""`windrow serve --listen`: a thousand clients of live events, and questions beside them.

A run whose task's command writes a hundred lines a second makes a hundred events a second; each goes to every client. A
client takes the time at which an event says it happened (microseconds) from the time at which it read it.
"""
import asyncio
import http.client
import json
import pathlib
import re
import resource
import statistics
import subprocess
import time

PROJECT = "project: listeners\nenvironments: {dev: {lake: lake, engine: {type: duckdb, memory: 512MB}}}\n"
LINES = """import sys, time
for i in range(int(sys.argv[1]) * 100):
    print(i, time.time(), flush=True)
    time.sleep(0.01)
"""


def memory_of(pid: int) -> float:
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1]) / 1024


def cpu_of(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def listen(port: int, delays: list[float], counts: list[int], me: int, stop: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    rest = b""
    while not stop.is_set():
        try:
            piece = await asyncio.wait_for(reader.read(1 << 16), 0.5)
        except TimeoutError:
            continue
        if not piece:
            return
        now = time.time()
        rest += piece
        *whole, rest = rest.split(b"\n\n")
        for event in whole:
            # Only some are read closely: a client in Python costs more than the server.
            counts[me] += b'"task.said"' in event
            if me % 50 == 0 and b'"task.said"' in event:
                said = re.search(rb'"line":"\d+ ([\d.]+)"', event)
                delays.append(now - float(said[1]))
    writer.close()


def asked(port: int, target: str, times: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        connection.request("GET", target)
        answer = connection.getresponse()
        body = answer.read()
        taken.append(time.perf_counter() - begun)
        assert answer.status == 200, body
    return taken


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


async def measure(port: int, pid: int, clients: int, seconds: int) -> dict:
    delays: list[float] = []
    counts = [0] * clients
    stop = asyncio.Event()
    listeners = [asyncio.create_task(listen(port, delays, counts, i, stop)) for i in range(clients)]
    await asyncio.sleep(3)
    quiet = memory_of(pid)
    cpu = cpu_of(pid)

    def begin() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/api/v1/projects/listeners/runs", b"{}", {"X-Windrow": "1", "Content-Type": "application/json"})
        assert connection.getresponse().status == 202
    await asyncio.to_thread(begin)
    await asyncio.sleep(seconds / 2)
    busy = memory_of(pid)
    beside = await asyncio.to_thread(asked, port, "/api/v1/projects/listeners/graph", 200)
    while min(counts) < seconds * 100 and max(counts) > 0 and len(delays) < 1e9:
        before = sum(counts)
        await asyncio.sleep(2)
        if sum(counts) == before:
            break
    used = cpu_of(pid) - cpu
    stop.set()
    await asyncio.gather(*listeners)
    assert min(counts) == seconds * 100, f"somebody missed something: {min(counts)} of {seconds * 100}"
    return {"median": statistics.median(delays), "p99": p99(delays), "cpu": used, "quiet": quiet, "busy": busy, "beside": p99(beside),
            "beside median": statistics.median(beside)}


def bench_listeners(_, work: pathlib.Path, program: str, put, clients: int = 1000, seconds: int = 20) -> list[tuple]:
    folder = put(work / "listeners", {"windrow.yaml": PROJECT, "lines.py": LINES,
                                      "tasks/lines.yaml": f'task: lines\ncommand: [python3, lines.py, "{seconds}"]\n'})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = subprocess.Popen([program, "--json", "-C", str(folder), "serve", "--listen", "127.0.0.1:0", "--home", str(work / "home")],
                              stdout=subprocess.PIPE, text=True)
    try:
        port = 0
        for line in server.stdout:
            event = json.loads(line)
            if event["event"] == "listening":
                port = int(re.search(r"127\.0\.0\.1:(\d+)", event["text"])[1])
            if event["event"] == "serving":
                break
        alone = asked(port, "/api/v1/projects/listeners/graph", 1000)
        idle = memory_of(server.pid)
        found = asyncio.run(measure(port, server.pid, clients, seconds))
        return [("a question over HTTP", statistics.median(alone), f"p99 {p99(alone) * 1000:.1f} ms"),
                (f"{clients:,} clients of events, 100 a second: from an event to its client", found["median"],
                 f"p99 {found['p99'] * 1000:.0f} ms (goal 100), {found['cpu'] / seconds:.2f} of a core; {idle:.0f} MB without them, "
                 f"{found['quiet']:.0f} MB with them, {found['busy']:.0f} MB at work (goal 200); nobody missed one"),
                ("a question over HTTP beside them", found["beside median"], f"p99 {found['beside'] * 1000:.1f} ms")]
    finally:
        server.terminate()
        server.wait()
