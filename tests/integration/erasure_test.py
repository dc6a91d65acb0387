"""One key out of everything: lake, records that were set aside, stores, samples of checks."""
import json
import os
import pathlib
import pty
import sqlite3
import subprocess

import pyarrow.parquet
import pytest

import lab
import serving_lab

KEY, MARK = 14620, "zita-14620@example.com"


@pytest.fixture(scope="module")
def server():
    yield from serving_lab.start_postgres()


@pytest.fixture
def store(server, request):
    return serving_lab.Psql(serving_lab.new_database(server, "t_" + request.node.name[:40].lower()))


def make(tmp_path, store) -> pathlib.Path:
    """Customers by key, what they spent, and all of it in four kinds of store."""
    connections = (f'  lite: {{type: sqlite, path: out/app.db}}\n  duck: {{type: duckdb, path: out/app.duckdb}}\n'
                   '  out: {type: files, path: out/files}\n')
    folder = serving_lab.project(tmp_path / "p", f'{{type: postgres, url: "{store.url}"}}', {
        "sources/orders.yaml": 'source: bronze.orders\nfrom: {files: "data/*.ndjson"}\nformat: json\n'
                               "columns: {customer_id: bigint, email: varchar, amount: 'decimal(10,2)', n: bigint}\n",
        "models/silver/customers.sql": "/* windrow\nbuild: {merge: {key: [customer_id], latest_by: n}}\n"
                                       "checks: [{expression: amount < 90, severity: warn}]\n*/\n"
                                       "SELECT customer_id, email, amount, n FROM bronze.orders\n",
        "models/gold/spending.sql": "SELECT customer_id, email, sum(amount) AS spent FROM bronze.orders GROUP BY ALL\n",
        "models/gold/days.sql": "SELECT count(*) AS orders FROM bronze.orders\n",
        "publish/pg.yaml": "publish: pg\nto: serving\nviews:\n"
                           "  - {from: silver.customers, table: customers, mode: upsert, key: [customer_id]}\n"
                           "  - {from: gold.spending, table: spending, keep: 1}\n"
                           "  - {from: gold.days, table: days}\n"
                           "  - {from: bronze.orders, table: orders, mode: append}\n",
        "publish/lite.yaml": "publish: lite\nto: lite\nviews: [{from: gold.spending, table: spending}]\n",
        "publish/duck.yaml": "publish: duck\nto: duck\nviews: [{from: gold.spending, table: spending, indexes: [customer_id]}]\n",
        "publish/out.yaml": "publish: out\nto: out\nviews: [{from: gold.spending, table: spending, "
                            "file: {format: csv, name: 's_{sequence}.csv'}}]\n",
    }, connections)
    orders(folder, "a.ndjson", 0)
    lab.windrow(folder, "run")
    return folder


def orders(folder: pathlib.Path, name: str, n: int) -> None:
    lines = [json.dumps({"customer_id": c, "email": MARK if c == KEY else f"c{c}@example.com", "amount": c % 100 + 80 * (c == KEY), "n": n + i})
             for i, c in enumerate([1, 2, KEY, 3, 146200])]
    lines.append('{"customer_id": %d, "email": "%s", ' % (KEY, MARK))  # cut off
    (folder / "data" / name).write_text("\n".join(lines) + "\n")


def erase(folder, *words, check=True) -> dict:
    result = lab.windrow(folder, "--json", "erase", "--key", f"customer_id={KEY}", *words, check=check)
    return json.loads(result.stdout)


def holders(folder: pathlib.Path) -> list[str]:
    """Files below the project that hold the customer, but for the source's own, deliveries and the runs' logs."""
    out = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or name.startswith(("data/", "out/files/", "files/", ".windrow/logs")):
            continue
        held = MARK.encode() in path.read_bytes()
        if path.suffix == ".parquet":
            held = any(MARK in str(row) for row in pyarrow.parquet.ParquetFile(path).read().to_pylist())
        if held and path.parent.name != "_delta_log":  # least and greatest values of older versions: clean-log
            out.append(name)
    return out


def test_through_every_place_with_a_receipt(tmp_path, store):
    folder = make(tmp_path, store)
    orders(folder, "b.ndjson", 100)
    lab.windrow(folder, "run")
    count = lambda table: int(store(f"SELECT count(*) FROM {table} WHERE customer_id = {KEY}"))
    assert count("customers") == 1 and count("windrow_former_spending") == 1 and count("orders") == 2
    assert holders(folder)
    would = erase(folder, "--dry-run")
    assert would["dry_run"] and count("customers") == 1
    asked = lab.windrow(folder, "erase", "--key", f"customer_id={KEY}", check=False)
    assert asked.returncode == 2 and "--yes" in asked.stderr and count("customers") == 1
    done = erase(folder, "--yes")
    assert done["complete"] and not done["dry_run"]
    rows = {place["name"]: place["rows"] for place in done["places"]}
    assert rows == {"bronze.orders": 2, "bronze.orders_rejected": 2, "gold.spending": 1, "silver.customers": 1, "serving: customers": 1,
                    "serving: spending": 2, "serving: orders": 2, "lite: spending": 1, "duck: spending": 1,
                    "samples of checks": rows["samples of checks"]} and rows["samples of checks"] > 0
    assert rows == {place["name"]: place["rows"] for place in would["places"]}
    assert all(place["purged_files"] > 0 for place in done["places"] if place["kind"] == "table")
    passed = "\n".join(done["passed_over"])
    assert "table gold.days: no column customer_id" in passed and "store serving: days" in passed and "connection out" in passed
    assert holders(folder) == []
    for table in ("customers", "spending", "windrow_former_spending", "orders"):
        assert count(table) == 0 and int(store(f"SELECT count(*) FROM {table}")) > 0, table
    with sqlite3.connect(folder / "out/app.db") as lite:
        assert [row[0] for row in lite.execute("SELECT customer_id FROM spending ORDER BY 1")] == [1, 2, 3, 146200]
    assert erase(folder, "--yes")["rows"] == 0
    # Nothing comes back with what follows.
    lab.windrow(folder, "publish")
    (folder / "data/c.ndjson").write_text('{"customer_id": 5, "email": "e", "amount": 1, "n": 500}\n')
    lab.windrow(folder, "run")
    assert count("customers") == 0 and store("SELECT count(*) FROM customers") == "5" and holders(folder) == []
    assert subprocess.run(["grep", "-c", MARK, folder / "out/files/s_1.csv"], capture_output=True).stdout.strip() == b"1"


