"""REST and files lose and double nothing: three copies of `windrow run` at once are killed, stopped and restarted, while the
API fails and its pages shift, new files arrive, and the lake's store is busy, silent and slow.

WINDROW_LOSS_KEYS=20000 for the long run. The seed is printed; WINDROW_LOSS_SEED repeats one.
"""
import collections
import gzip
import json
import os
import pathlib
import random
import signal
import subprocess
import time
import uuid

import pytest

import faulty_proxy
import lab
import rest_server
from s3_test import minio, s3  # noqa: F401  (fixtures)

SEED = int(os.environ.get("WINDROW_LOSS_SEED", random.randrange(10**6)))
KEYS = int(os.environ.get("WINDROW_LOSS_KEYS", 1500))
COPIES = 3


class Copies:
    """Runs of the same project beside each other; one that ends is started again."""

    def __init__(self, folder: pathlib.Path, chance: random.Random):
        self.folder, self.chance = folder, chance
        self.running, self.asleep, self.killed, self.done = [self.begin() for _ in range(COPIES)], {}, 0, 0

    def begin(self) -> subprocess.Popen:
        return lab.start(self.folder, "run")

    def torment(self) -> None:
        for i, until in list(self.asleep.items()):
            if time.monotonic() > until:
                self.running[i].send_signal(signal.SIGCONT)
                del self.asleep[i]
        i = self.chance.randrange(COPIES)
        if self.running[i].poll() is not None:
            self.done += self.running[i].returncode == 0
            self.running[i] = self.begin()
        elif i not in self.asleep:
            if self.chance.random() < 0.6:
                self.killed += 1
                self.running[i].kill()
                self.running[i].wait()
                self.running[i] = self.begin()
            else:
                self.running[i].send_signal(signal.SIGSTOP)
                self.asleep[i] = time.monotonic() + self.chance.uniform(0.3, 1.5)

    def end(self) -> None:
        for copy in self.running:
            copy.kill()
            copy.wait()


def table(lake: str, name: str) -> list[dict]:
    options = {} if not lake.startswith("s3:") else {"AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"], "AWS_ALLOW_HTTP": "true"}
    return lab.deltalake.DeltaTable(f"{lake}/{name.replace('.', '/')}", storage_options=options).to_pyarrow_table().to_pylist()


def store_faults(chance: random.Random):
    return chance.choice([lambda *_: None, faulty_proxy.at_random(chance.randrange(10**6), 0.2, "busy", "reset", "lost"),
                          lambda *_: "busy", lambda *_: time.sleep(0.05)])


def finish(folder: pathlib.Path) -> None:
    """A copy that was killed may have left its work to the next one."""
    for _ in range(3):
        lab.windrow(folder, "run", timeout=300)


def rest_project(folder: pathlib.Path, server, lake: str) -> pathlib.Path:
    silver = """/* windrow
build: {{merge: {{key: id, latest_by: extracted_at}}}}
new_rows: bronze.api
columns: {{id: {{checks: [not_null, unique]}}}}
*/
SELECT key AS id, extracted_at, raw ->> '$.title' AS title FROM bronze.api WHERE endpoint = '{}'
"""
    return lab.make_project(folder, {
        "windrow.yaml": f"""project: loss
connections:
  api: {{type: rest, url: "{server.url}", timeout: 700ms, parallel: 4, retries: {{times: 40, delay: 5ms, max: 50ms}}, circuit_breaker: {{failures: 200, pause: 50ms}}}}
environments: {{dev: {{lake: "{lake}", engine: {{type: duckdb, memory: 512MB}}}}}}
layers: {{bronze: {{append_only: true}}, silver: {{}}}}
""",
        "sources/api.yaml": """source: bronze.api
from:
  rest: api
  every: 1h
  passes: 20
  resources:
    movies: {path: /pages/movies, primary_key: id}
    reviews: {path: "/cursor/reviews/{movies.id}", primary_key: id}
flush: {rows: 200, every: 150ms}
retries: {times: 30, delay: 50ms, max: 200ms}
""",
        "models/silver/movies.sql": silver.format("movies"), "models/silver/reviews.sql": silver.format("reviews")})


