"""What a server that listens answers: every endpoint for real, judged by its own document and by other programs."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import jsonschema
import lab
import pytest
from api_lab import SLOW, Client, Listener, listening, project, windrow_in
from openapi_spec_validator import OpenAPIV31SpecValidator
from serve_lab import PATIENCE, waits_for

ROLES = ["nobody", "viewer", "operator", "editor", "admin"]
GOOD = "four plain words here"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server of a project that has run twice."""
    folder = project(tmp_path_factory.mktemp("api") / "p")
    lab.windrow(folder, "run")
    lab.add_events(folder, "b.ndjson", range(20, 30))
    lab.windrow(folder, "run")
    with listening(folder) as server:
        server.folder = folder
        yield server


def document_of(client: Client) -> dict:
    answer = client.get("/openapi.json")
    assert answer.status == 200, answer
    return answer.json


def operations(document: dict):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def held_to(document: dict, operation: dict, answer) -> None:
    """The answer is one that the operation declares."""
    declared = operation["responses"].get(str(answer.status)) or operation["responses"][f"{answer.status // 100}XX"]
    if "$ref" in declared:
        declared = document["components"]["responses"][declared["$ref"].split("/")[-1]]
    kind = answer.headers.get_content_type()
    content = declared.get("content")
    if content is None:
        assert answer.body == b"", answer
        return
    assert kind in content, (kind, answer)
    if kind.endswith("json"):
        schema = content[kind]["schema"] | {"components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json)


def ended(client: Client, run: str, status: str = "done") -> dict:
    found = waits_for(lambda: (a := client.get(f"/projects/lab/runs/{run}")).status == 200 and a.json.get("ended") and a.json)
    assert found["status"] == status, found
    return found


def test_the_document_is_openapi(served):
    document = document_of(served.client)
    OpenAPIV31SpecValidator(document).validate()
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids)) >= 50
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_endpoint_answers_as_its_declaration_says(served):
    client, document = served.client, document_of(served.client)
    last = client.get("/projects/lab/runs").json[0]["run"]
    p = "/projects/{project}"
    asks = {  # in the order in which they make sense
        "GET /": {}, "GET /openapi.json": {}, "GET /projects": {}, f"GET {p}": {},
        f"GET {p}/assets": {"query": {"search": "EVENTS", "limit": 2}}, f"GET {p}/assets/{{asset}}": {"asset": "silver.events"},
        f"GET {p}/lineage": {"query": {"subject": "gold.daily.total"}}, f"GET {p}/graph": {},
        f"GET {p}/plan": {"query": {"full_refresh": "true", "files": "true"}},
        f"GET {p}/runs": {"query": {"status": "done,failed", "limit": 1}}, f"GET {p}/runs/{{run}}": {}, f"GET {p}/runs/{{run}}/critical": {},
        f"GET {p}/runs/{{run}}/logs": {"query": {"limit": 3}}, f"GET {p}/tasks": {"query": {"assets": "gold.daily"}},
        f"GET {p}/schedules": {}, f"GET {p}/due": {"query": {"count": 3}}, f"GET {p}/sensors": {},
        f"GET {p}/tables/{{table}}/schema": {}, f"GET {p}/tables/{{table}}/history": {}, f"GET {p}/tables/{{table}}/stats": {},
        f"GET {p}/tables/{{table}}/rows": {"query": {"version": 0}}, f"GET {p}/tables/{{table}}/diff": {},
        f"POST {p}/query": {"body": {"sql": "SELECT * FROM gold.kinds ORDER BY kind"}},
        f"GET {p}/checks": {}, f"GET {p}/quality": {}, f"GET {p}/health": {},
        f"POST {p}/runs": {"body": {"select": "gold.kinds"}, "status": 202}, f"POST {p}/accept": {"body": {"select": "gold.kinds"}},
        f"POST {p}/schedules/{{schedule}}/trigger": {"status": 202}, f"POST {p}/schedules/{{schedule}}/pause": {},
        f"POST {p}/schedules/{{schedule}}/resume": {"body": {"as_declared": True}}, f"GET {p}/fires": {},
        f"POST {p}/backfills": {"body": {"start": "2025-10-01", "end": "2025-10-05", "only": "all", "name": "spring"}, "status": 202},
        f"GET {p}/backfills": {}, f"GET {p}/backfills/{{backfill}}": {},
    }
    apart = {"GET /events", "POST /session", "POST /setup", "DELETE /session", "GET /users", "POST /users", "DELETE /users/{user}",
             "GET /tokens", "POST /tokens", "DELETE /tokens/{id}", f"DELETE {p}/queries/{{id}}", f"POST {p}/runs/{{run}}/cancel",
             f"POST {p}/runs/{{run}}/retry", f"POST {p}/backfills/{{backfill}}/pause", f"POST {p}/backfills/{{backfill}}/resume",
             f"POST {p}/backfills/{{backfill}}/cancel"}
    there = {f"{method} {path}" for method, path, _ in operations(document)}
    assert set(asks) | apart == there, "each is asked here or in a test of its own"
    for name, ask in asks.items():
        method, path = name.split(" ")
        values = {"project": "lab", "run": last, "table": "gold.kinds", "schedule": "nightly", "backfill": "spring"} | ask
        target = re.sub(r"{(\w+)}", lambda m: str(values[m[1]]), path)
        body = ask.get("body") if method == "GET" else ask.get("body", {})
        answer = client.ask(method, target, body, ask.get("query"))
        assert answer.status == ask.get("status", 200), (name, answer)
        held_to(document, document["paths"][path][method.lower()], answer)
        for header in ("X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "X-Frame-Options"):
            assert header in answer.headers, name
    waits_for(lambda: client.get("/projects/lab/backfills/spring").json["status"] == "done")
    waits_for(lambda: not client.get("/projects/lab").json["runs"])


def test_an_answer_is_what_the_verb_prints(served):
    client = served.client

    def verb(*words):
        return json.loads(lab.windrow(served.folder, "--json", *words).stdout)
    run = client.get("/projects/lab/runs").json[0]["run"]
    for path, words in {"assets": ["ls"], "lineage": ["lineage"], "runs": ["runs"], f"runs/{run}": ["runs", run], "plan": ["plan"],
                        "tables/silver.events/history": ["table", "history", "silver.events"], "health": ["health"],
                        "backfills": ["backfills"]}.items():
        given, printed = client.get(f"/projects/lab/{path}").json, verb(*words)
        if path == "health":  # what of it moves
            given, printed = [[f["what"] for f in each["findings"]] for each in (given, printed)]
        assert given == printed, path
    stats = client.get("/projects/lab/tables/silver.events/stats").json
    assert {k: v for k, v in stats.items() if k != "sizes"} == verb("table", "stats", "silver.events")
    schedules, printed = client.get("/projects/lab/schedules").json, verb("schedule", "list")
    assert [{k: v for k, v in s.items() if k not in ("paused_by_hand", "behind", "running")} for s in schedules["schedules"]] == printed["schedules"]
    assert [s["sensor"] for s in client.get("/projects/lab/sensors").json["sensors"]] == [s["sensor"] for s in verb("sensor", "list")["sensors"]]


def test_lists_come_in_pages_and_unchanged_answers_as_304(served):
    client = served.client
    seen, target = [], "/projects/lab/assets?limit=2"
    while target:
        answer = client.get(target)
        seen += [asset["asset"] for asset in answer.json]
        assert answer.headers["X-Total-Count"] == "5" and len(answer.json) <= 2
        link = answer.headers.get("Link")
        target = re.fullmatch(r'</api/v1(.*)>; rel="next"', link)[1] if link else ""
    assert seen == [asset["asset"] for asset in client.get("/projects/lab/assets").json] and len(seen) == 5
    graph = client.get("/projects/lab/graph")
    again = client.get("/projects/lab/graph", If_None_Match=graph.headers["ETag"])
    assert again.status == 304 and again.body == b""
    assert client.get("/projects/lab/graph", If_None_Match='"other"').status == 200
    head = client.ask("HEAD", "/projects/lab/graph")
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == graph.headers["Content-Length"]


def test_a_run_is_begun_watched_canceled_and_repeated(tmp_path):
    folder = project(tmp_path / "p", **{"models/gold/slow.sql": SLOW + "\n"})
    with listening(folder) as server, contextlib.closing(Listener(server.client)) as listener:
        client = server.client
        begun = client.post("/projects/lab/runs", {"select": "+gold.slow"}, Idempotency_Key="one")
        run = begun.json["run"]
        again = client.post("/projects/lab/runs", {"select": "+gold.slow"}, Idempotency_Key="one")
        assert again.json == begun.json and again.status == 202 and again.headers["Idempotency-Replayed"] == "true"
        other = client.post("/projects/lab/runs", {"select": "gold.kinds"}, Idempotency_Key="one")
        assert other.status == 422 and "another request" in other.json["message"]
        started = listener.wait("task.started", run=run, asset="gold.slow")
        assert started["kind"] == "run" and started["project"] == "lab"
        assert client.get("/projects/lab").json["runs"][0]["run"] == run
        document = document_of(client)
        path = "/projects/{project}/runs/{run}/cancel"
        stopped = client.post(f"/projects/lab/runs/{run}/cancel")
        assert stopped.status == 202
        held_to(document, document["paths"][path]["post"], stopped)
        assert listener.wait("run.ended", run=run)["status"] == "canceled"
        assert listener.wait("ended", run=run)["kind"] == "server"
        assert client.post(f"/projects/lab/runs/{run}/cancel").status == 409
        (folder / "models/gold/slow.sql").write_text("SELECT 1 AS c\n")
        server.wait("reloaded")
        retried = client.post(f"/projects/lab/runs/{run}/retry", {"from_failed": True})
        assert retried.status == 202, retried
        record = ended(client, retried.json["run"])
        assert record["retry_of"] == run
        assert client.post(f"/projects/lab/runs/{record['run']}/retry").status == 409, "nothing failed"
        lines = client.get(f"/projects/lab/runs/{run}/logs", {"search": "CANCEL"}).json
        assert lines and all("cancel" in json.dumps(line) for line in lines)
        for body in ({"select": "no.such"}, {"vars": {"nobody": "1"}}, {"jobs": -1}, {"select": 1}, {"what": 1}, [], "x"):
            assert client.post("/projects/lab/runs", body).status == 400, body


def test_backfills_pause_resume_and_end(tmp_path):
    slow = lab.FILES["models/gold/daily.sql"].replace("batch: 100", "batch: 1").replace(
        "FROM silver.events e", f"FROM silver.events e, ({SLOW.replace('10000000', '20000').replace('1000000', '20000')}) s")
    folder = project(tmp_path / "p", **{"models/gold/daily.sql": slow})
    lab.windrow(folder, "run", "--select", "+silver.events")
    with listening(folder) as server:
        client = server.client
        plan = client.post("/projects/lab/backfills", {"start": "2025-10-01", "end": "2025-10-08", "dry_run": True})
        assert plan.status == 200 and plan.json["steps"][0]["interval_count"] == 7
        named = client.post("/projects/lab/backfills", {"start": "2025-10-01", "end": "2025-10-08", "select": "gold.daily", "name": "week"})
        assert named.status == 202, named
        overlap = client.post("/projects/lab/backfills", {"start": "2025-10-02", "end": "2025-10-03", "select": "gold.daily"})
        assert overlap.status == 409, overlap
        waits_for(lambda: client.get("/projects/lab/backfills/week").json["status"] == "running")
        assert client.post("/projects/lab/backfills/week/pause").json["status"] == "paused"
        assert client.post("/projects/lab/backfills/week/pause").status == 409
        assert client.post("/projects/lab/backfills/week/resume").json["status"] == "running"
        assert client.post("/projects/lab/backfills/week/cancel").json["status"] == "canceled"
        assert client.post("/projects/lab/backfills/week/resume").status == 409
        assert client.get("/projects/lab/backfills/none").status == 404
        assert client.post("/projects/lab/backfills", {"start": "2025-10-08", "end": "2025-10-01"}).status == 400


def test_queries_read_and_nothing_else(served):
    client, secret = served.client, pathlib.Path("/etc/passwd").read_text().splitlines()[0]

    def query(sql, **more):
        return client.post("/projects/lab/query", {"sql": sql} | more)
    rows = query("SELECT kind, total, 9007199254740993 AS big, 'NaN'::DOUBLE AS nan, NULL AS none, DATE '2025-10-01' AS day FROM gold.kinds ORDER BY kind;")
    assert rows.status == 200, rows
    assert [c["name"] for c in rows.json["columns"]] == ["kind", "total", "big", "nan", "none", "day"]
    assert rows.json["rows"][0][2:] == ["9007199254740993", None, None, "2025-10-01"] and rows.json["more"] is False
    few = query("SELECT * FROM range(100000)", limit=3)
    assert few.json["rows"] == [[0], [1], [2]] and few.json["more"] is True
    csv = client.post("/projects/lab/query", {"sql": "SELECT 'a\"b' AS \"x,y\", NULL AS n"}, Accept="text/csv")
    assert csv.headers.get_content_type() == "text/csv" and csv.body == b'"x,y",n\r\n"a""b",\r\n'
    old = query("SELECT count(*) FROM silver.events", versions={"silver.events": 0})
    assert old.json["rows"] == [[20]] and query("SELECT count(*) FROM silver.events").json["rows"] == [[30]]
    wrong = query("SELECT *\nFROM silver.evnts")
    assert wrong.status == 400 and "evnts" in wrong.json["message"] and "silver.events" in wrong.json["hint"] and wrong.json["line"] == 2
    for sql in ["COPY (SELECT 1) TO '/tmp/windrow-api-test'", "CREATE TABLE t (a INT)", "ATTACH '/tmp/x.db'", "INSTALL httpfs", "LOAD httpfs",
                "SET memory_limit='1TB'", "PRAGMA database_list", "DROP TABLE gold.kinds", "INSERT INTO gold.kinds VALUES (1)", "CALL pragma_version()",
                "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
                "FROM glob('/etc/*')", "SELECT getenv('HOME')", "SELECT * FROM read_parquet('http://127.0.0.1:1/x')",
                "SELECT * FROM duckdb_settings()", "SELECT * FROM pg_catalog.pg_settings", "SELECT * FROM duckdb_secrets()",
                "WITH a AS (SELECT * FROM read_blob('/etc/passwd')) SELECT * FROM a", "SELECT (SELECT content FROM read_text('/etc/passwd'))",
                "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')", "SELECT * FROM query_table('/etc/passwd')",
                "SELECT 1; DROP VIEW gold.kinds", "EXPORT DATABASE '/tmp/x'", "SELECT nextval('s')", "SELECT current_setting('temp_directory')",
                "DESCRIBE SELECT * FROM read_csv('/etc/passwd')", "EXPLAIN ANALYZE SELECT * FROM read_csv('/etc/passwd')",
                "SELECT * FROM delta_scan('/')", "SELECT write_log('x')", "VACUUM", "CHECKPOINT", "BEGIN", "USE gold", "SELECT * FROM sniff_csv('/etc/passwd')"]:
        answer = query(sql)
        assert answer.status in (400, 403, 422), (sql, answer)
        assert secret not in answer.body.decode(), sql
    assert not pathlib.Path("/tmp/windrow-api-test").exists()
    for sql in ["SELECT 1 +", "", ";", "SELECT error('x')", "SELECT 1/0::INT, CAST('x' AS INT)", "SELECT\0 1"]:
        assert 400 <= query(sql).status < 500, sql


def test_queries_end_by_time_by_word_and_with_their_client(served):
    client = served.client
    begun = time.monotonic()
    late = client.post("/projects/lab/query", {"sql": SLOW, "timeout": 0.5})
    assert late.status == 408 and "0.5" in late.json["message"] or "500ms" in late.json["message"], late
    assert time.monotonic() - begun < 20
    with contextlib.closing(client.connection()) as waiting:
        waiting.request("POST", "/api/v1/projects/lab/query", json.dumps({"sql": SLOW, "id": "mine", "timeout": 300}),
                        {"X-Windrow": "1", "Content-Type": "application/json"})
        waits_for(lambda: client.ask("DELETE", "/projects/lab/queries/mine").status == 204)
        answer = waiting.getresponse()
        assert answer.status == 409, answer.read()
    assert client.ask("DELETE", "/projects/lab/queries/mine").status == 404
    gone = client.connection()
    gone.request("POST", "/api/v1/projects/lab/query", json.dumps({"sql": SLOW, "id": "gone", "timeout": 300}),
                 {"X-Windrow": "1", "Content-Type": "application/json"})
    time.sleep(1)
    gone.close()
    waits_for(lambda: client.ask("DELETE", "/projects/lab/queries/gone").status == 404)


def test_events_are_resumed_where_a_client_was(tmp_path):
    folder = project(tmp_path / "p")
    with listening(folder) as server:
        client = server.client
        first = Listener(client)
        run = client.post("/projects/lab/runs", {}).json["run"]
        first.wait("ended", run=run)
        all_events = list(first.events)
        first.close()
        assert [e["id"] for e in all_events] == [f"{all_events[0]['id'].split('-')[0]}-{int(all_events[0]['id'].split('-')[1]) + i}" for i in range(len(all_events))]
        middle = len(all_events) // 2
        with contextlib.closing(Listener(client, last_id=all_events[middle]["id"])) as second:
            second.wait("ended", run=run)
            assert second.events[: len(all_events) - middle - 1] == all_events[middle + 1:]
        with contextlib.closing(Listener(client, last_id="00000000-7")) as stranger:
            assert stranger.wait("lost")["kind"] == "lost"
        with contextlib.closing(Listener(client, "?run=none")) as other, contextlib.closing(Listener(client, "?project=lab")) as ours:
            assert other.answer.headers.get_content_type() == "text/event-stream"
            again = client.post("/projects/lab/runs", {"select": "gold.kinds"}).json["run"]
            ours.wait("ended", run=again)
            assert other.events == []
        assert server.stop() == 0


def test_a_server_stops_with_clients_connected(tmp_path):
    folder = project(tmp_path / "p")
    lab.windrow(folder, "run")
    with listening(folder) as server:
        listeners = [Listener(server.client) for _ in range(20)]
        idle = socket.create_connection(("127.0.0.1", server.client.port))
        busy = server.client.connection()
        busy.request("POST", "/api/v1/projects/lab/query", json.dumps({"sql": SLOW, "timeout": 300}),
                     {"X-Windrow": "1", "Content-Type": "application/json"})
        time.sleep(1)
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 15
        for listener in listeners:
            listener.thread.join(5)
            assert not listener.thread.is_alive()
        idle.close()
        busy.close()


def test_a_request_whose_answer_nobody_knows_is_said(tmp_path):
    """Killed between having begun it and having said so: it is not done again unasked."""
    folder = project(tmp_path / "p")
    with listening(folder) as server:
        server.client.post("/projects/lab/runs", {"select": "gold.kinds"}, Idempotency_Key="k")
        home = server.home
        server.kill()
    import sqlite3
    with contextlib.closing(sqlite3.connect(home / "server.db")) as accounts, accounts:
        accounts.execute("UPDATE requests SET status = NULL")
    with listening(folder) as server:
        answer = server.client.post("/projects/lab/runs", {"select": "gold.kinds"}, Idempotency_Key="k")
        assert answer.status == 409 and "nobody knows" in answer.json["message"]


# --- who may ask -----------------------------------------------------------------------------------------------


def token_of(home: pathlib.Path, role: str) -> str:
    return json.loads(windrow_in(home, "--json", "token", "create", f"of-{role}", "--role", role))["token"]


def test_each_role_may_do_what_its_endpoints_say(tmp_path):
    folder, home = project(tmp_path / "p"), tmp_path / "home"
    lab.windrow(folder, "run")
    windrow_in(home, "user", "add", "root", "--role", "admin", typed=GOOD + "\n")
    with listening(folder, home=home) as server:
        document, tried = document_of(server.client), 0
        for role in ROLES:
            client = Client(server.client.port)
            if role != "nobody":
                client.token = token_of(home, role)
            for method, path, operation in operations(document):
                if path == "/events" and role != "nobody":
                    continue  # it would not end; asked for below
                target = re.sub(r"{project}", "lab", path)
                target = re.sub(r"{(\w+)}", "none", target)
                # What nobody declares: it is refused after who asks was looked at, and before anything is done.
                answer = client.ask(method, target, {"nobody-knows-this": 1} if "requestBody" in operation else None)
                allowed = ROLES.index(role) >= ROLES.index(operation["x-role"])
                if path in ("/session", "/setup") and method == "POST":
                    assert answer.status == 400, (role, method, path, answer)
                else:
                    assert (answer.status not in (401, 403)) == allowed, (role, method, path, answer)
                    assert allowed or answer.status == (401 if role == "nobody" else 403)
                held_to(document, operation, answer)
                tried += 1
        assert tried >= 250
        nobody = Client(server.client.port)
        assert nobody.get("//metrics").status == 401 and nobody.get("//healthz").body == b"ok\n"
        nobody.token = token_of(home, "viewer")
        assert nobody.get("//metrics").status == 200
        with contextlib.closing(Listener(nobody)) as listener:
            assert listener.answer.status == 200
        windrow_in(home, "token", "revoke", json.loads(windrow_in(home, "--json", "token", "list"))[-1]["id"])
        assert nobody.get("/projects").status == 401


def test_the_first_administrator_and_sessions(tmp_path):
    folder = project(tmp_path / "p")
    with listening(folder, address="0.0.0.0:0", words=("--without-tls",)) as server:
        link = server.wait("set_up")["text"]
        token = re.search(r"/setup#(\S+)", link)[1]
        client = server.client
        assert client.get("/").json["login"] == "setup" and client.get("/projects").status == 401
        assert client.post("/setup", {"token": "x", "user": "ada", "password": GOOD}).status == 403
        weak = client.post("/setup", {"token": token, "user": "ada", "password": "short"})
        assert weak.status == 400 and "too short" in weak.json["message"]
        made = client.post("/setup", {"token": token, "user": "ada", "password": GOOD})
        assert made.status == 200 and made.json["role"] == "admin", made
        cookie = made.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie
        assert client.post("/setup", {"token": token, "user": "eve", "password": GOOD}).status == 403
        assert client.get("/projects").status == 401
        client.cookie = cookie.split(";")[0]
        assert client.get("/projects").status == 200 and client.get("/").json["user"] == "ada"
        added = client.post("/users", {"user": "bob", "password": GOOD + " too", "role": "viewer"})
        assert added.status == 201 and client.get("/users").json[1]["user"] == "bob"
        bot = client.post("/tokens", {"name": "bot", "role": "operator", "expires": "1h"}).json
        assert client.get("/tokens").json[0].get("last_used") is None
        machine = Client(client.port)
        machine.token = bot["token"]
        assert machine.get("/projects").status == 200 and client.get("/tokens").json[0]["last_used"]
        assert client.ask("DELETE", f"/tokens/{bot['id']}").status == 204 and machine.get("/projects").status == 401
        bob = Client(client.port)
        assert bob.post("/session", {"user": "bob", "password": "wrong password"}).status == 401
        logged_in = bob.post("/session", {"user": "bob", "password": GOOD + " too"})
        bob.cookie = logged_in.headers["Set-Cookie"].split(";")[0]
        assert bob.get("/projects").status == 200 and bob.post("/projects/lab/runs", {}).status == 403
        assert bob.ask("DELETE", "/session").status == 204 and bob.get("/projects").status == 401
        assert client.ask("DELETE", "/users/ada").status == 400, "the last administrator stays"
        assert client.ask("DELETE", "/users/bob").status == 204
        for _ in range(10):
            bob.post("/session", {"user": "bob", "password": "wrong password"})
        blocked = bob.post("/session", {"user": "ada", "password": GOOD})
        assert blocked.status == 429 and int(blocked.headers["Retry-After"]) > 1, "too many from one address"
        kept = client.cookie
        assert server.stop() == 0
        for line in server.events:
            assert GOOD not in json.dumps(line) and bot["token"] not in json.dumps(line)
    with listening(folder, address="0.0.0.0:" + str(client.port), words=("--without-tls",)) as server:
        server.client.cookie = kept
        assert server.client.get("/projects").status == 200, "a session outlives the server"


def test_what_is_open_to_others_is_refused_unless_it_is_said(tmp_path):
    folder = project(tmp_path / "p")

    def refused(*words):
        result = lab.windrow(folder, "serve", "--home", str(tmp_path / "home"), *words, check=False)
        assert result.returncode == 2, result
        return result.stderr
    assert "--tls-cert" in refused("--listen", "0.0.0.0:0")
    assert "are given together" in refused("--listen", "0.0.0.0:0", "--tls-cert", "x")
    assert "cannot be read" in refused("--listen", "0.0.0.0:0", "--tls-cert", "no.pem", "--tls-key", "no.pem")
    assert "is none" in refused("--listen", "8080") and "say --listen" in refused("--host", "x")
    assert "administrator" in windrow_in(tmp_path / "home", "user", "add", "ada", "--role", "viewer", typed=GOOD + "\n", code=2)


def test_other_sites_and_other_names_are_refused(served):
    client = served.client
    assert client.get("/projects", Host="evil.example").status == 421
    assert client.get("//", Host="evil.example:8080").status == 421
    for host in ("127.0.0.1", "localhost:1", "[::1]:8080", "10.0.0.7"):
        assert client.get("/", Host=host).status == 200, host
    own = f"http://127.0.0.1:{client.port}"
    body = {"sql": "SELECT 1"}
    assert client.post("/projects/lab/query", body, Origin=own, Sec_Fetch_Site="same-origin").status == 200
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
                    {"X_Windrow": "0"}, {"Origin": f"http://127.0.0.1:{client.port + 1}"}):
        assert client.post("/projects/lab/query", body, **headers).status == 403, headers
    assert client.ask("POST", "/projects/lab/query", json.dumps(body).encode(), Content_Type="text/plain").status == 415
    for method in ("OPTIONS", "PUT", "PATCH"):
        answer = client.ask(method, "/projects", X_Windrow="1")
        assert answer.status == 405 and answer.headers["Allow"] == "GET"
    for header in client.get("/projects", Origin="http://evil.example").headers:
        assert not header.lower().startswith("access-control"), "nobody else's script reads it"


