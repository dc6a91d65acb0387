"""Publishing to MongoDB where it asks for a log-in, speaks TLS, has transactions and fails on request (tests/servers/secantusdb.py).

The judge is pymongo.
"""
import contextlib
import json
import pathlib
import sys

import pymongo
import pytest

import lab
import serving_lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/servers"))
import secantusdb  # noqa: E402  (tests/servers/secantusdb.py)

ROWS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    yield from lab.serving(secantusdb.SecantusDBTls(tmp_path_factory.mktemp("servers")))


@pytest.fixture(scope="module")
def root(server):
    address = server.address(secantusdb.ROOT, secantusdb.PASSWORD, f"&tls=true&tlsCAFile={server.authority()}")
    with pymongo.MongoClient(address) as client:
        yield client


@pytest.fixture
def store(root, request):
    name = "t_" + request.node.name.split("[")[0][:40]
    root.drop_database(name)
    yield root[name]
    root.admin.command("configureFailPoint", "failCommand", mode="off")


def connection(server, store, address=None, ca=True) -> str:
    authority = f", ca: {server.authority()}" if ca else ""
    return f'{{type: mongodb, url: "{address or server.address(more="&tls=true")}", database: {store.name}{authority}}}'


def project(tmp_path, server, store, **more):
    return serving_lab.project(tmp_path / "p", connection(server, store, **more), {
        "publish/all.yaml": "publish: all\nto: serving\nviews:\n  - {from: gold.numbers, table: numbers, key: id, indexes: [[words]]}\n"
                            "  - {from: gold.one, table: one}\n",
        "models/gold/one.sql": "SELECT max(batch) AS batch FROM gold.numbers\n"})


def seen(store) -> list[tuple[int, int]]:
    """What an application reads through the pointer: for each view the batches of its rows, and how many rows."""
    views = store.windrow_publications.find_one({"_id": "current"})["views"]
    out = []
    for view in ("numbers", "one"):
        rows = list(store[views[view]["collection"]].find({"batch_run_id": views[view]["batch_id"]}))
        out.append((sorted({row["data"]["batch"] for row in rows}), len(rows)))
    return out


def whole(batch: int) -> list:
    return [([batch], ROWS), ([batch], 1)]


@contextlib.contextmanager
def failing(root, commands: list[str], times: int, **how):
    root.admin.command("configureFailPoint", "failCommand", mode={"times": times}, data={"failCommands": commands, **how})
    yield
    root.admin.command("configureFailPoint", "failCommand", mode="off")


def test_a_user_over_tls(tmp_path, server, store):
    folder = project(tmp_path, server, store)
    serving_lab.batch(folder, 1, ROWS)
    lab.windrow(folder, "run")
    assert seen(store) == whole(1)
    findings = json.loads(lab.windrow(folder, "--json", "health").stdout)["findings"]
    assert any(line["what"] == "connection serving" and line["ok"] and "2 views published" in line["finding"] for line in findings)
    serving_lab.batch(folder, 2, ROWS)
    lab.windrow(folder, "run")
    assert seen(store) == whole(2)
    lab.windrow(folder, "publish", "--rollback", "all")
    assert seen(store) == whole(1)
    receipt = json.loads(lab.windrow(folder, "--json", "erase", "--key", "id=7", "--yes").stdout)
    assert {place["name"]: place["rows"] for place in receipt["places"]}["serving: numbers"] == 2  # both batches
    assert store.numbers.count_documents({"data.id": 7}) == 0


@pytest.mark.parametrize("wrong, words", [
    ("user", "check the user, its password and its roles"), ("nobody", "check the user, its password and its roles"),
    ("authority", "name the authority that signed the server's certificate"), ("plain", "")])
