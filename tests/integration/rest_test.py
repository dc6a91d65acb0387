"""REST sources against a server that fails in many ways, and against the shapes of a real one."""
import datetime
import json
import os
import pathlib
import random
import signal
import time

import duckdb
import pytest

import lab
import rest_server

MOVIES = pathlib.Path(os.environ.get("WINDROW_DATA") or lab.pathlib.Path(__file__).resolve().parents[3] / "shared/data") / "movies"
CONNECTION = "timeout: 1s, parallel: 4, retries: {times: 30, delay: 5ms, max: 50ms}"
SILVER = """/* windrow
build: {{merge: {{key: id, latest_by: extracted_at}}}}
new_rows: bronze.api
*/
SELECT key AS id, extracted_at, json_extract_string(raw, '$.title') AS title
FROM bronze.api WHERE endpoint = '{endpoint}'
"""


@pytest.fixture
def server():
    with rest_server.Server() as made:
        yield made


def project(folder, server, resources: str, more: str = "", connection: str = CONNECTION, silver: str = "movies",
            keys: str = ""):
    return lab.make_project(folder, {
        "windrow.yaml": f"""project: api
connections:
  api: {{type: rest, url: "{server.url}", {connection}}}
environments: {{dev: {{lake: lake, engine: {{type: duckdb, memory: 512MB}}}}}}
layers: {{bronze: {{append_only: true}}, silver: {{}}}}
""",
        "sources/api.yaml": f"source: bronze.api\nfrom:\n  rest: api\n  resources:\n{resources}{more}\n{keys}",
        **({"models/silver/things.sql": SILVER.format(endpoint=silver)} if silver else {}),
    })


def movies(n: int) -> list[dict]:
    return [{"id": i, "title": f"Fïlm „{i}“", "vote": i / 10} for i in range(n)]


def query(folder, sql: str) -> list:
    text = lab.windrow(folder, "query", "--json", sql).stdout
    found = json.loads(text)
    return [list(row.values()) if isinstance(row, dict) else row for row in (found["rows"] if isinstance(found, dict) else found)]


def ids(folder, endpoint: str = "movies") -> list[str]:
    """Keys in silver: each must be there once."""
    table = lab.deltalake.DeltaTable(str(lab.table_path(folder, "silver.things"))).to_pyarrow_table()
    return sorted(table.column("id").to_pylist())


def bronze(folder) -> list[dict]:
    return lab.deltalake.DeltaTable(str(lab.table_path(folder, "bronze.api"))).to_pyarrow_table().to_pylist()


def log(folder) -> list[dict]:
    rows = lab.deltalake.DeltaTable(str(lab.table_path(folder, "bronze.api_log"))).to_pyarrow_table().to_pylist()
    return sorted(rows, key=lambda row: (row["extraction"], row["endpoint"]))


def expected(n: int) -> list[str]:
    return sorted(str(i) for i in range(n))


# --- ways of paging

@pytest.mark.parametrize("way, more", [
    ("pages", ""),
    ("pages", "paginate: {by: page, total_pages: total_pages}, records: results, total: total_results"),
    ("bare", "paginate: {by: page, size: 20}"),
    ("bare", "paginate: page"),
    ("offset", "paginate: {by: offset, size: 20}"),
    ("cursor", ""),
    ("link", ""),
    ("header", ""),
    ("whole", ""),
])
def test_every_way_of_paging(tmp_path, server, way, more):
    server.lists["movies"] = movies(130)
    resource = f"    movies: {{path: /{way}/movies, primary_key: id{', ' + more if more else ''}}}\n"
    folder = project(tmp_path / "p", server, resource)
    lab.windrow(folder, "run")
    assert ids(folder) == expected(130)
    rows = bronze(folder)
    assert len(rows) == 130
    assert {json.loads(row["raw"])["id"] for row in rows} == set(range(130))
    assert rows[0]["raw"] == json.dumps(movies(130)[int(rows[0]["key"])], ensure_ascii=False)  # byte for byte
    assert all(isinstance(row["extracted_at"], datetime.datetime) for row in rows)
    assert len({row["page"] for row in rows}) == (1 if way == "whole" else 7)
    # Partitions by the hour of extraction, in folders.
    assert list(lab.table_path(folder, "bronze.api").glob("extracted_date=*/extracted_hour=*/*.parquet"))
    entry = log(folder)[0]
    assert (entry["records"], entry["distinct_keys"], entry["complete"]) == (130, 130, True)


