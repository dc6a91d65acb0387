"""What a publication is made from and when it is due, on a SQLite file: boundaries, views, numbers, keys that would do nothing."""
import json
import sqlite3

import lab


def store(folder, sql: str) -> list:
    with sqlite3.connect(folder / "serving.db") as db:
        return db.execute(sql).fetchall()


def publish_file(*views: str) -> dict[str, str]:
    return {"publish/serving.yaml": "publish: serving\nto: serving\nviews:\n" + "".join(f"  - {{{view}}}\n" for view in views)}


def boundary(folder, view: str) -> str | None:
    return store(folder, f"SELECT boundary FROM windrow_publications WHERE view = '{view}'")[0][0]


def test_a_table_that_is_built_whole_has_the_boundary_of_what_it_reads(tmp_path):
    """gold.kinds sums the days of gold.daily: it is whole before the same moment."""
    files = {**lab.FILES, **publish_file("from: gold.daily, table: daily", "from: gold.kinds, table: kinds", "from: gold.mixed, table: mixed",
                                         "from: gold.looked_up, table: looked_up", "from: silver.events, table: events"),
             "seeds/names.csv": "kind,name\nk0,zero\n",
             "models/gold/mixed.sql": "SELECT * FROM gold.kinds JOIN seeds.names USING (kind)\n",
             "models/gold/looked_up.sql": "/* windrow\nreads: {seeds.names: lookup}\n*/\nSELECT * FROM gold.kinds JOIN seeds.names USING (kind)\n"}
    folder = lab.make_project(tmp_path / "p", files)
    lab.add_events(folder, "a.ndjson", range(60))
    lab.windrow(folder, "run")
    daily = boundary(folder, "daily")
    assert daily and boundary(folder, "kinds") == daily == boundary(folder, "looked_up")
    assert boundary(folder, "mixed") is None and boundary(folder, "events") is None


def test_the_boundary_is_of_the_version_that_was_read(tmp_path):
    """gold.daily goes on, gold.kinds is not built again: what it is whole before has not moved."""
    files = {**lab.FILES, **publish_file("from: gold.daily, table: daily", "from: gold.kinds, table: kinds")}
    folder = lab.make_project(tmp_path / "p", files)
    lab.add_events(folder, "a.ndjson", range(20))
    lab.windrow(folder, "run", "--end", "2025-10-05")
    before = boundary(folder, "kinds")
    assert before == boundary(folder, "daily") and before.startswith("2025-10-05")
    lab.windrow(folder, "run", "--select", "gold.daily publish.serving")
    assert boundary(folder, "daily") > before and boundary(folder, "kinds") == before
    lab.windrow(folder, "run")
    assert boundary(folder, "kinds") == boundary(folder, "daily") > before
    # The data end on the 20th; that the intervals after it are built and empty moves nothing.
    assert boundary(folder, "daily").startswith("2025-10-21"), boundary(folder, "daily")


def test_a_view_is_published_again_when_its_tables_or_its_text_change(tmp_path):
    files = {**lab.FILES, **publish_file("from: gold.seen, table: seen", "sql: \"SELECT count(*) AS n FROM gold.over\", table: counted"),
             "models/gold/seen.sql": "/* windrow\nbuild: view\n*/\nSELECT kind, count(*) AS n FROM silver.events GROUP BY kind\n",
             "models/gold/over.sql": "/* windrow\nbuild: view\n*/\nSELECT * FROM gold.seen\n"}
    folder = lab.make_project(tmp_path / "p", files)
    lab.add_events(folder, "a.ndjson", range(30))
    lab.windrow(folder, "run")
    assert store(folder, "SELECT sum(n) FROM seen") == [(30,)] and store(folder, "SELECT n FROM counted") == [(3,)]
    assert store(folder, "SELECT source_table FROM windrow_publications WHERE view = 'seen'") == [("silver.events",)]
    lab.add_events(folder, "b.ndjson", range(30, 50))
    lab.windrow(folder, "run")
    assert store(folder, "SELECT sum(n) FROM seen") == [(50,)]
    assert "everything is up to date" in lab.windrow(folder, "plan").stdout
    lab.make_project(folder, {"models/gold/seen.sql": "/* windrow\nbuild: view\n*/\nSELECT kind, 1 AS n FROM silver.events WHERE kind <> 'k0' GROUP BY kind\n"})
    lab.windrow(folder, "run")
    assert store(folder, "SELECT sum(n) FROM seen") == [(2,)] and store(folder, "SELECT n FROM counted") == [(2,)]


def test_numbers_compare_as_in_the_lake(tmp_path):
    """A sum of decimals has 38 digits in the lake, and is a number in the store."""
    folder = lab.make_project(tmp_path / "p", {
        **{name: text for name, text in lab.FILES.items() if not name.startswith(("models", "publish"))},
        "models/gold/revenue.sql": "SELECT kind, n // 3 AS day, sum((n * 17.25)::DECIMAL(12,2)) AS revenue FROM bronze.events GROUP BY ALL\n",
        **publish_file("from: gold.revenue, table: revenue")})
    lab.add_events(folder, "a.ndjson", range(300))
    lab.windrow(folder, "run")
    lake = lambda sql: json.loads(lab.windrow(folder, "--json", "query", sql).stdout)
    for condition in ("revenue > 1000", "revenue < 99.5", "revenue = 1000.5", "revenue BETWEEN 900 AND 1100"):
        expected = lake(f"SELECT count(*) AS n FROM gold.revenue WHERE {condition}")[0]["n"]
        assert store(folder, f"SELECT count(*) FROM revenue WHERE {condition}") == [(expected,)], condition
    order = [row["day"] for row in lake("SELECT day FROM gold.revenue ORDER BY gold.revenue.revenue DESC, kind")]
    assert [row[0] for row in store(folder, "SELECT day FROM revenue ORDER BY revenue DESC, kind")] == order
    for keys, message in (("columns: {revenues: real}", "is not among the columns"), ("columns: {revenue: money}", "is not one that windrow writes"),
                          ("keep: 1", '"keep" does nothing in a store of the type "sqlite"'), ("key: kind", '"key" does nothing'),
                          ("merge: {view: a, speed: b, time: c}", '"merge" does nothing'), ("mode: upsert, key: kind", 'does not take mode "upsert"')):
        lab.make_project(folder, publish_file(f"from: gold.revenue, table: revenue, {keys}"))
        told = lab.windrow(folder, "check" if "money" not in keys else "publish", check=False)
        assert told.returncode != 0 and message in told.stdout + told.stderr, keys
