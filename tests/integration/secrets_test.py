"""Secrets: every one is an unusual string with a mark in each of its pieces, everything is provoked that writes, and
nothing that was written or said may hold a piece. Rows are data, and are what they are."""
import base64
import http.server
import json
import os
import pathlib
import socket
import sqlite3
import stat
import struct
import subprocess
import threading
import urllib.parse

import pytest

import lab
import rest_server

MARK = "QxZ"


def secret(name: str) -> str:
    """A value that means something in URLs, YAML, SQL, shells, JSON and settings, marked in each piece."""
    p = MARK + name
    return f"{p}a@{p}b/{p}c {p}d%{p}e\"{p}f'{p}g\\{p}h:{p}i#{p}j?{p}k&{p}l={p}m{{{p}n}}é{p}o"


NAMES = ["PG_PASSWORD", "API_KEY", "HEADER_TOKEN", "BASIC_PASSWORD", "KAFKA_PASSWORD", "CASSANDRA_PASSWORD", "MONGO_PASSWORD",
         "OAUTH_SECRET"]
SECRETS = {name: secret(name.split("_")[0]) for name in NAMES} | {"PLAIN_NAME": secret("plain"), "APP": secret("param")}
INPUTS = {"windrow.yaml", ".env", "token.secret"}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(folder: pathlib.Path, *words: str, environment: dict | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([lab.PROGRAM, "-C", str(folder), *words], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **SECRETS, **(environment or {})})


def leaks(text: str, also: tuple[str, ...] = ()) -> list[str]:
    """Places around a mark, as it is or in base64 as log-ins are sent."""
    marks = [MARK, *also]
    for value in SECRETS.values():
        for user in ("", "app:", "me:", "user:"):
            encoded = base64.b64encode((user + value).encode()).decode()
            marks.append(encoded[len(user) + 4: len(user) + 24])
    return [text[max(0, text.find(mark) - 60): text.find(mark) + 60] for mark in marks if mark in text]


def assert_nothing_leaks(folder: pathlib.Path, outputs: list[subprocess.CompletedProcess]) -> None:
    for result in outputs:
        text = result.stdout + result.stderr
        assert not leaks(text), (result.args, leaks(text))
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in INPUTS:
            assert not leaks(path.read_bytes().decode("utf-8", "replace")), (path, leaks(path.read_bytes().decode("utf-8", "replace")))


class RefusesInItsOwnWords:
    """A PostgreSQL that answers the start of a connection with an error that quotes what was sent, and more."""

    def __init__(self, words: str):
        self.words = words.encode()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                self.answer(client)

    def answer(self, client) -> None:
        client.settimeout(5)
        try:
            while len(head := client.recv(8)) == 8:
                length, code = struct.unpack("!ii", head)
                client.recv(length - 8) if length > 8 else b""
                if code in (80877103, 80877104):  # TLS, GSS: not here
                    client.sendall(b"N")
                    continue
                fields = b"SFATAL\0VFATAL\0C28P01\0M" + self.words + b"\0\0"
                client.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)
                return
        except OSError:
            return

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def refusing():
    made = RefusesInItsOwnWords(f"password authentication failed: {SECRETS['PG_PASSWORD']} is wrong for app")
    yield made
    made.close()


def echo(query: dict) -> dict:
    """A page whose link to the next one gives back all that it was asked with, encoded as forms are."""
    at = int(query.get("at", 0))
    return {"results": [{"id": at}], "next": "/echo?" + urllib.parse.urlencode({**query, "at": at + 1}) if at < 3 else None}


@pytest.fixture
def server():
    with rest_server.Server() as made:
        made.lists["movies"] = [{"id": i, "title": f"film {i}"} for i in range(45)]
        made.bodies["/echo"] = echo
        yield made