def test_empty_lists_and_missing_children(tmp_path, server):
    server.lists["movies"] = movies(3)
    server.lists["reviews/0"] = []
    server.lists["reviews/1"] = [{"id": "a"}]
    folder = project(tmp_path / "p", server, """    movies: {path: /pages/movies, primary_key: id}
    reviews: {path: "/pages/reviews/{movies.id}", primary_key: id}
""", silver="reviews")
    lab.windrow(folder, "run")
    assert ids(folder) == ["a"]
    assert [(row["endpoint"], row["missing"]) for row in log(folder)] == [("movies", 0), ("reviews", 1)]
    row = [row for row in bronze(folder) if row["endpoint"] == "reviews"][0]
    assert json.loads(row["parent"]) == {"id": 1}


@pytest.mark.parametrize("way", ["pages", "offset", "cursor", "link", "header"])
@pytest.mark.parametrize("n", [0, 3])
def test_lists_of_one_page(tmp_path, server, way, n):
    """Links and cursors are null there, or missing: it is a list all the same."""
    server.lists["movies"] = movies(n)
    folder = project(tmp_path / "p", server, f"    movies: {{path: /{way}/movies, primary_key: id}}\n")
    lab.windrow(folder, "run")
    assert ids(folder) == expected(n) and log(folder)[0]["records"] == n


@pytest.mark.parametrize("n", [0, 3])
def test_an_envelope_without_paging_is_told_by_the_key(tmp_path, server, n):
    server.bodies["/things"] = {"page_title": "no sign of paging", "results": movies(n)}
    server.bodies["/one"] = {"id": 7, "title": "a film", "results": [{"id": 1}]}
    folder = project(tmp_path / "p", server, "    movies: {path: /things, primary_key: id}\n    one: {path: /one, primary_key: id}\n")
    lab.windrow(folder, "run")
    assert ids(folder) == expected(n)
    assert [row["key"] for row in bronze(folder) if row["endpoint"] == "one"] == ["7"]


def test_nothing_at_all_makes_a_table(tmp_path, server):
    server.lists["movies"] = []
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n")
    lab.windrow(folder, "run")
    assert bronze(folder) == [] and log(folder)[0]["records"] == 0


def test_three_generations_and_declared_columns(tmp_path, server):
    server.lists["movies"] = movies(30)
    for i in range(30):
        server.lists[f"reviews/{i}"] = [{"id": i * 10 + k, "vote": "7.5" if k else "none"} for k in range(2)]
        for k in range(2):
            server.bodies[f"/authors/{i * 10 + k}"] = {"id": f"a{i * 10 + k}", "name": "Zoë"}
    folder = project(tmp_path / "p", server, """    movies: {path: /pages/movies, primary_key: id}
    reviews: {path: "/offset/reviews/{movies.id}", primary_key: id, paginate: {by: offset, size: 50}, records: items}
    authors: {path: "/authors/{reviews.id}", primary_key: id}
""", silver="authors", keys="columns: {vote: double}\n")
    lab.windrow(folder, "run")
    # Values that do not fit a declared column are set aside; children of what is there are read.
    rejected = lab.deltalake.DeltaTable(str(lab.table_path(folder, "bronze.api_rejected"))).to_pyarrow_table()
    assert rejected.num_rows == 30
    rows = bronze(folder)
    assert sorted(r["vote"] for r in rows if r["endpoint"] == "reviews") == [7.5] * 30
    assert sorted(ids(folder)) == sorted(f"a{i * 10 + 1}" for i in range(30))


