"""Publishing to MongoDB, on an emulator of it (tests/servers/mongodb.py), judged by pymongo.

The emulator has no users, no transactions and no replica sets: logging in and write concerns are not shown here.
"""
import datetime
import pathlib
import random
import sys
import threading
import time

import pymongo
import pytest

import lab
import serving_lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/servers"))
import mongodb as mongodb_server  # noqa: E402  (tests/servers/mongodb.py)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    yield from lab.serving(mongodb_server.Mongodb(tmp_path_factory.mktemp("servers")))


@pytest.fixture
def store(server, request):
    with pymongo.MongoClient(server.address()) as client:
        name = "t_" + request.node.name[:40]
        client.drop_database(name)
        yield client[name]


def project(tmp_path, server, store, files):
    return serving_lab.project(tmp_path / "p", f'{{type: mongodb, url: "{server.address()}", database: {store.name}}}', files)


def current(store, view: str) -> list[dict]:
    """As an application reads: the pointer first, then the batch that it names."""
    batch = store.windrow_publications.find_one({"_id": "current"})["views"][view]
    return list(store[batch["collection"]].find({"view_type": view, "batch_run_id": batch["batch_id"]}))


def test_documents_types_and_indexes(tmp_path, server, store):
    folder = project(tmp_path, server, store, {
        "models/gold/movies.sql": """SELECT * FROM (VALUES
            (7, 'Drama', 2025, 1.5::DOUBLE, 12.34::DECIMAL(10,2), TIMESTAMPTZ '2025-10-17 14:00:00.5+00', DATE '2025-10-17',
             ['a', NULL], {'x': 1, 'y': [{'z': 'ü'}]}, '\\xAB'::BLOB, true, NULL::INT, 9223372036854775807),
            (8, 'Krimi', 2024, 'nan'::DOUBLE, NULL, NULL, NULL, [], NULL, NULL, NULL, 5, 0))
            t(movie_id, genre, year, score, amount, seen, day, tags, nested, bytes, ok, nothing, big)""",
        "publish/all.yaml": """publish: all
to: serving
views:
  - from: gold.movies
    table: genre_analytics
    key: movie_id
    indexes: [[movie_id, view_type], [view_type, data.genre, data.year], [-computed_at]]
    document: {collection: batch_views, top: movie_id}
  - {from: gold.movies, table: flat, key: [movie_id], document: {flat: true}, unique: [[movie_id]]}
"""})
    lab.windrow(folder, "run")
    one, two = sorted(current(store, "genre_analytics"), key=lambda d: d["movie_id"])
    assert one["view_type"] == "genre_analytics" and one["movie_id"] == 7 and one["_id"]["movie_id"] == 7
    assert isinstance(one["computed_at"], datetime.datetime) and one["_id"]["batch"] == one["batch_run_id"]
    data = one["data"]
    assert data["genre"] == "Drama" and data["score"] == 1.5 and str(data["amount"]) == "12.34" and data["ok"] is True
    assert data["seen"] == datetime.datetime(2025, 10, 17, 14, 0, 0, 500000) and data["day"] == datetime.datetime(2025, 10, 17)
    assert data["tags"] == ["a", None] and data["nested"] == {"x": 1, "y": [{"z": "ü"}]} and data["bytes"] == b"\xab"
    assert data["nothing"] is None and data["big"] == 9223372036854775807 and "movie_id" not in data
    assert two["data"]["score"] != two["data"]["score"] and two["data"]["tags"] == [] and two["data"]["nested"] is None
    flat = current(store, "flat")
    assert {d["movie_id"] for d in flat} == {7, 8} and flat[0]["genre"] in ("Drama", "Krimi")
    keys = [tuple(index["key"].items()) for index in store.batch_views.list_indexes()]
    assert (("movie_id", 1), ("view_type", 1)) in keys and (("computed_at", -1),) in keys
    assert (("view_type", 1), ("data.genre", 1), ("data.year", 1)) in keys
    manifest = store.windrow_publications.find_one({"_id": "current"})["views"]["flat"]
    assert manifest["rows"] == 2 and manifest["source_table"] == "gold.movies" and len(manifest["checksum"]) == 64


def test_declared_columns_and_numbers_that_do_not_fit(tmp_path, server, store):
    digits = "12345678901234567890123456789012345.67"
    def publication(columns: str) -> dict:
        return {"models/gold/one.sql": f"SELECT {digits}::DECIMAL(38,2) AS wide, 2.50::DECIMAL(5,2) AS small, '7' AS n, "
                                       "'{\"a\": [1]}' AS doc, DATE '2025-01-02' AS day\n",
                "publish/all.yaml": f"publish: all\nto: serving\nviews: [{{from: gold.one, table: one{columns}}}]\n"}
    folder = project(tmp_path, server, store, publication(""))
    refused = lab.windrow(folder, "run", check=False)
    assert refused.returncode == 1 and f'column "wide" has {digits}, which is beyond the 34 digits' in refused.stdout + refused.stderr
    for columns, message in ((", columns: {wide: real}", "BSON's type \"real\" is not one that windrow writes"),
                             (", columns: {wid: double}", "did you mean \"wide\"?")):
        lab.make_project(folder, publication(columns))
        refused = lab.windrow(folder, "publish", check=False)
        assert refused.returncode != 0 and message in refused.stdout + refused.stderr, columns
    lab.make_project(folder, publication(", columns: {wide: string, small: double, n: long, doc: object, day: string}"))
    lab.windrow(folder, "publish")
    data = current(store, "one")[0]["data"]
    assert data == {"wide": digits, "small": 2.5, "n": 7, "doc": {"a": [1]}, "day": "2025-01-02"}