def project(folder: pathlib.Path, server, refusing) -> pathlib.Path:
    closed = closed_port()
    lab.make_project(folder, {
        "windrow.yaml": f"""project: hunt
begin: 2025-10-01
vars:
  secret_var: {{type: text, default: "${{API_KEY}}"}}
connections:
  api:
    type: rest
    url: {server.url}
    headers: {{X-Trace: "${{HEADER_TOKEN}}"}}
    auth: {{query: {{api_key: "${{API_KEY}}"}}}}
    retries: {{times: 1, delay: 5ms, max: 5ms}}
  basic: {{type: rest, url: "{server.url}", auth: {{basic: {{user: me, password: "${{BASIC_PASSWORD}}"}}}}, retries: {{times: 1, delay: 5ms}}}}
  oauth: {{type: rest, url: "{server.url}", auth: {{oauth2: {{token_url: /token, client_id: me, client_secret: "${{OAUTH_SECRET}}"}}}}}}
  shop: {{type: postgres, url: "postgresql://app:${{PG_PASSWORD}}@127.0.0.1:{refusing.port}/films"}}
  down: {{type: postgres, url: "postgresql://app@127.0.0.1:{closed}/films", password: "${{PG_PASSWORD}}"}}
  literal: {{type: postgres, url: "postgresql://app:{MARK}literal@127.0.0.1:{closed}/films"}}
  mongo: {{type: mongodb, url: "mongodb://app:${{MONGO_PASSWORD}}@127.0.0.1:{closed}/?serverSelectionTimeoutMS=200", database: d}}
  serving: {{type: sqlite, path: serving.db}}
environments: {{dev: {{lake: lake, engine: {{type: duckdb, memory: 512MB}}}}}}
""",
        "token.secret": secret("file") + "\n",
        ".env": f"FEATURE_FLAG=true\nREGION=europe\nUNUSED_SECRET={MARK}dotenv-value\n",
        "sources/api.yaml": """source: bronze.api
from:
  rest: api
  resources:
    movies: {path: /pages/movies, params: {appid: "${secret:PLAIN_NAME}", token: "${file:token.secret}", other: "${secret:APP}"}, primary_key: id}
    linked: {path: /link/movies, params: {appid: "${secret:PLAIN_NAME}"}, primary_key: id}
    echoed: {path: /echo, params: {appid: "${secret:PLAIN_NAME}"}, primary_key: id}
raw: raw
""",
        "sources/gone.yaml": "source: bronze.gone\nfrom:\n  rest: basic\n  resources:\n    nothing: {path: '/nowhere/${secret:APP}/x', params: {key: '${API_KEY}'}}\nraw: raw\n",
        "sources/shop.yaml": "source: bronze.shop\nfrom: {database: shop, table: orders}\n",
        "sources/down.yaml": "source: bronze.down\nfrom: {database: down, table: orders}\n",
        "models/silver/movies.sql": "/* windrow\ncolumns: {title: {checks: [{accepted_values: [nothing]}]}}\n*/\n"
                                    "SELECT key AS id, json_extract_string(raw, '$.title') || $secret_var AS title FROM bronze.api\n",
        "models/gold/flags.sql": "SELECT true AS ok, 'europe' AS region\n",
        "publish/serving.yaml": "publish: serving\nto: serving\nviews: [{from: gold.flags, table: flags}]\n",
        "publish/literal.yaml": "publish: literal\nto: literal\nviews: [{from: gold.flags, table: flags}]\n",
        "publish/mongo.yaml": "publish: mongo\nto: mongo\nviews: [{from: gold.flags, table: flags, key: [ok]}]\n",
        "tests/movies.yaml": "test: silver.movies\ngiven: {bronze.api: [{key: 1, raw: '{\"title\": \"a\"}'}]}\nexpect: [{id: 2}]\n",
    })
    return folder


def test_nothing_that_is_written_or_said_holds_a_secret(tmp_path, server, refusing):
    folder = project(tmp_path / "p", server, refusing)
    outputs = [run(folder, *words.split()) for words in
               ("check", "check --json", "plan", "plan --json --explain", "run", "run --json -v", "plan -v", "runs", "runs --json",
                "health", "health --json", "lineage", "lineage --json", "ls", "ls --json", "test", "test --json", "publish --dry-run",
                "retry", "retry --json", "query --json nonsense", "run --var secret_var=QxZ-typed --select gold.flags")]
    last = json.loads(outputs[8].stdout)[0]["run"]
    outputs += [run(folder, "runs", last), run(folder, "runs", last, "--json")]
    results = {" ".join(each.args[3:]): each for each in outputs}
    assert results["check"].returncode == 0, results["check"].stderr
    statuses = {task["asset"]: task["status"] for task in json.loads(results["run --json -v"].stdout)["tasks"]}
    for asset in ("bronze.gone", "bronze.shop", "bronze.down", "silver.movies", "publish.literal", "publish.mongo"):
        assert statuses[asset] == "failed", statuses
    assert "authentication failed: ***" in results["run"].stdout + results["run"].stderr
    assert_nothing_leaks(folder, outputs)
    # It was no accident: the server has seen them.
    assert any(query.get("appid") == SECRETS["PLAIN_NAME"] and query.get("api_key") == SECRETS["API_KEY"]
               and query.get("token") == secret("file") for _, query, _ in server.seen)
    requests = [row["request"] for row in json.loads(run(folder, "query", "--json", "SELECT DISTINCT request FROM bronze.api").stdout)]
    assert len(requests) > 3 and not any("appid" in request or "api_key" in request for request in requests), requests