# --- servers that fail

def test_hostile_server(tmp_path):
    n = int(os.environ.get("WINDROW_REST_KEYS", 400))
    with rest_server.Server(faults=0.3, seed=7) as server:
        server.lists["movies"] = movies(n)
        for i in range(0, n, 5):
            server.lists[f"reviews/{i}"] = [{"id": f"{i}-{k}"} for k in range(45)]
        folder = project(tmp_path / "p", server, """    movies: {path: /pages/movies, primary_key: id}
    reviews: {path: "/cursor/reviews/{movies.id}", primary_key: id}
""", connection=CONNECTION.replace("timeout: 1s", "timeout: 800ms") + ", circuit_breaker: {failures: 100, pause: 100ms}")
        lab.windrow(folder, "run", timeout=280)
        assert ids(folder) == expected(n)
        reviews = {row["key"] for row in bronze(folder) if row["endpoint"] == "reviews"}
        assert len(reviews) == len(range(0, n, 5)) * 45
        wrong = sum(server.counts[kind] for kind in server.kinds)
        assert wrong > 50 and all(server.counts[kind] for kind in server.kinds)
        told = log(folder)
        # What surely was one attempt that failed: a 404 cut in half is a 404, and a connection used before that dies
        # without a byte is tried anew within the attempt. The client may give up on an answer that comes late.
        failed = sum(server.counts[kind] for kind in ("429", "500", "503", "half", "slow"))
        assert sum(row["attempts"] - row["requests"] for row in told) >= failed
        assert server.counts["429"] / 2 < sum(row["throttled"] for row in told) <= server.counts["429"]


def shifting(server, rng, until: int):
    """New things come to the front of the list and others go, while its pages are read."""
    def move(server):
        server.counts["moves"] += 1
        if server.counts["moves"] > until:
            return
        rows = server.lists["movies"]
        for _ in range(rng.randint(0, 3)):
            if rng.random() < 0.5 or len(rows) < 50:
                server.counts["new"] += 1
                rows.insert(0, {"id": 100_000 + server.counts["new"], "title": "new"})
            else:
                rows.pop(rng.randrange(0, 20))
    server.move = move


@pytest.mark.parametrize("seed", range(4))
def test_pages_that_shift_while_they_are_read(tmp_path, server, seed):
    server.lists["movies"] = movies(300)
    shifting(server, random.Random(seed), until=14)
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n", more="  passes: 5\n")
    lab.windrow(folder, "run")
    there = {str(row["id"]) for row in server.lists["movies"]}
    got = ids(folder)
    assert len(got) == len(set(got)) and there <= set(got)
    entry = log(folder)[0]
    assert entry["complete"] and entry["extra_passes"] >= 1


def test_a_list_that_stays_short_is_told(tmp_path, server):
    server.bodies["/short"] = {"page": 1, "total_pages": 1, "total_results": 5, "results": movies(3)}
    folder = project(tmp_path / "p", server, "    movies: {path: /short, primary_key: id}\n")
    told = lab.windrow(folder, "run")
    assert "5 promised, 3 received" in told.stdout + told.stderr
    entry = log(folder)[0]
    assert (entry["complete"], entry["incomplete_lists"], entry["extra_passes"]) == (False, 1, 2)
    project(folder, server, "    movies: {path: /short, primary_key: id}\n", more="  incomplete: fail\n")
    failed = lab.windrow(folder, "run", check=False)
    assert failed.returncode == 1 and "5 promised, 3 received" in failed.stdout + failed.stderr


