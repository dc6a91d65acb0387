"""The archive loses and doubles nothing: three copies are killed, stopped past their session's end and restarted while a
seeded producer sends numbered events, the broker restarts, the store is busy, silent and slow.

WINDROW_KAFKA_EVENTS=1000000 for the long run. The seed is printed; WINDROW_KAFKA_SEED repeats one.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time
import uuid

import pytest

import faulty_proxy
import kafka_lab
import lab
from s3_test import minio, s3  # noqa: F401  (fixtures)

SEED = int(os.environ.get("WINDROW_KAFKA_SEED", random.randrange(10**6)))
COPIES = 3
SOURCE = """source: bronze.events
from: {{kafka: events, topic: {topic}, group: archivers, start: {start}, assignment: {assignment}}}
flush: {{rows: 2000, every: 500ms}}
columns:
  id: bigint
  timestamp: bigint
  log_params: json
  kafka_partition: integer
  kafka_offset: bigint
partition_by: {{hour: "hour(to_timestamp(timestamp))"}}
files: {{name: "wiki_events_{{utc:%Y%m%d_%H%M%S}}"}}
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    yield from kafka_lab.start(tmp_path_factory)


class Copies:
    def __init__(self, folder: pathlib.Path):
        self.folder, self.running, self.stopped = folder, [self.begin(folder, i) for i in range(COPIES)], {}

    @staticmethod
    def begin(folder: pathlib.Path, number: int) -> subprocess.Popen:
        log = open(folder / f"copy-{number}.log", "a")
        return subprocess.Popen([lab.PROGRAM, "-C", str(folder), "ingest", "bronze.events"], stdout=log, stderr=log)

    def kill(self, i: int) -> None:
        self.running[i].kill()
        self.running[i].wait()
        self.stopped.pop(i, None)
        self.running[i] = self.begin(self.folder, i)

    def stop(self, i: int, seconds: float) -> None:
        self.running[i].send_signal(signal.SIGSTOP)
        self.stopped[i] = time.monotonic() + seconds

    def tend(self) -> None:
        """Wakes those that have slept long enough; none may have ended by itself."""
        for i, until in list(self.stopped.items()):
            if time.monotonic() > until:
                self.running[i].send_signal(signal.SIGCONT)
                del self.stopped[i]
        for i, copy in enumerate(self.running):
            assert copy.poll() is None, (self.folder / f"copy-{i}.log").read_text()[-2000:]

    def end(self) -> None:
        for copy in self.running:
            copy.kill()
            copy.wait()


def torment(folder, broker, topic: str, count: int, chance: random.Random, proxy=None) -> None:
    rate = max(3000, count // 90)
    producer = kafka_lab.generate(broker, topic, count, "--seed", str(SEED), "--rate", str(rate), "--duplicates", "0",
                                  "--broken", "0.002", background=True)
    copies = Copies(folder)
    began, restarted, faults_until = time.monotonic(), 0, 0.0
    try:
        while producer.poll() is None:
            time.sleep(chance.uniform(0.5, 2.5))
            copies.tend()
            share = (time.monotonic() - began) * rate / count
            if share > (restarted + 1) / 3 and restarted < 2:
                restarted += 1
                broker.kill("kafka")
                time.sleep(chance.uniform(0.2, 2))
                broker.up()
                continue
            if proxy is not None and time.monotonic() > faults_until:
                faults_until = time.monotonic() + chance.uniform(2, 6)
                proxy.choose = chance.choice([
                    lambda *_: None,
                    faulty_proxy.at_random(chance.randrange(10**6), 0.3, "busy", "reset", "lost"),
                    lambda *_: "busy",
                    lambda *_: time.sleep(0.2),
                ])
            i = chance.randrange(COPIES)
            if i in copies.stopped:
                continue
            chance.choice([lambda: copies.kill(i), lambda: copies.kill(i),
                           lambda: copies.stop(i, chance.uniform(4, 6))])()
        assert producer.returncode == 0, producer.stderr.read()
    finally:
        producer.kill()
        copies.end()
        if proxy is not None:
            proxy.choose = lambda *_: None
    kafka_lab.ingest(folder, timeout=300)


def judge(lake: str, count: int) -> None:
    """Every offset once, in the table or among the dead letters; every number once."""
    (found, ids, least, most, places), = kafka_lab.rows(
        lake, "bronze.events", "SELECT count(*), count(DISTINCT id), min(id), max(id), "
        "count(DISTINCT (kafka_partition, kafka_offset)) FROM t")
    assert found == ids == places, f"seed {SEED}: doubled"
    dead = kafka_lab.rows(lake, "bronze.events_rejected", 'SELECT "partition", "offset" FROM t')
    assert len(dead) == len(set(dead)), f"seed {SEED}: dead letters doubled"
    assert found + len(dead) == count, f"seed {SEED}: {count - found - len(dead)} lost"
    assert least >= 0 and most < count and 0 < len(dead) < count / 100
    gaps = kafka_lab.rows(lake, "bronze.events", "SELECT sum(n) FROM (SELECT max(kafka_offset) + 1 - count(*) AS n FROM t "
                          "GROUP BY kafka_partition)")[0][0]
    assert gaps <= len(dead), f"seed {SEED}: lost between others"


def test_on_disk(broker, tmp_path):
    print("seed", SEED)
    chance = random.Random(SEED)
    topic = f"disk-{uuid.uuid4().hex}"
    kafka_lab.generate(broker, topic, 0, "--partitions", "6")
    folder = kafka_lab.project(tmp_path, broker,
                               SOURCE.format(topic=topic, start="latest", assignment="cooperative"))
    # So that `latest` is where the producer begins, whatever is killed from now on.
    kafka_lab.ingest(folder)
    torment(folder, broker, topic, kafka_lab.SIZE, chance)
    judge(str(folder / "lake"), kafka_lab.SIZE)
    names = [file.name for file in (folder / "lake/bronze/events").rglob("wiki_events_*.parquet")]
    assert names and len(names) == len(set(names)) or all(
        file.parent.name.startswith("hour=") for file in (folder / "lake/bronze/events").rglob("wiki_events_*"))


def test_on_s3_that_fails(broker, s3, tmp_path, monkeypatch):  # noqa: F811
    print("seed", SEED)
    chance = random.Random(SEED + 1)
    topic = f"s3-{uuid.uuid4().hex}"
    kafka_lab.generate(broker, topic, 0, "--partitions", "6")
    lake = f"s3://{os.environ['WINDROW_TEST_BUCKET']}/{uuid.uuid4().hex}"
    folder = kafka_lab.project(tmp_path, broker, SOURCE.format(topic=topic, start="earliest", assignment="eager"), lake)
    with faulty_proxy.Proxy(s3["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        torment(folder, broker, topic, kafka_lab.SIZE, chance, proxy)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3["AWS_ENDPOINT_URL"])
    judge(lake, kafka_lab.SIZE)