def test_an_extraction_that_was_cut_goes_on_with_its_secrets(tmp_path, server, refusing):
    folder = project(tmp_path / "p", server, refusing)
    (folder / "sources/api.yaml").write_text((folder / "sources/api.yaml").read_text() + "flush: {rows: 5}\n")
    seen = []
    server.allow = lambda headers, query: seen.append(query) or len(seen) <= 4
    run(folder, "run", "--select", "bronze.api")
    server.allow = None
    done = run(folder, "run", "--json", "--select", "bronze.api")
    assert done.returncode == 0, done.stdout + done.stderr
    count = json.loads(run(folder, "query", "--json", "SELECT count(DISTINCT key) AS n FROM bronze.api WHERE endpoint = 'linked'").stdout)
    assert count == [{"n": 45}]
    assert all(query.get("appid") == SECRETS["PLAIN_NAME"] for path, query, _ in server.seen)
    count = json.loads(run(folder, "query", "--json", "SELECT count(DISTINCT key) AS n FROM bronze.api WHERE endpoint = 'echoed'").stdout)
    assert count == [{"n": 4}]
    assert_nothing_leaks(folder, [done])


def test_rows_are_data_and_are_not_masked(tmp_path, server, refusing):
    folder = project(tmp_path / "p", server, refusing)
    assert run(folder, "run", "--select", "gold.flags").returncode == 0
    found = run(folder, "query", "--json", "SELECT ok, region, 'QxZdotenv-value' AS word FROM gold.flags")
    assert json.loads(found.stdout) == [{"ok": True, "region": "europe", "word": "QxZdotenv-value"}]
    found = run(folder, "query", "--format", "csv", "SELECT ok, region FROM gold.flags")
    assert found.stdout == "ok,region\ntrue,europe\n"


BROKEN = {
    "in one variable": "postgresql://app:QxZa@QxZb/QxZc d@localhost/films",
    "with a slash": "postgresql://app:QxZa/QxZb@localhost/films",
    "with a number before the slash": "postgresql://app:1234/QxZb@localhost/films",
    "with a question mark": "postgresql://app:QxZa?QxZb@localhost/films",
    "with a hash": "postgresql://app:QxZa#QxZb@localhost/films",
    "with a per cent": "postgresql://app:QxZa%QxZb@localhost/films",
    "with a blank": "mongodb://app:QxZa QxZb@localhost/films",
    "with a colon": "https://app:QxZa:QxZb@localhost/films",
}


@pytest.mark.parametrize("name", BROKEN)
def test_urls_that_say_something_else(tmp_path, name):
    url = BROKEN[name]
    kind = {"p": "postgres", "m": "mongodb", "h": "rest"}[url[0]]
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": f"project: hunt\nconnections:\n  x: {{type: {kind}, url: \"${{WHOLE}}\"{', database: d' if kind == 'mongodb' else ''}}}\n"})
    for words in (["check"], ["check", "--json"], ["health"], ["plan"]):
        result = run(folder, *words, environment={"WHOLE": url})
        assert result.returncode == 2 and ("--json" in words or "windrow.yaml:3:" in result.stderr), result.stderr
        assert "percent-encode" in result.stderr
        assert not leaks(result.stdout + result.stderr), result.stderr


def test_a_key_in_the_url_of_a_file(tmp_path):
    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"a,b\n1,2\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{files.server_address[1]}"
        folder = lab.make_project(tmp_path / "p", {
            "windrow.yaml": "project: hunt\n",
            "sources/a.yaml": f"source: bronze.a\nfrom: {{files: [\"{at}/a.csv?year=1&token=${{API_KEY}}\", \"{at}/a.csv?year=2&token=${{API_KEY}}\"]}}\nformat: csv\n"})
        outputs = [run(folder, *words.split()) for words in ("run --json", "plan", "health", "table history lake/bronze/a --json")]
        files.shutdown()
    assert outputs[0].returncode == 0, outputs[0].stdout
    assert json.loads(outputs[0].stdout)["tasks"][0]["rows"] == 2  # they are told apart by what is no secret
    assert_nothing_leaks(folder, outputs)