def test_errors_say_what_to_do_and_no_secret(tmp_path, server):
    server.lists["movies"] = movies(3)
    server.allow = lambda headers, query: query.get("api_key") == "right-key-123"
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n",
                     connection=CONNECTION + ', auth: {query: {api_key: "wrong-key-123"}}')
    failed = lab.windrow(folder, "run", check=False)
    assert failed.returncode == 1
    text = failed.stdout + failed.stderr
    assert "answers 401" in text and "auth" in text and "wrong-key-123" not in text
    server.allow = None
    project(folder, server, "    movies: /nowhere\n")
    assert "answers 404" in lab.windrow(folder, "run", check=False).stderr + lab.windrow(folder, "run", check=False).stdout
    project(folder, server, "    movies: {path: /elsewhere/movies, primary_key: id, records: results}\n")
    failed = lab.windrow(folder, "run", check=False)
    assert "another server" in failed.stdout + failed.stderr


def test_a_server_that_stays_away_ends_the_run(tmp_path, server):
    server.lists["movies"] = movies(3)
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n", keys="retries: {times: 0}\n",
                     connection="timeout: 1s, retries: {times: 3, delay: 1ms}, circuit_breaker: {failures: 3, pause: 20ms}")
    server.faults, server.kinds = 1.0, ["500"]
    failed = lab.windrow(folder, "run", check=False)
    assert failed.returncode == 1 and "given up after" in failed.stdout + failed.stderr
    server.faults = 0
    lab.windrow(folder, "run")
    assert ids(folder) == expected(3)


def test_the_circuit_breaker_spares_a_server_that_fails(tmp_path, server):
    """Eight ask at once and would try again every few milliseconds; after three failures all wait, and one looks."""
    for i in range(50):
        server.lists[f"r{i}"] = movies(3)
    resources = "".join(f"    r{i}: {{path: /pages/r{i}, primary_key: id}}\n" for i in range(50))
    folder = project(tmp_path / "p", server, resources, keys="retries: {times: 0}\n", silver="",
                     connection="timeout: 1s, parallel: 8, retries: {times: 200, delay: 1ms, max: 2ms, patience: 2s}, "
                                "circuit_breaker: {failures: 3, pause: 400ms}")
    server.faults, server.kinds = 1.0, ["500"]
    failed = lab.windrow(folder, "run", check=False)
    assert failed.returncode == 1 and "circuit breaker" in failed.stdout + failed.stderr
    assert server.counts["requests"] < 40  # eight at once, then one a look; without it, hundreds
    server.faults, server.fail_next = 0, ["500"] * 4
    lab.windrow(folder, "run")
    assert len(bronze(folder)) == 150


def test_max_pages_leaves_the_rest_out_on_purpose(tmp_path, server):
    server.lists["movies"] = movies(130)
    made = "    movies: {{path: /pages/movies, primary_key: id, paginate: {{by: page, total_pages: total_pages, max_pages: 2}}{}}}\n"
    folder = project(tmp_path / "p", server, made.format(""), more="  incomplete: fail\n")
    told = lab.windrow(folder, "run")
    assert ids(folder) == expected(40) and "promised" not in told.stdout + told.stderr
    entry = log(folder)[0]
    assert (entry["complete"], entry["incomplete_lists"], entry["extra_passes"], entry["promised"]) == (True, 0, 0, 130)
    assert "pages after 2 left out" in entry["note"]
    project(folder, server, made.format(", incremental: {cursor: updated_at, param: since}"))
    checked = lab.windrow(folder, "check", check=False)
    assert checked.returncode == 2 and "max_pages" in checked.stdout + checked.stderr


@pytest.mark.parametrize("resources, told", [
    ("    movies: {path: /x, paginat: page}\n", "did you mean \"paginate\""),
    ("    movies: {path: /x, paginate: {by: pages}}\n", "unknown way of paging"),
    ("    reviews: {path: \"/x/{films.id}\"}\n", "names \"films\", which is not there"),
    ("    a: \"/x/{b.id}\"\n    b: \"/x/{a.id}\"\n", "leads back to it"),
    ("    movies: {path: /x, conditional: true, paginate: page}\n", "a request has one answer"),
])
def test_check_tells_what_is_wrong_and_where(tmp_path, server, resources, told):
    folder = project(tmp_path / "p", server, resources, silver="")
    checked = lab.windrow(folder, "check", check=False)
    assert checked.returncode == 2 and told in checked.stdout + checked.stderr and "sources/api.yaml:" in checked.stdout + checked.stderr
    assert server.seen == []


