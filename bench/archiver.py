"""Benchmark of the Kafka archiver, beside a bare librdkafka consumer and a Python one with pyarrow and delta-rs.

The broker is this benchmark's own, on the same cores. Rows are checked in each turn.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLUSHES = (100_000, 5_000)
TURNS = 3

PYTHON = """
import json, sys
import confluent_kafka, deltalake, pyarrow
brokers, topic, wanted, flush, path = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": path, "enable.auto.commit": False,
                                     "auto.offset.reset": "earliest"})
consumer.subscribe([topic])
count, rows, schema = 0, [], None
def write():
    global schema, rows
    for row in rows:
        if "log_params" in row: row["log_params"] = json.dumps(row["log_params"])
        row["timestamp"] = int(row["timestamp"])
        row["length"] = json.dumps(row["length"]); row["revision"] = json.dumps(row["revision"])
    table = pyarrow.Table.from_pylist(rows) if schema is None else pyarrow.Table.from_pylist(rows, schema=schema)
    if schema is None and "log_params" not in table.schema.names:
        table = table.append_column("log_params", pyarrow.nulls(len(table), pyarrow.string()))
    schema = table.schema
    deltalake.write_deltalake(path, table, mode="append")
    consumer.commit()
    rows = []
while count < wanted:
    for message in consumer.consume(min(10000, flush), 0.1):
        if message.error(): continue
        rows.append(json.loads(message.value())); count += 1
        if len(rows) >= flush: write()
if rows: write()
assert deltalake.DeltaTable(path).count() == wanted
"""


def measured(command: list[str]) -> dict:
    """Wall and CPU seconds, the greatest memory of each third of the time, in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    sizes: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            try:
                sizes.append(int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096 / 1e6)
            except (OSError, IndexError):
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    ended.set()
    watcher.join()
    process.returncode = status
    if status:
        raise SystemExit(f"{command[0]} ended with {status}")
    third = max(1, len(sizes) // 3)
    return {"seconds": time.perf_counter() - began, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss / 1e3,
            "early": max(sizes[:third], default=0), "late": max(sizes[-third:], default=0), "out": out}


def told(name: str, turns: list[dict], rows: int) -> tuple:
    seconds = statistics.median(turn["seconds"] for turn in turns)
    cpu = statistics.median(turn["cpu"] for turn in turns) / rows * 1e6
    peak = max(turn["rss"] for turn in turns)
    last = turns[-1]
    return (f"kafka, {rows:,} events: {name}", seconds,
            f"{rows / seconds:,.0f} a second, {cpu:.2f} CPU s a million, peak {peak:.0f} MB "
            f"(first third {last['early']:.0f}, last third {last['late']:.0f})")


def archive(program: str, project: pathlib.Path, brokers: str, flush: int, rows: int, put) -> dict:
    put(project, {
        "windrow.yaml": f'project: bench\nconnections:\n  events: {{type: kafka, brokers: "{brokers}"}}\n'
                        "layers:\n  bronze: {append_only: true}\n",
        "sources/events.yaml": f"source: bronze.events\nfrom: {{kafka: events, topic: wiki, group: {project.name}}}\n"
                               f"flush: {{rows: {flush}}}\ncolumns: {{timestamp: bigint, log_params: json}}\n"})
    found = measured([program, "-C", str(project), "ingest", "bronze.events", "--until-caught-up", "--json"])
    last = json.loads(found["out"].splitlines()[-1])
    assert last["rows"] == rows, last
    shutil.rmtree(project)
    return found


def bench_kafka(given, _, program: str, put) -> list[tuple]:
    sys.path.append(str(ROOT / "tests/servers"))
    import kafka as kafka_server  # tests/servers/kafka.py

    rows = given.rows
    turns = TURNS if rows <= 1_000_000 else 1
    folder = pathlib.Path(tempfile.mkdtemp(prefix="windrow-bench-"))
    broker = kafka_server.Kafka(folder / "servers")
    broker.fetch()
    broker.up()
    try:
        subprocess.run([program, "generate", "wikipedia", "--rows", str(rows), "--broken", "0", "--duplicates", "0", "--to",
                        "kafka", "--brokers", broker.address(), "--topic", "wiki", "-q"], check=True)
        found: dict[str, list[dict]] = {}
        bare = str(pathlib.Path(program).parent / "kafka_bare")
        for turn in range(turns):
            found.setdefault("bare librdkafka, drops everything", []).append(
                measured([bare, broker.address(), "wiki", str(rows)]))
            for flush in FLUSHES:
                found.setdefault(f"windrow ingest, flushes of {flush:,}", []).append(
                    archive(program, folder / f"project-{turn}-{flush}", broker.address(), flush, rows, put))
        for flush in FLUSHES if rows <= 1_000_000 else ():
            path = str(folder / f"python-{flush}")
            found[f"Python, pyarrow, delta-rs, flushes of {flush:,}"] = [
                measured([sys.executable, "-c", PYTHON, broker.address(), "wiki", str(rows), str(flush), path])]
            shutil.rmtree(path, ignore_errors=True)
        return [told(name, each, rows) for name, each in found.items()]
    finally:
        broker.down()
        shutil.rmtree(folder, ignore_errors=True)