def test_addresses_that_are_none(served):
    client = served.client
    for target in ("//../../../../etc/passwd", "//%2e%2e/%2e%2e/etc/passwd", "//..%2f..%2fetc%2fpasswd", "/projects/..%2f..%2fetc/runs", "/projects/lab/runs/..%2f..%2f..%2fwindrow/logs",
                   "/projects/lab/tables/..%2fx.y/schema", "/projects/lab/tables/.%2e.%2e/rows", "/projects/%00/runs", "/projects/%ff/runs",
                   "/projects/lab/assets/%F0%9F%92%A9", "/nothing", "//api", "//api/v2/projects", "/projects/lab/assets?limit=x", "/projects/lab/assets?limit=0",
                   "/projects/lab/assets?limit=99999999999999999999", "/projects/lab/assets?nobody=1", "/projects/lab/assets?limit=1&limit=2", "/projects/lab/runs?since=never",
                   "/projects/lab/runs?after=none", "/projects/lab/plan?select=(((", "/projects/lab/lineage?subject=%27", "/projects/lab/tables/gold.kinds/rows?version=999",
                   "/projects/lab/tables/gold.kinds/diff?from=5&to=1"):
        answer = client.get(target)
        assert b"root:" not in answer.body
        if answer.status == 200:  # the page has its own addresses, and says itself that there is nothing
            assert target.startswith("//") and not target.startswith("//api") and b"<title>Windrow" in answer.body, target
            continue
        assert 400 <= answer.status < 500, (target, answer)
        if answer.headers.get_content_type() != "text/plain":
            assert answer.json["status"] == answer.status and answer.json["message"], target