def test_health_check_comes_before(tmp_path, server):
    server.lists["movies"] = movies(3)
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n", connection=CONNECTION + ", health: /ready")
    failed = lab.windrow(folder, "run", check=False)
    assert failed.returncode == 1 and "health check" in failed.stdout + failed.stderr
    assert all(path == "/ready" for path, _, _ in server.seen)
    server.bodies["/ready"] = {"ok": True}
    lab.windrow(folder, "run")
    assert len(bronze(folder)) == 3


def test_retry_after_is_waited_for(tmp_path, server):
    server.lists["movies"] = movies(3)
    server.fail_next = ["429 date"]
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n")
    lab.windrow(folder, "run")
    assert len(server.times) == 2 and log(folder)[0]["throttled"] == 1


def test_rate_limit_is_shared_by_parallel_resources(tmp_path, server):
    for name in ("a", "b", "c"):
        server.lists[name] = movies(100)
    resources = "".join(f"    {name}: {{path: /pages/{name}, primary_key: id}}\n" for name in "abc")
    folder = project(tmp_path / "p", server, resources, connection=CONNECTION + ", rate_limit: 50", silver="")
    (folder / "sources/more.yaml").write_text("source: bronze.more\nfrom: {rest: api, resources: {a: {path: /pages/a, primary_key: id}}}\n")
    lab.windrow(folder, "run", "--jobs", "2")
    assert len(server.times) == 20
    times = sorted(server.times)
    # Twenty requests at fifty a second: at no time were more let through than the bucket gives.
    assert times[-1] - times[0] >= 19 / 50 - 0.02
    assert len(bronze(folder)) == 300


# --- authentication

@pytest.mark.parametrize("auth, allow", [
    ('{header: {X-Api-Key: "k3y-of-mine"}}', lambda h, q: h.get("X-Api-Key") == "k3y-of-mine"),
    ('{query: {api_key: "k3y-of-mine"}}', lambda h, q: q.get("api_key") == "k3y-of-mine"),
    ('{bearer: "k3y-of-mine"}', lambda h, q: h.get("Authorization") == "Bearer k3y-of-mine"),
    ('{basic: {user: me, password: "k3y-of-mine"}}', lambda h, q: h.get("Authorization", "").startswith("Basic bWU6")),
    ('{oauth2: {token_url: /token, client_id: me, client_secret: "s3cret-of-client"}}',
     lambda h, q: h.get("Authorization", "").startswith("Bearer token-")),
])
def test_authentication(tmp_path, server, auth, allow):
    server.lists["movies"] = movies(45)
    server.allow = allow
    folder = project(tmp_path / "p", server, "    movies: {path: /link/movies, primary_key: id}\n",
                     connection=CONNECTION + f", auth: {auth}")
    lab.windrow(folder, "run")
    assert ids(folder) == expected(45)
    # No key stays anywhere: the server puts one into its links.
    for row in bronze(folder):
        assert "k3y" not in json.dumps(row, default=str) and "api_key=k3y" not in row["request"]
    for path in (folder / "lake").rglob("*.json"):
        assert "k3y-of-mine" not in path.read_text()


def test_a_token_that_ends_is_renewed(tmp_path, server):
    server.lists["movies"] = movies(100)
    uses = {}

    def allow(headers, query):
        token = headers.get("Authorization", "")
        uses[token] = uses.get(token, 0) + 1
        return token.startswith("Bearer token-") and uses[token] <= 2
    server.allow = allow
    folder = project(tmp_path / "p", server, "    movies: {path: /cursor/movies, primary_key: id}\n",
                     connection=CONNECTION.replace("parallel: 4", "parallel: 1") +
                     ", auth: {oauth2: {token_url: /token, client_id: me, client_secret: s3cret-of-client}}")
    lab.windrow(folder, "run")
    assert ids(folder) == expected(100) and server.counts["token"] >= 3