def test_rows_that_were_erased_in_the_lake_alone_leave_the_stores_with_the_next_publication(tmp_path, store):
    folder = make(tmp_path, store)
    for table in ("silver.customers", "gold.spending"):
        lab.windrow(folder, "table", "erase", table, "--key", f"customer_id={KEY}", "--purge")
    lab.windrow(folder, "publish")
    assert store("SELECT string_agg(customer_id::text, ' ' ORDER BY customer_id) FROM customers") == "1 2 3 146200"
    assert store("SELECT to_regclass('windrow_former_spending') IS NULL") == "t"
    assert holders(folder / "out") == []
    again = json.loads(lab.windrow(folder, "--json", "publish").stdout)
    assert {task["status"] for task in again["tasks"]} == {"up to date"}


def test_a_store_that_cannot_be_reached_fails_alone(tmp_path, store):
    folder = make(tmp_path, store)
    settings = (folder / "windrow.yaml").read_text()
    (folder / "windrow.yaml").write_text(settings.replace(store.url, "postgresql://nobody@127.0.0.1:1/none"))
    result = lab.windrow(folder, "--json", "erase", "--key", f"customer_id={KEY}", "--yes", check=False)
    receipt = json.loads(result.stdout)
    assert result.returncode == 1 and not receipt["complete"]
    assert [place["name"] for place in receipt["places"] if "problem" in place] == ["serving"]
    assert holders(folder) == []
    (folder / "windrow.yaml").write_text(settings)
    assert erase(folder, "--yes")["rows"] > 0 and erase(folder, "--dry-run")["rows"] == 0


def test_odd_keys(tmp_path, store):
    folder = make(tmp_path, store)
    for words, message in ((["--key", "customer_id"], "COLUMN=VALUE"), (["--key", "customer_id="], "no value"), ([], "--key")):
        result = lab.windrow(folder, "erase", "--yes", *words, check=False)
        assert result.returncode == 2 and message in result.stderr, words
    found = lambda *keys: json.loads(lab.windrow(folder, "--json", "erase", "--dry-run", *[w for k in keys for w in ("--key", k)]).stdout)["rows"]
    before = found(f"customer_id={KEY}")
    assert before > 0 and found(f"CUSTOMER_ID={KEY}") == before
    assert found("customer_id=' OR 1=1 --") == 0 and found("customer_id=not a number") == 0 and found("nothing=1") == 0
    assert found(f"customer_id={KEY}", "email=c1@example.com") == 0
    assert 0 < found(f"customer_id={KEY}", f"email={MARK}") <= before


def answer(folder: pathlib.Path, words: str) -> str:
    """Erases as somebody at a terminal does."""
    terminal, end = pty.openpty()
    process = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "erase", "--key", f"customer_id={KEY}"], stdin=end, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    os.write(terminal, words.encode())
    said, _ = process.communicate(timeout=60)
    os.close(end)
    os.close(terminal)
    assert process.returncode == 0, said
    return said


def test_it_looks_and_asks_first(tmp_path, store):
    folder = make(tmp_path, store)
    for words in ("n\n", "\n", "no\n", "14620\n"):
        said = answer(folder, words)
        assert "silver.customers" in said and "for good? [y/N]" in said and "nothing was changed" in said
    assert store(f"SELECT count(*) FROM customers WHERE customer_id = {KEY}") == "1"
    assert "rows erased" in answer(folder, "y\n")
    assert store(f"SELECT count(*) FROM customers WHERE customer_id = {KEY}") == "0" and holders(folder) == []


def test_records_that_are_kept_as_they_came(tmp_path):
    """The key is a field of a JSON text, at whatever depth; its digits elsewhere, or within another number, are not it."""
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": "project: pages\n",
        "sources/pages.yaml": "source: bronze.pages\nfrom: {files: 'data/*.ndjson'}\nformat: json\ncolumns: {n: bigint, raw: varchar}\n"})
    raws = ['{"customer_id": 14620}', '{"a": [{"customer_id":"14620", "x": 1}]}', '{"Customer_ID" : 14620 }', '{"customer_id": 146200}',
            '{"customer_id": 114620}', '{"n": 14620}', '{"customer_id": 1, "order": 14620}', "customer_id 14620", None]
    (folder / "data/a.ndjson").write_text("".join(json.dumps({"n": n, "raw": raw}) + "\n" for n, raw in enumerate(raws)))
    lab.windrow(folder, "run")
    receipt = erase(folder, "--yes")
    assert [(place["name"], place["found_by"], place["rows"]) for place in receipt["places"] if place["kind"] == "table"] == [("bronze.pages", "text", 3)]
    left = json.loads(lab.windrow(folder, "--json", "query", "SELECT n FROM bronze.pages ORDER BY n").stdout)
    assert [row["n"] for row in left] == [3, 4, 5, 6, 7, 8]