def test_who_is_not_let_in_is_told_why_without_the_password(tmp_path, server, store, wrong, words):
    address = {"user": server.address("wr", "wr0ng secret", "&tls=true"),
               "nobody": f"mongodb://127.0.0.1:{server.ports['mongo']}/?tls=true",
               "authority": server.address(more="&tls=true&serverSelectionTimeoutMS=1500"),
               "plain": server.address(more="&tls=false&serverSelectionTimeoutMS=1500")}[wrong]
    folder = project(tmp_path, server, store, address=address, ca=wrong not in ("authority", "plain"))
    serving_lab.batch(folder, 1, 10)
    lab.windrow(folder, "run", "--select", "gold.*")
    result = lab.windrow(folder, "publish", check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 1 and words in said and str(server.ports["mongo"]) in said
    assert "wr0ng" not in said and secantusdb.WRITER_PASSWORD not in said and "p%40ss" not in said
    assert store.list_collection_names() == []


def test_a_connection_lost_at_each_step(tmp_path, server, root, store):
    """Once, and as often as the driver itself tries: then the publication is tried again, or fails and leaves what was there."""
    folder = project(tmp_path, server, store)
    serving_lab.batch(folder, 1, ROWS)
    lab.windrow(folder, "run")
    batch = 1
    for step in ("find", "createIndexes", "update", "aggregate", "commitTransaction", "delete"):
        for times in (1, 3) if step in ("update", "commitTransaction") else (3,):
            batch += 1
            serving_lab.batch(folder, batch, ROWS)
            with failing(root, [step], times, closeConnection=True):
                result = lab.windrow(folder, "run", check=False)
            done = result.returncode == 0
            assert seen(store) == whole(batch if done else batch - 1), (step, times, result.stdout)
            if not done:
                lab.windrow(folder, "run")
                assert seen(store) == whole(batch), (step, times)
    # What was left lying is gone with the last batch that was not disturbed.
    serving_lab.batch(folder, batch + 1, ROWS)
    lab.windrow(folder, "run")
    views = store.windrow_publications.find_one({"_id": "current"})["views"]
    kept = {views["numbers"]["batch_id"], *(former["batch_id"] for former in views["numbers"]["former"])}
    assert set(store.numbers.distinct("batch_run_id")) == kept


@pytest.mark.parametrize("code", [10107, 91])
def test_a_primary_that_steps_down(tmp_path, server, root, store, code):
    folder = project(tmp_path, server, store)
    serving_lab.batch(folder, 1, 10)
    lab.windrow(folder, "run", "--select", "gold.*")
    with failing(root, ["update", "commitTransaction"], 2, errorCode=code, errorLabels=["RetryableWriteError"]):
        lab.windrow(folder, "publish")
    assert seen(store) == [([1], 10), ([1], 1)]


def test_a_write_that_reached_too_few_nodes_is_repeated(tmp_path, server, root, store):
    folder = project(tmp_path, server, store)
    serving_lab.batch(folder, 1, 10)
    lab.windrow(folder, "run", "--select", "gold.*")
    with failing(root, ["update"], 1, writeConcernError={"code": 64, "errmsg": "waiting for replication timed out"}):
        lab.windrow(folder, "publish")
    assert seen(store) == [([1], 10), ([1], 1)]


def test_a_transaction_that_fails_moves_no_pointer(tmp_path, server, root, store):
    """The commit is refused for good: readers stay with the former batch, and the next run brings the new one."""
    folder = project(tmp_path, server, store)
    serving_lab.batch(folder, 1, 10)
    lab.windrow(folder, "run")
    serving_lab.batch(folder, 2, 10)
    with failing(root, ["commitTransaction"], 100, errorCode=13):
        result = lab.windrow(folder, "run", check=False)
    assert result.returncode == 1
    assert seen(store) == [([1], 10), ([1], 1)]
    lab.windrow(folder, "run")
    assert seen(store) == [([2], 10), ([2], 1)]


def test_names_that_are_made_to_break_it(tmp_path, server, store):
    names = ['a"b', "$set", "$where", "a.b", "ключ", "a b", "__proto__", "x" * 300, "0", "constructor", "_id", "view_type", "batch_run_id", "data"]
    def publication(names: list[str], document: str) -> dict[str, str]:
        columns = ", ".join(f"{i} AS \"{name.replace(chr(34), chr(34) * 2)}\"" for i, name in enumerate(names))
        return {"publish/all.yaml": f"publish: all\nto: serving\nviews:\n  - table: t\n    document: {document}\n    sql: |\n"
                                    f"      SELECT {columns} FROM gold.one\n"}
    folder = serving_lab.project(tmp_path / "p", connection(server, store), {"models/gold/one.sql": "SELECT 1 AS one\n",
                                                                             **publication(names, "{flat: false}")})
    lab.windrow(folder, "run")
    assert store.t.find_one()["data"] == {name: i for i, name in enumerate(names)}
    # At the top of a document some would hide what Windrow itself says there, or are no names.
    for name, document in (("$set", "{flat: true}"), ("_id", "{flat: true}"), ("view_type", "{flat: true}"), ("batch_run_id", "{top: batch_run_id}"),
                           ("data", "{top: data}")):
        lab.make_project(folder, publication(["fine", name], document))
        told = lab.windrow(folder, "publish", check=False)
        assert told.returncode != 0 and f'column "{name}" of view "t" cannot stand at the top of a document' in told.stdout + told.stderr
    fine = [name for name in names if name not in ("_id", "view_type", "batch_run_id") and "$" not in name]
    lab.make_project(folder, publication(fine, "{flat: true}"))
    lab.windrow(folder, "publish")
    batch = store.windrow_publications.find_one({"_id": "current"})["views"]["t"]["batch_id"]
    found = store.t.find_one({"batch_run_id": batch})
    assert {name: found[name] for name in fine} == {name: i for i, name in enumerate(fine)} and found["view_type"] == "t"