# --- only what is new

def test_incremental_by_cursor_with_overlap(tmp_path, server):
    def row(i, at):
        return {"id": i, "title": "t", "updated_at": at}
    server.lists["movies"] = [row(i, f"2025-10-{i + 1:02}T00:00:00Z") for i in range(10)]
    folder = project(tmp_path / "p", server, """    movies:
      path: /pages/movies
      primary_key: id
      incremental: {cursor: updated_at, param: since, start: "2025-10-03", overlap: 1d}
""")
    lab.windrow(folder, "run")
    assert ids(folder) == sorted(str(i) for i in range(2, 10))
    assert server.seen[0][1] == {"since": "2025-10-03"}
    server.lists["movies"].append(row(10, "2025-10-09T12:00:00Z"))  # late, within the overlap
    server.lists["movies"].append(row(11, "2025-10-12T00:00:00Z"))
    lab.windrow(folder, "run")
    assert server.seen[-1][1] == {"since": "2025-10-09T00:00:00Z"}
    assert ids(folder) == sorted(str(i) for i in range(2, 12))
    assert log(folder)[-1]["records"] == 4


def test_conditional_requests(tmp_path, server):
    server.lists["movies"] = movies(5)
    for i in range(5):
        server.bodies[f"/movie/{i}"] = (200, {"id": i, "title": f"v1 {i}"}, {"ETag": f'"{i}-1"'})
    folder = project(tmp_path / "p", server, """    movies: {path: /pages/movies, primary_key: id}
    details: {path: "/movie/{movies.id}", primary_key: id, conditional: true}
""", silver="details")
    lab.windrow(folder, "run")
    server.bodies["/movie/3"] = (200, {"id": 3, "title": "v2 3"}, {"ETag": '"3-2"'})
    lab.windrow(folder, "run")
    assert server.counts["not modified"] == 4
    assert len([row for row in bronze(folder) if row["endpoint"] == "details"]) == 6
    titles = dict(query(folder, "SELECT id, title FROM silver.things"))
    assert titles["3"] == "v2 3" and titles["2"] == "v1 2" and len(titles) == 5


def test_not_asked_again_too_early(tmp_path, server):
    server.lists["movies"] = movies(5)
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n", more="  every: 1h\n")
    lab.windrow(folder, "run")
    asked = len(server.seen)
    assert "up to date" in lab.windrow(folder, "plan").stdout
    lab.windrow(folder, "run")
    assert len(server.seen) == asked


def test_whole_responses(tmp_path, server):
    server.lists["movies"] = movies(45)
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n",
                     more="  keep: responses\n", silver="")
    lab.windrow(folder, "run")
    rows = bronze(folder)
    assert sorted(json.loads(row["raw"])["page"] for row in rows) == [1, 2, 3]


# --- kills

def test_killed_at_many_points(tmp_path):
    rng = random.Random(20251017)
    kills = int(os.environ.get("WINDROW_KILLS", 25))
    with rest_server.Server(faults=0.1, seed=3) as server:
        server.kinds = ["429", "500", "half", "cut", "hang up"]
        server.lists["movies"] = movies(120)
        for i in range(120):
            server.lists[f"reviews/{i}"] = [{"id": f"{i}-{k}"} for k in range(i % 50)]
        folder = project(tmp_path / "p é", server, """    movies: {path: /pages/movies, primary_key: id}
    reviews: {path: "/link/reviews/{movies.id}", primary_key: id}
""", more="  every: 1h\n", keys="flush: {rows: 150, every: 200ms}\n", silver="movies")
        begun = time.monotonic()
        killed = 0
        while killed < kills:
            process = lab.start(folder, "run")
            time.sleep(rng.uniform(0.03, 0.6))
            process.kill()
            if process.wait() == 0:  # it was done before
                check_whole(folder)
                for name in ("lake", ".windrow"):
                    lab.shutil.rmtree(folder / name)
                continue
            killed += 1
        lab.windrow(folder, "run", timeout=120)
        check_whole(folder)
        # It went on where it was: no restart from the beginning.
        assert time.monotonic() - begun < 200