def files(key="id", keep=""):
    return {"models/gold/other.sql": "SELECT 1 AS batch, 1 AS id\n",
            "publish/all.yaml": "publish: all\nto: serving\nviews:\n"
                                f"  - {{from: gold.numbers, table: numbers, key: {key}{keep}}}\n"
                                f"  - {{from: gold.other, table: other, key: id{keep}}}\n"}


def test_readers_see_one_batch_whole_and_former_ones_go(tmp_path, server, store):
    folder = project(tmp_path, server, store, files())
    rows = 2000
    serving_lab.batch(folder, 1, rows)
    lab.windrow(folder, "run")
    wrong, looks, stop = [], [0], threading.Event()

    def read():
        while not stop.is_set():
            pointer = store.windrow_publications.find_one({"_id": "current"})["views"]
            numbers = list(store.numbers.find({"view_type": "numbers", "batch_run_id": pointer["numbers"]["batch_id"]}))
            other = list(store.other.find({"view_type": "other", "batch_run_id": pointer["other"]["batch_id"]}))
            batches = {d["data"]["batch"] for d in numbers} | {d["data"]["batch"] for d in other}
            if len(numbers) != rows or len(batches) != 1:
                wrong.append((len(numbers), batches))
            looks[0] += 1

    reader = threading.Thread(target=read)
    reader.start()
    random.seed(11)
    try:
        for turn in range(2, 12):
            serving_lab.batch(folder, turn, rows)
            (folder / "models/gold/other.sql").write_text(f"SELECT {turn} AS batch, 1 AS id\n")
            lab.windrow(folder, "run", "--select", "gold.*")
            run = lab.start(folder, "publish")
            time.sleep(random.uniform(0.05, 0.5))
            run.kill()
            run.wait()
            if turn % 3 == 0:
                lab.windrow(folder, "publish")
                # A reader may still follow the former pointer; it is given the time to.
                time.sleep(0.3)
    finally:
        lab.windrow(folder, "publish")
        stop.set()
        reader.join()
    assert not wrong, wrong[:3]
    assert looks[0] > 10
    (folder / "models/gold/other.sql").write_text("SELECT 99 AS batch, 1 AS id\n")
    serving_lab.batch(folder, 99, rows)
    lab.windrow(folder, "run")
    # The present batch and one former one; what was killed half way is gone.
    assert len(store.numbers.distinct("batch_run_id")) == 2
    assert {d["data"]["batch"] for d in current(store, "numbers")} == {99}


def test_rollback_and_unchanged(tmp_path, server, store):
    folder = project(tmp_path, server, store, files(keep=", keep: 2"))
    for turn in (1, 2, 3):
        serving_lab.batch(folder, turn, 10)
        lab.windrow(folder, "run")
    before = store.windrow_publications.find_one({"_id": "current"})
    lab.windrow(folder, "run")
    assert store.windrow_publications.find_one({"_id": "current"}) == before
    lab.windrow(folder, "publish", "--rollback", "all/numbers")
    assert {d["data"]["batch"] for d in current(store, "numbers")} == {2}
    lab.windrow(folder, "publish", "--rollback", "all/numbers")
    assert {d["data"]["batch"] for d in current(store, "numbers")} == {1}
    result = lab.windrow(folder, "publish", "--rollback", "all/numbers", check=False)
    assert result.returncode == 1 and "keeps no former batch" in result.stderr
    serving_lab.batch(folder, 4, 10)
    lab.windrow(folder, "run")
    assert {d["data"]["batch"] for d in current(store, "numbers")} == {4}


def test_keys_that_come_twice_are_told(tmp_path, server, store):
    folder = project(tmp_path, server, store, files(key="batch"))
    serving_lab.batch(folder, 1, 5)
    result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1 and "several rows have the key (1)" in result.stdout + result.stderr
    assert store.windrow_publications.find_one({"_id": "current"}) is None


def test_health(tmp_path, server, store):
    folder = project(tmp_path, server, store, files())
    serving_lab.batch(folder, 1, 5)
    assert "connection serving: MongoDB" in lab.windrow(folder, "health").stdout
    text = (folder / "windrow.yaml").read_text()
    (folder / "windrow.yaml").write_text(text.replace(server.address(), "mongodb://u:hushhush@127.0.0.1:1/?serverSelectionTimeoutMS=300"))
    result = lab.windrow(folder, "health", check=False)
    assert result.returncode == 1 and "127.0.0.1:1" in result.stdout and "hushhush" not in result.stdout