def test_certificates_are_read_again(tmp_path):
    folder, home = project(tmp_path / "p"), tmp_path / "home"
    windrow_in(home, "user", "add", "root", "--role", "admin", typed=GOOD + "\n")

    def certificate(name: str) -> None:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(tmp_path / "new.key"), "-out", str(tmp_path / "new.pem")],
                       check=True, capture_output=True)
        (tmp_path / "new.pem").rename(tmp_path / "cert.pem")
        (tmp_path / "new.key").rename(tmp_path / "cert.key")

    def name_shown(port: int) -> str:
        pem = ssl.get_server_certificate(("127.0.0.1", port))
        return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, text=True, capture_output=True, check=True).stdout.strip()
    certificate("first")
    words = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "cert.key"))
    context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    with listening(folder, address="0.0.0.0:0", words=words, home=home, context=context) as server:
        client = server.client
        assert client.get("/").json["login"] == "required"
        logged_in = client.post("/session", {"user": "root", "password": GOOD})
        assert "; Secure" in logged_in.headers["Set-Cookie"] and logged_in.headers["Set-Cookie"].startswith("__Host-windrow-")
        assert "Strict-Transport-Security" in logged_in.headers
        client.cookie = logged_in.headers["Set-Cookie"].split(";")[0]
        with contextlib.closing(Listener(client)) as listener:
            run = client.post("/projects/lab/runs", {"select": "bronze.events"}).json["run"]
            listener.wait("ended", run=run)
            certificate("second")
            waits_for(lambda: name_shown(client.port).endswith("second"))
            assert listener.thread.is_alive(), "who is connected stays so"
            (tmp_path / "cert.pem").write_text("no certificate")
            server.wait("trouble")
            assert name_shown(client.port).endswith("second")
        plain = Client(client.port)
        with pytest.raises((OSError, Exception)):
            plain.get("/")
        assert server.stop() == 0