def check_whole(folder):
    assert ids(folder) == expected(120)
    rows = bronze(folder)
    reviews = [row["key"] for row in rows if row["endpoint"] == "reviews"]
    assert set(reviews) == {f"{i}-{k}" for i in range(120) for k in range(i % 50)}
    assert len(reviews) == len(set(reviews))  # nothing that was committed is asked for again
    assert sorted(row["endpoint"] for row in log(folder)) == ["movies", "reviews"]


def test_ctrl_c_keeps_what_is_committed(tmp_path, server):
    server.lists["movies"] = movies(200)
    folder = project(tmp_path / "p", server, "    movies: {path: /cursor/movies, primary_key: id}\n",
                     connection=CONNECTION + ", rate_limit: 5", keys="flush: {rows: 20}\n", more="  every: 1h\n")
    process = lab.start(folder, "run")
    time.sleep(1.2)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130 and time.monotonic() - asked < 3
    before = len(server.seen)
    assert 2 <= before <= 8
    project(folder, server, "    movies: {path: /cursor/movies, primary_key: id}\n", more="  every: 1h\n")
    lab.windrow(folder, "run")
    assert ids(folder) == expected(200)
    assert len(server.seen) <= before + 10


def test_two_runs_at_once(tmp_path, server):
    server.lists["movies"] = movies(200)
    folder = project(tmp_path / "p", server, "    movies: {path: /pages/movies, primary_key: id}\n",
                     keys="flush: {rows: 40}\n", more="  every: 1h\n", connection=CONNECTION + ", rate_limit: 30", silver="")
    both = [lab.start(folder, "run") for _ in range(2)]
    assert any(process.wait(timeout=60) == 0 for process in both)
    lab.windrow(folder, "run")
    keys = [row["key"] for row in bronze(folder)]
    assert sorted(set(keys)) == expected(200)


# --- the shapes of a real server

def small(name: str) -> dict:
    return {key: json.loads(text) for key, text in json.loads((MOVIES / "tmdb_small" / name).read_text()).items()}


