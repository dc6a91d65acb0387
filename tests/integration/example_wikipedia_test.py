"""examples/wikipedia: its five tables in PostgreSQL, read by psql, equal what pandas computes from the same events."""
import csv
import gzip
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import numpy
import pandas
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/examples"))
import stage as stages  # noqa: E402  (tests/examples/stage.py)
import wikipedia  # noqa: E402  (tests/examples/wikipedia.py)

DATA = pathlib.Path(os.environ.get("WINDROW_TEST_DATA", ROOT.parent / "shared/data")) / "wikipedia"
SEED = int(os.environ.get("WINDROW_WIKI_SEED", random.randrange(10**6)))
EVENTS = int(os.environ.get("WINDROW_WIKI_EVENTS", "20000"))
HOUR = 3600


@pytest.fixture(scope="module")
def servers():
    """A folder in which the servers of these tests run, one after the other; PostgreSQL's user can enter it."""
    for tool in ("java", "mvn", "openssl", "kcat"):
        if not shutil.which(tool):
            pytest.skip(f"the example needs {tool}, which is not here")
    if not shutil.which("go") and not list(pathlib.Path.home().glob(".cache/windrow/*minio*")):
        pytest.skip("MinIO is built with Go, which is not here")
    if not shutil.which(wikipedia.program("postgres")):
        pytest.skip("PostgreSQL is not here")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="windrow-wikipedia-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stage(servers, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with stages.staged("wikipedia", tmp_path / "wikipedia", rows=EVENTS, seed=7, quiet=True,
                       servers=servers / "servers") as out:
        yield out


# --- the independent computation ---------------------------------------------------------------------------------


def read(lines: bytes) -> list[dict]:
    """Events that can be read at all, each once."""
    out: dict = {}
    for line in lines.split(b"\n"):
        try:
            event = json.loads(line.decode("utf-8"))
        except ValueError:
            continue
        if not isinstance(event, dict):
            continue
        identity = (event.get("meta") or {}).get("id") or (event["server_name"], event["id"])
        out[identity] = event
    return list(out.values())


def frame_of(events: list[dict], days: int) -> pandas.DataFrame:
    rows = []
    for event in events:
        lengths = event.get("length") or {}
        size = event.get("bytes_changed")
        if size is None:
            size = (lengths.get("new") or 0) - (lengths.get("old") or 0)
        language, project = event["server_name"].split(".")[:2]
        rows.append({"seconds": int(event["timestamp"]), "user": event["user"], "bot": bool(event["bot"]), "size": size,
                     "type": event["type"], "server_name": event["server_name"], "language": language, "project": project})
    frame = pandas.DataFrame(rows)
    frame["hour"] = frame.seconds // HOUR * HOUR
    return frame[frame.seconds >= frame.hour.max() + HOUR - days * 86400]


def expected(events: list[dict], days: int) -> dict[str, list[tuple]]:
    frame = frame_of(events, days)
    frame = frame.assign(new=frame.type == "new", n=1)

    def grouped(*keys: str) -> pandas.DataFrame:
        return frame.groupby(list(keys), as_index=False).agg(
            n=("n", "sum"), size=("size", "sum"), bots=("bot", "sum"), new=("new", "sum"), any_bot=("bot", "any"),
            users=("user", "nunique"))

    hours = grouped("hour").sort_values("hour")
    trends = hours.assign(e=hours.n.rolling(24, min_periods=1).mean(), b=hours["size"].rolling(24, min_periods=1).mean())
    users = grouped("user").sort_values(["n", "user"], ascending=[False, True]).head(100)
    servers = grouped("server_name", "language", "project").sort_values(["n", "server_name"], ascending=[False, True])
    servers = servers.assign(rank=range(1, len(servers) + 1)).assign(
        percentile=lambda s: (s["rank"] - 1) / max(1, len(s) - 1)).head(50)
    languages = grouped("language", "project")
    patterns = [(h.hour, h.n, h.size_, h.size_ / h.n, h.bots, h.n - h.bots)
                for h in hours.rename(columns={"size": "size_"}).itertuples()]
    return {
        "historical_hourly_patterns": patterns,
        "historical_hourly_trends": [p + (e, b) for p, e, b in zip(patterns, trends.e, trends.b)],
        "historical_top_contributors": list(users[["user", "any_bot", "n", "size", "new"]].itertuples(index=False, name=None)),
        "historical_language_distribution":
            list(languages[["language", "project", "n", "size", "bots", "new"]].itertuples(index=False, name=None)),
        "historical_server_rankings": list(servers[["server_name", "language", "project", "n", "size", "users", "rank",
                                                    "percentile"]].itertuples(index=False, name=None)),
    }


