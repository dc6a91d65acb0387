"""What the Kafka tests share: a broker, a project that archives a topic, and reading the archive with another program."""
import os
import pathlib
import subprocess
import sys

import deltalake
import duckdb

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/servers"))
import kafka as kafka_server  # noqa: E402  (tests/servers/kafka.py)


def start(tmp_path_factory):
    """A broker of these tests' own."""
    yield from lab.serving(kafka_server.Kafka(tmp_path_factory.mktemp("kafka")))


def project(folder: pathlib.Path, broker, source: str, lake: str = "lake", connection: str = "") -> pathlib.Path:
    settings = "session.timeout.ms: 3000, heartbeat.interval.ms: 500, reconnect.backoff.max.ms: 500"
    return lab.make_project(folder, {
        "windrow.yaml": f"""project: lab
connections:
  events: {{type: kafka, {connection or f'brokers: "{broker.address()}"'}, settings: {{{settings}}}}}
environments:
  dev: {{lake: "{lake}", engine: {{type: duckdb, memory: 512MB}}}}
layers:
  bronze: {{append_only: true}}
""",
        "sources/events.yaml": source,
    })


def generate(broker, topic: str, rows: int, *words: str, kind: str = "wikipedia", background: bool = False):
    command = [lab.PROGRAM, "generate", kind, "--rows", str(rows), "--to", "kafka", "--brokers", broker.address(),
               "--topic", topic, *words]
    if background:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


def send(broker, topic: str, *messages, partitions: int = 1, partition: int = 0, headers=()) -> None:
    """Single messages as they stand (bytes or text), each (key, value) or value."""
    generate(broker, topic, 0, "--partitions", str(partitions))
    for message in messages:
        key, value = message if isinstance(message, tuple) else ("", message)
        words = ["kcat", "-b", broker.address(), "-P", "-t", topic, "-p", str(partition), "-D", "\x1e\x1f"]
        if key:
            words += ["-k", key]
        for header in headers:
            words += ["-H", header]
        content = value.encode() if isinstance(value, str) else value
        subprocess.run(words, input=content, check=True, capture_output=True, timeout=60)


def rows(lake: pathlib.Path | str, table: str, select: str) -> list[tuple]:
    """SQL over one table, as delta-rs reads it; in the SQL it is `t`."""
    found = deltalake.DeltaTable(f"{lake}/{table.replace('.', '/')}").to_pyarrow_table()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("t", found)
    return connection.execute(select).fetchall()


def exists(lake: pathlib.Path | str, table: str) -> bool:
    return deltalake.DeltaTable.is_deltatable(f"{lake}/{table.replace('.', '/')}")


def ingest(folder: pathlib.Path, *words: str, **more) -> subprocess.CompletedProcess:
    return lab.windrow(folder, "ingest", "bronze.events", *(words or ("--until-caught-up",)), **more)


SIZE = int(os.environ.get("WINDROW_KAFKA_EVENTS", "60000"))
