"""windrow health: each connection, source, table, folder and configuration, what is wrong with it and how to mend it."""
import json
import pathlib
import shutil
import socket
import sqlite3
import threading

import pytest

import kafka_lab
import lab
import rest_server
import serving_lab
import sse_test


def health(folder, ok: bool | None = None) -> dict[str, dict]:
    result = lab.windrow(folder, "health", "--json", check=False, timeout=60)
    told = json.loads(result.stdout)
    assert result.returncode == (0 if told["ok"] else 1) and told["ok"] == all(line["ok"] for line in told["findings"])
    if ok is not None:
        assert told["ok"] == ok, [line for line in told["findings"] if not line["ok"]]
    for line in told["findings"]:
        assert line["ok"] or line.get("hint"), line  # what is wrong comes with what to do
    return {line["what"]: line for line in told["findings"]}


def project(folder, connections: str = "", sources: dict[str, str] | None = None, environment: str = "lake: lake"):
    settings = f"project: lab\nenvironments:\n  dev: {{{environment}}}\n" + (f"connections:\n{connections}" if connections else "")
    return lab.make_project(folder, {"windrow.yaml": settings, **{f"sources/{name}.yaml": text for name, text in (sources or {}).items()}})


@pytest.fixture(scope="module")
def closed() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_sound_project_and_its_tables(tmp_path):
    folder = lab.make_project(tmp_path / "p")
    before = health(folder, True)
    assert "could be" in before["lake"]["finding"] and before["source bronze.events"]["finding"] == "no file is there yet"
    assert not (folder / "lake").exists() and not (folder / "serving.db").exists()  # a look makes nothing
    lab.add_events(folder, "a.ndjson", range(5))
    lab.windrow(folder, "run")
    after = health(folder, True)
    assert "1 file" in after["source bronze.events"]["finding"] and "version 0" in after["table silver.events"]["finding"]
    assert "1 views published" in after["connection serving"]["finding"]
    assert not list((folder / "lake").rglob(".tmp-health-*"))
    lines = lab.windrow(folder, "health").stdout
    assert "ok     lake: " in lines

    next((folder / "lake/gold/kinds").rglob("*.parquet")).unlink()
    (folder / "serving.db").write_bytes(b"SQLite format 3\0" + b"no" * 500)
    (folder / "models/gold/kinds.sql").write_text("SELECT kin FROM gold.daily\n")
    wrong = health(folder, False)
    assert "a data file is missing" in wrong["table gold.kinds"]["finding"] and "restore" in wrong["table gold.kinds"]["hint"]
    assert not wrong["connection serving"]["ok"] and wrong["table silver.events"]["ok"]
    assert "kin" in wrong["project"]["finding"] and "models/gold/kinds.sql:1" in wrong["project"]["finding"]


def test_folders_and_configuration(tmp_path):
    folder = project(tmp_path / "p", environment="lake: taken/lake, engine: {memory: 900TB}")
    (folder / "taken").write_text("a file")
    (folder / ".windrow").write_text("a file")
    wrong = health(folder, False)
    assert "is a file" in wrong["lake"]["finding"] and "900000.0 GB" in wrong["engine"]["finding"] or "is a file" in wrong["engine"]["finding"]
    assert [line for what, line in wrong.items() if what.startswith("folder") and not line["ok"]]


def test_rest(tmp_path, closed):
    with rest_server.Server() as server:
        server.lists["movies"] = [{"id": i} for i in range(45)]
        server.bodies["/ready"] = {"ok": True}
        server.allow = lambda headers, query: query.get("api_key") == "the-right-key-1"

        def made(key: str, health: str, url: str = "", path: str = "/pages/movies"):
            return project(tmp_path / "p", f"  api: {{type: rest, url: \"{url or server.url}\", auth: {{query: {{api_key: {key}}}}}{health}, rate_limit: 4.0}}\n",
                           {"movies": f"source: bronze.movies\nfrom: {{rest: api, resources: {{movies: {{path: {path}, primary_key: id}}, one: \"/movie/{{movies.id}}\"}}}}\n"})
        good = health(made("the-right-key-1", ", health: /ready"), True)
        assert good["connection api"]["finding"] == "GET /ready answers 200; 4 requests a second"
        assert good["source bronze.movies"]["finding"] == "movies: 20 records of 45"
        assert not (tmp_path / "p/lake").exists()
        assert "answers" in health(made("the-right-key-1", ""), True)["connection api"]["finding"]
        for more in (", health: /ready", ""):
            wrong = health(made("a-wrong-key-123", more), False)
            assert "401" in wrong["connection api"]["finding"] and "auth" in wrong["connection api"]["hint"]
            assert "a-wrong-key-123" not in json.dumps(wrong)
        assert "health" in health(made("the-right-key-1", ", health: /nowhere"), False)["connection api"]["hint"]
        wrong = health(made("the-right-key-1", "", path="/nowhere"), False)["source bronze.movies"]
        assert "404" in wrong["finding"] and "sources/movies.yaml:" in wrong["finding"]
    down = health(made("k", "", f"http://127.0.0.1:{closed}"), False)
    assert not down["connection api"]["ok"] and not down["source bronze.movies"]["ok"]