# --- judged by others ------------------------------------------------------------------------------------------


def test_prometheus_reads_the_metrics(served):
    text = served.client.get("//metrics")
    assert text.status == 200
    families = set(re.findall(r"^# TYPE (\S+)", text.body.decode(), re.M))
    assert {"windrow_runs_total", "windrow_tasks_total", "windrow_task_seconds", "windrow_table_rows", "windrow_run_delay_seconds",
            "windrow_table_updated_timestamp_seconds", "windrow_event_streams", "process_resident_memory_bytes"} <= families
    assert re.search(r'^windrow_table_rows{project="lab",asset="silver.events"} 30$', text.body.decode(), re.M)
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is in Debian's prometheus: `./dev setup servers`")
    judged = subprocess.run([promtool, "check", "metrics"], input=text.body, capture_output=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_schemathesis_finds_nothing(tmp_path):
    folder = project(tmp_path / "p")
    lab.windrow(folder, "run")
    with listening(folder) as server:
        program = pathlib.Path(sys.executable).parent / "schemathesis"
        # Rows, names and SQL that a schema cannot know of are refused rightly: what is judged is that nothing is a fault
        # of the server, and that every answer is one that is declared.
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection"
        result = subprocess.run(
            [program, "run", f"http://127.0.0.1:{server.client.port}/api/v1/openapi.json", "--checks", checks, "--max-examples", "12", "--seed", "7",
             "-H", "X-Windrow: 1", "--exclude-path", "/events", "--exclude-path", "/users", "--exclude-path", "/setup", "--request-timeout", "60",
             "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--generation-database", "none", "--no-color"],
            capture_output=True, text=True, cwd=tmp_path, timeout=1500)
        assert result.returncode == 0, result.stdout[-20000:] + result.stderr[-2000:]
        assert server.process.poll() is None and server.client.get("//healthz").status == 200
        assert os.getpgid(server.process.pid) and server.stop() == 0
        signal.alarm(0)