def published(stage, name: str) -> list[list[str]]:
    """As psql gives it, with times as seconds."""
    select = wikipedia.TABLES[name].replace("hour_bucket", "extract(epoch FROM hour_bucket)::bigint")
    out = subprocess.run([wikipedia.program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", stage.environment["POSTGRES_URL"],
                          "-c", f"COPY (SELECT {select} FROM {name}) TO STDOUT (FORMAT csv)"],
                         capture_output=True, text=True, timeout=60, check=True).stdout
    return list(csv.reader(io.StringIO(out)))


def same(found: list[list[str]], wanted: list[tuple], name: str) -> None:
    def plain(cell, like) -> str:
        if isinstance(like, str):
            return cell
        if isinstance(like, (bool, numpy.bool_)):
            return {"t": "true", "f": "false"}[cell] if isinstance(cell, str) else str(bool(cell)).lower()
        return f"{float(cell):.9g}"

    ours = sorted([plain(cell, like) for cell, like in zip(row, wanted[0])] for row in found)
    theirs = sorted([plain(cell, cell) for cell in row] for row in wanted)
    assert len(ours) == len(theirs), (name, len(ours), len(theirs))
    for one, other in zip(ours, theirs):
        assert one == other, name


def judge(stage, events: list[dict], days: int) -> None:
    for name, rows in expected(events, days).items():
        same(published(stage, name), rows, name)


def generated(stage, folder: pathlib.Path) -> bytes:
    """The same events as were fed, in a file."""
    out = folder / "events.ndjson"
    stage.windrow("generate", "wikipedia", "--rows", str(stage.rows), "--seed", str(stage.seed), "--span", "3d", "--out",
                  str(out))
    return out.read_bytes()


def asked(stage, sql: str) -> int:
    return json.loads(stage.windrow("query", sql, "--json").stdout)[0]["n"]


# --- tests -------------------------------------------------------------------------------------------------------


def test_generated_events(stage, tmp_path):
    wikipedia.feed(stage)
    wikipedia.run(stage)
    wikipedia.show(stage)
    first = read(generated(stage, tmp_path))
    assert 0.98 * stage.rows < len(first) < stage.rows
    judge(stage, first, 30)
    columns = wikipedia.psql(stage, "SELECT table_name, string_agg(column_name, ', ' ORDER BY ordinal_position) FROM "
                             "information_schema.columns WHERE table_name LIKE 'historical%' GROUP BY 1 ORDER BY 1")
    assert columns == [[name, wikipedia.TABLES[name].replace('"', "")] for name in sorted(wikipedia.TABLES)]
    # A window of two days; then more events come, and only what they touch is built again.
    stage.windrow("run", "--var", "days=2")
    judge(stage, first, 2)
    batches = "SELECT string_agg(batch_id::text, ' ' ORDER BY view) FROM windrow_publications"
    before = wikipedia.psql(stage, batches)
    stage.windrow("run", "--var", "days=2")
    assert wikipedia.psql(stage, batches) == before, "nothing was new, and rows were sent"
    stage.seed = 8
    wikipedia.generate(stage, "--start", "2025-10-18T00:00:00Z")
    more = tmp_path / "more.ndjson"
    stage.windrow("generate", "wikipedia", "--rows", str(stage.rows), "--seed", "8", "--span", "3d", "--start",
                  "2025-10-18T00:00:00Z", "--out", str(more))
    stage.windrow("run")  # reads the topic up to its ends, as the archiver would
    both = read((tmp_path / "events.ndjson").read_bytes() + b"\n" + more.read_bytes())
    judge(stage, both, 30)
    # From nothing but bronze the same comes out.
    stage.windrow("run", "--full-refresh", "--select", "silver.* gold.* publish.historical")
    judge(stage, both, 30)
    shown = stage.windrow("table", "history", "bronze.raw_events", "--json").stdout
    assert len(json.loads(shown)) > stage.rows * 2 // 5000 / 2
    assert asked(stage, "SELECT count(*) AS n FROM bronze.raw_events_rejected") > 0