def test_event_streams(tmp_path):
    text = "source: bronze.changes\nfrom: {sse: stream, path: PATH}\n"
    with sse_test.Stream(sse_test.events(3)) as server:
        folder = project(tmp_path / "p", f"  stream: {{type: rest, url: \"{server.url}\"}}\n", {"s": text.replace("PATH", "/v2/stream")})
        assert "sends events" in health(folder, True)["source bronze.changes"]["finding"]


def test_databases_that_sources_read(tmp_path):
    folder = project(tmp_path / "p", "  shop: {type: sqlite, path: shop.db}\n", {
        "a": "source: bronze.a\nfrom: {database: shop, table: a, cursor: id}\n",
        "b": "source: bronze.b\nfrom: {database: shop, table: b}\n"})
    wrong = health(folder, False)
    assert "there is no file" in wrong["connection shop"]["finding"] and not (folder / "shop.db").exists()
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.execute("CREATE TABLE a (id INTEGER, name TEXT)")
    half = health(folder, False)
    assert half["connection shop"]["finding"] == "opens, 1 table" and half["source bronze.a"]["ok"] and not half["source bronze.b"]["ok"]
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.execute("CREATE TABLE b AS SELECT 1 AS x")
    assert "can be read" in health(folder, True)["source bronze.b"]["finding"]


@pytest.fixture(scope="module")
def postgres():
    yield from serving_lab.start_postgres()