def test_what_a_project_keeps_for_itself_is_its_owners(tmp_path, server, refusing):
    folder = project(tmp_path / "p", server, refusing)
    (folder / ".windrow").mkdir(mode=0o755)
    (folder / ".windrow").chmod(0o755)  # as an older version has made it
    before = os.umask(0o022)
    try:
        run(folder, "run")
    finally:
        os.umask(before)
    modes = {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in [folder / ".windrow", *(folder / ".windrow").rglob("*")]}
    assert any(name.endswith("history.db") for name in modes) and any(name.endswith(".jsonl") for name in modes), modes
    assert not {name: oct(mode) for name, mode in modes.items() if mode & 0o077}, modes


NOT_PROTECTED = {
    "postgres": ("type: postgres, url: \"postgresql://app@db.invalid/films\"", "off", "TLS is off"),
    "postgres unverified": ("type: postgres, url: \"postgresql://app@db.invalid/films\"", "unverified", "not verified"),
    "kafka": ("type: kafka, brokers: \"k.invalid:9092\"", "off", "TLS is off"),
    "cassandra": ("type: cassandra, hosts: \"c.invalid\", keyspace: k", "unverified", "not verified"),
    "mongodb": ("type: mongodb, url: \"mongodb://m.invalid/?serverSelectionTimeoutMS=200\", database: d", "off", "TLS is off"),
    "rest": ("type: rest, url: \"http://r.invalid\", auth: {bearer: \"${API_KEY}\"}", "off", "TLS is off"),
}


@pytest.mark.parametrize("name", NOT_PROTECTED)
def test_what_is_not_protected_is_said(tmp_path, name):
    connection, word, said = NOT_PROTECTED[name]
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": f"project: hunt\nconnections:\n  far: {{{connection}, tls: {word}}}\n", "models/gold/a.sql": "SELECT 1 AS a\n"})
    for words in (["plan"], ["check"], ["plan", "--json"]):
        result = run(folder, *words)
        assert said in result.stdout and "far" in result.stdout, (words, result.stdout + result.stderr)
    (folder / "windrow.yaml").write_text((folder / "windrow.yaml").read_text().replace(f", tls: {word}", ""))
    if name != "rest":  # http:// is what it is
        result = run(folder, "plan")
        assert said not in result.stdout, result.stdout
    else:  # a key over http:// is refused where nobody spelled it out
        (folder / "sources/a.yaml").parent.mkdir(exist_ok=True)
        (folder / "sources/a.yaml").write_text("source: bronze.a\nfrom: {rest: far, resources: {r: /r}}\nraw: raw\n")
        result = run(folder, "check")
        assert result.returncode == 2 and "http://" in result.stderr, result.stderr


def test_a_server_without_tls_is_not_talked_to_where_tls_was_asked_for(tmp_path, refusing):
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": f"project: hunt\nconnections:\n  shop: {{type: postgres, url: \"postgresql://app:${{PG_PASSWORD}}@127.0.0.1:{refusing.port}/films\", tls: verified}}\n",
        "sources/shop.yaml": "source: bronze.shop\nfrom: {database: shop, table: orders}\n"})
    result = run(folder, "run")
    assert result.returncode == 1 and "does not support SSL" in result.stdout + result.stderr, result.stdout + result.stderr
    assert "tls: off" in result.stdout + result.stderr and "authentication" not in result.stdout + result.stderr
    for word in ("prefer", "verify-ca", "perhaps"):
        (folder / "windrow.yaml").write_text((folder / "windrow.yaml").read_text().replace("tls: verified", f"tls: {word}"))
        result = run(folder, "check")
        assert result.returncode == 2 and "windrow.yaml:3:" in result.stderr and "unverified" in result.stderr, result.stderr
        (folder / "windrow.yaml").write_text((folder / "windrow.yaml").read_text().replace(f"tls: {word}", "tls: verified"))


def test_history_holds_no_secret_of_rows_that_failed_a_check(tmp_path):
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": "project: hunt\nconnections: {x: {type: sqlite, path: '${API_KEY}.db'}}\n",
        "models/gold/a.sql": "/* windrow\ncolumns: {a: {checks: [{accepted_values: [b]}]}}\n*/\nSELECT value AS a FROM seeds.words\n",
        "seeds/words.csv": "value\n\"" + SECRETS["API_KEY"].replace('"', '""') + "\"\n"})
    result = run(folder, "run", "--json")
    assert result.returncode == 1
    assert not leaks(result.stdout + result.stderr)
    with sqlite3.connect(folder / ".windrow/history.db") as history:
        rows = history.execute("SELECT * FROM checks").fetchall()
    assert rows and "***" in str(rows) and not leaks(json.dumps(rows, ensure_ascii=False, default=str))