def recorded(folder: pathlib.Path) -> bytes:
    """The recorded days, in the shape of Wikimedia's stream."""
    out = [line for line in (DATA / "wikimedia-recentchange-v2.ndjson").read_bytes().splitlines() if line.strip()]
    with gzip.open(DATA / "wikiticker-2015-09-12-h00-16.ndjson.gz", "rt") as lines:
        for number, line in enumerate(lines):
            edit = json.loads(line)
            out.append(json.dumps({
                "id": number, "type": "new" if edit["isNew"] else "edit", "title": edit["page"], "user": edit["user"],
                "bot": edit["isRobot"], "timestamp": int(pandas.Timestamp(edit["time"]).timestamp()),
                "length": {"old": None if edit["isNew"] else 100_000, "new": edit["delta"] + (0 if edit["isNew"] else 100_000)},
                "server_name": edit["channel"].lstrip("#") + ".org", "wiki": edit["channel"], "minor": edit["isMinor"],
            }).encode())
    (folder / "recorded.ndjson").write_bytes(b"\n".join(out) + b"\n")
    return (folder / "recorded.ndjson").read_bytes()


@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded events are not here")
def test_recorded_events(stage, tmp_path, monkeypatch):
    lines = recorded(tmp_path)
    monkeypatch.setenv("WIKI_EVENTS", str(tmp_path / "recorded.ndjson"))
    wikipedia.feed(stage)
    wikipedia.run(stage)
    events = read(lines)
    assert len(events) > 26_000
    judge(stage, events, 30)  # the recorded hour of 2023 alone
    stage.windrow("run", "--var", "days=5000")
    judge(stage, events, 5000)


def brought_back(server) -> None:
    """PostgreSQL refuses to start while a backend of the killed one is still about to notice."""
    for _ in range(20):
        try:
            server.up()
            return
        except stages.Failure:
            time.sleep(0.5)
    server.up()


def test_whatever_is_killed(stage, tmp_path):
    """Producer, archivers, runs and servers are killed at random; then all is run once more: the five tables are as if
    nothing had happened."""
    print("seed", SEED)
    chance = random.Random(SEED)
    stage.seed = SEED
    lines = generated(stage, tmp_path)
    feeding = ["generate", "wikipedia", "--rows", str(stage.rows), "--seed", str(SEED), "--span", "3d", "--to", "kafka",
               "--topic", wikipedia.TOPIC, "--partitions", "6", "--rate", str(stage.rows // 15)]
    parts = {
        "producer": lambda: feeding,
        "archiver": lambda: ["ingest", "bronze.raw_events"],
        "other archiver": lambda: ["ingest", "bronze.raw_events"],
        "run": lambda: ["run", "--select", "silver.* gold.* publish.historical"],
    }
    source = stage.folder / "sources/raw_events.yaml"
    source.write_text(source.read_text().replace("{rows: 5000, every: 60s}", "{rows: 500, every: 1s}"))
    running = {name: stage.start(*words()) for name, words in parts.items()}
    fed, runs = False, 0
    until = time.monotonic() + (35 if EVENTS <= 20_000 else EVENTS / 500)
    began = time.monotonic()
    while time.monotonic() < until and (not fed or time.monotonic() - began < 15):
        time.sleep(chance.uniform(0.2, 1.2))
        for name, process in list(running.items()):
            if process.poll() is None:
                continue
            if name == "producer" and process.returncode == 0:
                fed = True
                del running[name]
                continue
            runs += name == "run"
            running[name] = stage.start(*parts[name]())
        victim = chance.choice([*running, *running, *stage.servers])
        if victim in running:
            if victim == "producer" and chance.random() < 0.6:
                continue  # it begins anew each time
            running[victim].kill()
            running[victim].wait()
        else:
            server = stage.servers[victim]
            for process in server.running():
                server.kill(process)
            time.sleep(chance.uniform(0, 1))
            brought_back(server)
    for process in running.values():
        process.kill()
        process.wait()
    if not fed:
        stage.windrow(*feeding[:-2])
    wikipedia.run(stage)
    print(f"{runs} runs began")
    judge(stage, read(lines), 30)
    # What came twice through Kafka is in bronze twice, each place of the topic once.
    assert asked(stage, "SELECT count(*) - count(DISTINCT (kafka_partition, kafka_offset)) AS n FROM bronze.raw_events") == 0