def test_postgres_as_source_and_store(tmp_path, postgres, closed):
    url = serving_lab.new_database(postgres, "health")
    postgres.sql("CREATE TABLE orders AS SELECT 1 AS id", "health")
    postgres.sql("GRANT SELECT ON orders TO windrow", "health")
    source = {"o": "source: bronze.orders\nfrom: {database: shop, table: orders}\n"}
    folder = project(tmp_path / "p", f"  shop: {{type: postgres, url: \"{url}\"}}\n", source)
    good = health(folder, True)
    assert "PostgreSQL 15" in good["connection shop"]["finding"] and "orders can be read" in good["source bronze.orders"]["finding"]
    # A source reads with the same words as a publication: password and TLS beside the URL, and they count.
    bare = url.replace(":windrow-test-secret", "")
    ca = postgres.variables()["WINDROW_TEST_POSTGRES_CA"]
    secure = project(tmp_path / "tls", f"  shop: {{type: postgres, url: \"{bare}\", password: windrow-test-secret, tls: verify-full, ca: \"{ca}\"}}\n", source)
    assert "with TLS" in health(secure, True)["connection shop"]["finding"]
    lab.windrow(secure, "run")
    stranger = project(tmp_path / "ca", f"  shop: {{type: postgres, url: \"{url}\", tls: verify-full, ca: /etc/hostname}}\n", source)
    assert not health(stranger)["connection shop"]["ok"]
    assert lab.windrow(stranger, "run", check=False).returncode == 1
    wrong = health(project(tmp_path / "w", f"  shop: {{type: postgres, url: \"{bare}\", password: not-the-secret}}\n", source), False)
    assert "not-the-secret" not in json.dumps(wrong) and not wrong["connection shop"]["ok"]
    postgres.sql("REVOKE SELECT ON orders FROM windrow", "health")
    denied = health(folder, False)
    assert denied["connection shop"]["ok"] and not denied["source bronze.orders"]["ok"]
    # Of a connection that is published to, the rights that publishing needs.
    postgres.sql("REVOKE CREATE ON DATABASE health FROM PUBLIC; ALTER DATABASE health OWNER TO postgres", "health")
    postgres.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "health")
    store = serving_lab.project(tmp_path / "s", f"{{type: postgres, url: \"{url}\"}}", {
        "models/gold/numbers.sql": "SELECT 1 AS id\n", "publish/all.yaml": "publish: all\nto: serving\nviews: [{from: gold.numbers, table: numbers}]\n"})
    refused = health(store, False)["connection serving"]
    assert "may not make tables" in refused["finding"] and "GRANT" in refused["hint"]
    down = serving_lab.project(tmp_path / "d", f"{{type: postgres, url: \"postgresql://windrow@127.0.0.1:{closed}/x\"}}", {})
    assert not health(down)["connection serving"]["ok"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    yield from kafka_lab.start(tmp_path_factory)


def test_kafka(tmp_path, broker, closed):
    kafka_lab.generate(broker, "there", 100, "--partitions", "2")
    there = "source: bronze.events\nfrom: {kafka: events, topic: there}\nformat: json\n"
    good = health(kafka_lab.project(tmp_path / "p", broker, there), True)
    assert "cluster " in good["connection events"]["finding"]
    assert good["source bronze.events"]["finding"] == "topic there: 2 partitions, 100 messages"
    gone = health(kafka_lab.project(tmp_path / "q", broker, there.replace("there", "not-there")), False)
    assert gone["connection events"]["ok"] and "not-there" in gone["source bronze.events"]["finding"]
    down = health(kafka_lab.project(tmp_path / "d", broker, there, connection=f'brokers: "127.0.0.1:{closed}"'), False)
    assert not down["connection events"]["ok"] and not down["source bronze.events"]["ok"]


def test_kinds_that_are_down_and_files(tmp_path, closed):
    folder = project(tmp_path / "p", f"""  docs: {{type: mongodb, url: "mongodb://127.0.0.1:{closed}/?serverSelectionTimeoutMS=1000", database: x}}
  out: {{type: files, path: out}}
  duck: {{type: duckdb, path: serving.duckdb}}
""", {"f": "source: bronze.f\nfrom: {files: data/gone.csv}\n", "w": f"source: bronze.w\nfrom: {{files: \"http://127.0.0.1:{closed}/x.csv\"}}\n"})
    wrong = health(folder, False)
    assert {what for what, line in wrong.items() if not line["ok"]} == {"connection docs", "source bronze.f", "source bronze.w"}
    assert "gone.csv" in wrong["source bronze.f"]["finding"]


@pytest.mark.parametrize("lake, environment", [
    ("s3://no-such-bucket/lake", {"AWS_ENDPOINT_URL": "http://127.0.0.1:PORT", "AWS_ACCESS_KEY_ID": "key-of-a-test",
                                  "AWS_SECRET_ACCESS_KEY": "secret-of-a-test", "AWS_REGION": "us-east-1"}),
    ("webhdfs://127.0.0.1:PORT/lake", {}),
])
def test_lakes_that_are_down(tmp_path, closed, monkeypatch, lake, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("PORT", str(closed)))
    wrong = health(project(tmp_path / "p", environment=f'lake: "{lake.replace("PORT", str(closed))}"'), False)
    assert not wrong["lake"]["ok"] and "secret-of-a-test" not in json.dumps(wrong)


def test_connections_are_asked_at_the_same_time(tmp_path):
    """A server that answers nobody before all have come: asked one after the other, they would never meet."""
    wanted, most = 4, [0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve():
            waiting = []
            while True:
                try:
                    waiting.append(listener.accept()[0])
                except OSError:
                    return
                most[0] = max(most[0], len(waiting))
                if len(waiting) >= wanted:
                    for each in waiting:
                        each.close()
                    waiting.clear()

        threading.Thread(target=serve, daemon=True).start()
        folder = project(tmp_path, "".join(f'  c{i}: {{type: postgres, url: "postgresql://u@127.0.0.1:{port}/d"}}\n' for i in range(wanted)))
        found = health(folder, ok=False)
    assert most[0] == wanted
    assert [what for what in found if what.startswith("connection")] == [f"connection c{i}" for i in range(wanted)]