@pytest.mark.skipif(not (MOVIES / "tmdb_small").exists(), reason="needs the films of the data folder (WINDROW_DATA)")
def test_films_as_they_really_come(tmp_path):
    details, credits = small("tmdb_id2detail_small.json"), small("tmdb_id2credit_small.json")
    fixtures = {path.stem: json.loads(path.read_text()) for path in (MOVIES / "tmdb_api_fixtures").glob("*.json")}
    with rest_server.Server(faults=0.2, seed=5) as server:
        server.kinds = ["429", "500", "half", "cut"]
        listing = [{"id": int(key)} for key in [*details, *credits]]

        def popular(query):
            number = int(query.get("page", 1))
            return {"page": number, "results": listing[(number - 1) * 4 : number * 4], "total_pages": -(-len(listing) // 4),
                    "total_results": len(listing)}
        server.bodies["/3/movie/popular"] = popular
        server.bodies |= {f"/3/movie/{key}": detail for key, detail in details.items()}
        server.bodies |= {f"/3/movie/{key}/credits": body for key, body in credits.items()}
        reviews = fixtures["review-pageable-list"]
        reviews |= {"page": 1, "total_pages": 1, "total_results": len(reviews["results"])}
        server.bodies |= {f"/3/movie/{key}/reviews": reviews for key in details}
        for path, name in (("/3/configuration", "api-configuration"), ("/3/genre/movie/list", "genres-list"),
                           ("/3/trending/all/day", "trending-all"), ("/3/person/popular", "person-pageable-list"),
                           ("/3/movie/appended", "movie-details-append-response")):
            server.bodies[path] = fixtures[name]
        server.allow = lambda headers, query: query.get("api_key") == "the-key-0123" and query.get("language", "en-US") == "en-US"
        folder = lab.make_project(tmp_path / "p", {
            "windrow.yaml": f"""project: films
connections:
  tmdb:
    type: rest
    url: {server.url}/3
    auth: {{query: {{api_key: the-key-0123}}}}
    rate_limit: {{per_second: 200, burst: 4}}
    health: /configuration
    retries: {{times: 30, delay: 5ms, max: 50ms}}
layers: {{bronze: {{append_only: true}}, silver: {{}}}}
""",
            "sources/tmdb.yaml": """source: bronze.tmdb
from:
  rest: tmdb
  passes: 1
  resources:
    popular: {path: /movie/popular, params: {language: en-US}, primary_key: id}
    details: {path: "/movie/{popular.id}", primary_key: id}
    credits: {path: "/movie/{popular.id}/credits", primary_key: id}
    reviews: {path: "/movie/{popular.id}/reviews", primary_key: id}
    genres: {path: /genre/movie/list, records: genres, primary_key: id}
    trending: {path: /trending/all/day, primary_key: [media_type, id], paginate: none, records: results}
    people: {path: /person/popular, primary_key: id, paginate: none, records: results}
    appended: {path: /movie/appended, primary_key: id}
""",
            "models/silver/movies.sql": """/* windrow
build: {merge: {key: id, latest_by: extracted_at}}
new_rows: bronze.tmdb
columns: {id: {checks: [not_null, unique]}}
*/
SELECT CAST(key AS BIGINT) AS id, extracted_at, json_extract_string(raw, '$.title') AS title,
       CAST(json_extract_string(raw, '$.revenue') AS BIGINT) AS revenue
FROM bronze.tmdb WHERE endpoint = 'details'
""",
        })
        lab.windrow(folder, "run", timeout=120)
        lab.windrow(folder, "run", timeout=120)  # twice: bronze has each response twice, silver each film once
        rows = lab.deltalake.DeltaTable(str(lab.table_path(folder, "bronze.tmdb"))).to_pyarrow_table().to_pylist()
        by = {}
        for row in rows:
            by.setdefault(row["endpoint"], []).append(json.loads(row["raw"]))
        assert by["details"][:1] and sorted(d["id"] for d in by["details"]) == sorted(2 * [int(key) for key in details])
        assert all(by["credits"].count(body) == 2 for body in credits.values())
        assert len(by["genres"]) == 2 * len(fixtures["genres-list"]["genres"])
        assert len(by["trending"]) == 2 * len(fixtures["trending-all"]["results"])
        assert by["appended"] == 2 * [fixtures["movie-details-append-response"]]
        silver = lab.deltalake.DeltaTable(str(lab.table_path(folder, "silver.movies"))).to_pyarrow_table().to_pylist()
        assert sorted((row["id"], row["title"], row["revenue"]) for row in silver) == sorted(
            (int(key), detail["title"], detail["revenue"]) for key, detail in details.items())


def test_memory_stays_bounded(tmp_path, server):
    """Three hundred megabytes of answers pass through; they are never all held."""
    text = "x" * 50_000
    n = int(os.environ.get("WINDROW_REST_PAGES", 100))

    def page(query):
        number = int(query.get("page", 1))
        return {"page": number, "total_pages": n, "results": [{"id": f"{number}-{k}", "text": text} for k in range(60)]}
    server.bodies["/big"] = page
    folder = project(tmp_path / "p", server, "    big: {path: /big, primary_key: id}\n", silver="",
                     connection="timeout: 30s")
    peak = lab.peak_mb(folder, "run")
    assert len(lab.deltalake.DeltaTable(str(lab.table_path(folder, "bronze.api"))).to_pyarrow_table(columns=["key"])) == n * 60
    assert peak < 900, peak  # MB; DuckDB itself may take 512