def rest_loss(folder: pathlib.Path, lake: str, chance: random.Random, keys: int, proxy=None) -> None:
    with rest_server.Server(faults=0.15, seed=SEED) as server:
        server.kinds = ["429", "500", "503", "half", "cut", "slow", "hang up", "not json"]
        server.lists["movies"] = [{"id": i, "title": f"Fïlm {i}"} for i in range(keys)]
        with_reviews = range(0, keys, 10)
        for i in with_reviews:
            server.lists[f"reviews/{i}"] = [{"id": f"{i}-{k}", "title": "ü"} for k in range(chance.randrange(45))]
        new = collections.Counter()

        def move(server):
            """While it is read, films come to the front of the list and move about within it; none goes."""
            if new["films"] >= keys // 20 or chance.random() > 0.3:
                return
            rows = server.lists["movies"]
            rows.insert(0, {"id": keys + new["films"], "title": "new"})
            new["films"] += 1
            rows.insert(chance.randrange(len(rows)), rows.pop(chance.randrange(len(rows))))
        server.move = move
        made = rest_project(folder, server, lake)
        copies, began = Copies(made, chance), time.monotonic()
        try:
            while copies.killed < max(12, keys // 100) and time.monotonic() - began < 240:
                time.sleep(chance.uniform(0.1, 0.9))
                copies.torment()
                if proxy is not None and chance.random() < 0.3:
                    proxy.choose = store_faults(chance)
        finally:
            copies.end()
            if proxy is not None:
                proxy.choose = lambda *_: None
        server.move = None
        finish(made)
        reviews = {row["id"] for name, rows in server.lists.items() if name.startswith("reviews/") for row in rows}
        bronze = table(lake, "bronze.api")
        assert all(json.loads(row["raw"])["id"] is not None for row in bronze)
        for endpoint, wanted in (("movies", {str(row["id"]) for row in server.lists["movies"]}), ("reviews", reviews)):
            seen = {row["key"] for row in bronze if row["endpoint"] == endpoint}
            keys_of = [row["id"] for row in table(lake, f"silver.{endpoint}")]
            assert len(keys_of) == len(set(keys_of)), f"seed {SEED}: {endpoint} doubled in silver"
            assert set(keys_of) == seen, f"seed {SEED}: silver.{endpoint} is not bronze"
            # Films that came after the list was read for the last time may be missing, nothing else.
            late = {str(keys + i) for i in range(new["films"])} if endpoint == "movies" else set()
            assert wanted - late <= seen <= wanted, f"seed {SEED}: {sorted(wanted - late - seen)[:5]} lost"
        log = table(lake, "bronze.api_log")
        assert sorted((row["extraction"], row["endpoint"]) for row in log) == sorted({(row["extraction"], row["endpoint"]) for row in log})
        print(f"seed {SEED}: {copies.killed} kills, {copies.done} runs ended, {server.counts['requests']} requests, {len(bronze)} rows")


def files_loss(folder: pathlib.Path, lake: str, chance: random.Random, files: int, proxy=None) -> None:
    made = lab.make_project(folder, {
        "windrow.yaml": f"project: loss\nenvironments: {{dev: {{lake: \"{lake}\", engine: {{type: duckdb, memory: 512MB}}}}}}\nlayers: {{bronze: {{append_only: true}}}}\n",
        "sources/lines.yaml": "source: bronze.lines\nfrom: {files: \"data/**/*.ndjson*\", batch_files: 4}\ncolumns: {n: bigint}\n"
                              "retries: {times: 30, delay: 50ms, max: 200ms}\n"})
    wanted, spoiled, at = 0, 0, 0
    copies, began = Copies(made, chance), time.monotonic()
    try:
        while at < files and time.monotonic() - began < 240:
            for _ in range(3):
                body = "".join(json.dumps({"n": wanted + k, "t": "zeile ü"}) + "\n" for k in range(100)).encode()
                name, at = f"{at % 5}/f{at}.ndjson", at + 1
                if at % 7 == 0:  # half of a packed file
                    name, body, spoiled = name + ".gz", gzip.compress(body)[:-9], spoiled + 1
                else:
                    wanted += 100
                (made / "data" / name).parent.mkdir(exist_ok=True)
                part = made / "data" / name.replace("/", "/.")
                part.write_bytes(body)
                part.rename(made / "data" / name)
            time.sleep(chance.uniform(0.05, 0.4))
            copies.torment()
            if proxy is not None and chance.random() < 0.3:
                proxy.choose = store_faults(chance)
    finally:
        copies.end()
        if proxy is not None:
            proxy.choose = lambda *_: None
    finish(made)
    numbers = [row["n"] for row in table(lake, "bronze.lines")]
    assert len(numbers) == len(set(numbers)), f"seed {SEED}: doubled"
    assert sorted(numbers) == list(range(wanted)), f"seed {SEED}: lost"
    aside = [row["origin"] for row in table(lake, "bronze.lines_rejected")]
    assert len(aside) == len(set(aside)) == spoiled, f"seed {SEED}: set aside {len(aside)}, {spoiled} were spoiled"
    print(f"seed {SEED}: {copies.killed} kills, {at} files")


def test_rest_on_disk(tmp_path):
    rest_loss(tmp_path / "p é", str(tmp_path / "p é/lake"), random.Random(SEED), KEYS)


def test_files_on_disk(tmp_path):
    files_loss(tmp_path / "p é", str(tmp_path / "p é/lake"), random.Random(SEED + 1), max(90, KEYS // 10))


@pytest.fixture
def failing_store(s3, monkeypatch):  # noqa: F811
    with faulty_proxy.Proxy(s3["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy, f"s3://{os.environ['WINDROW_TEST_BUCKET']}/{uuid.uuid4().hex}"


def test_rest_on_s3_that_fails(tmp_path, failing_store):
    proxy, lake = failing_store
    rest_loss(tmp_path / "p", lake, random.Random(SEED + 2), max(300, KEYS // 5), proxy)


def test_files_on_s3_that_fails(tmp_path, failing_store):
    proxy, lake = failing_store
    files_loss(tmp_path / "p", lake, random.Random(SEED + 3), max(60, KEYS // 20), proxy)
