"""Tasks of a real program: what a kill leaves, what is stopped, what is masked, requests, databases."""
import http.server
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import threading
import time

import lab
import pytest


def project(folder: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    return lab.make_project(folder, {"windrow.yaml": "project: lab\n", **files})


def windrow(folder: pathlib.Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([lab.PROGRAM, "-C", str(folder), *words], capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})


def log(folder: pathlib.Path) -> list[dict]:
    newest = max((folder / ".windrow/logs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    return [json.loads(line) for line in newest.read_text().splitlines()]


def said(folder: pathlib.Path) -> list[str]:
    return [line["line"] for line in log(folder) if line["event"] == "task.said"]


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def begun(path: pathlib.Path) -> int:
    for _ in range(400):
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.05)
    raise AssertionError(f"{path} was never written")


STUBBORN = "(trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 0.1; done' &); sleep 100"


def test_a_kill_leaves_no_command_and_says_interrupted_once(tmp_path):
    folder = project(tmp_path, {"tasks/a.yaml": f"task: a\ncommand: [sh, -c, {json.dumps(STUBBORN)}]\ngrace: 200ms\n"})
    run = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid = begun(folder / "pid")
    run.kill()
    run.wait()
    assert gone(pid)
    (folder / "tasks/a.yaml").write_text("task: a\ncommand: [touch, done]\nretries: {times: 3, delay: 1ms}\n")
    first = windrow(folder, "run")
    assert first.returncode == 1 and "interrupted: it was begun at" in first.stdout
    assert not (folder / "done").exists()
    assert windrow(folder, "run").returncode == 0
    assert (folder / "done").exists()


def test_what_is_idempotent_is_done_again(tmp_path):
    folder = project(tmp_path, {"tasks/a.yaml": "task: a\ncommand: [sh, -c, 'echo $$ > pid; sleep 100']\nidempotent: true\n"})
    run = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun(folder / "pid")
    run.kill()
    run.wait()
    (folder / "tasks/a.yaml").write_text("task: a\ncommand: [touch, done]\nidempotent: true\n")
    again = windrow(folder, "run")
    assert again.returncode == 0 and "it is idempotent, and is done again" in again.stdout


def test_ctrl_c_stops_it_all_and_cleans_up(tmp_path):
    folder = project(tmp_path, {
        "tasks/a.yaml": f"task: a\ncommand: [sh, -c, {json.dumps(STUBBORN)}]\ngrace: 200ms\n",
        "tasks/after.yaml": "task: after\nafter: task.a\ncommand: [touch, after]\n",
        "tasks/clean.yaml": "task: clean\nfinally: task.a\ncommand: [touch, cleaned]\n",
    })
    run = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pid = begun(folder / "pid")
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert gone(pid)
    assert (folder / "cleaned").exists() and not (folder / "after").exists()
    assert "canceled" in out


def test_secrets_are_masked_and_never_handed_on(tmp_path):
    folder = project(tmp_path, {
        "tasks/says.yaml": "task: says\ncommand: [sh, -c, 'echo token $T; echo $KEY | tail -c 200 >&2; env | grep -c FOREIGN; exit 1']\n"
                           "env: {T: \"${secret:API}\", KEY: \"${secret:file:key.pem}\"}\n",
        "tasks/gives.yaml": "task: gives\ncommand: [sh, -c, 'echo $T']\nenv: {T: \"${secret:API}\"}\noutput: text\n",
        "key.pem": "-----BEGIN KEY-----\nabcdefghijklmnop\nqrstuvwxyz012345\n-----END KEY-----\n",
    })
    result = windrow(folder, "run", "-v", env={"API": "sw0rdf1shsw0rdf1sh", "FOREIGN": "x"})
    everything = result.stdout + result.stderr + "".join(path.read_bytes().decode(errors="replace") for path in (folder / ".windrow").rglob("*") if path.is_file())
    assert "sw0rdf1sh" not in everything and "abcdefghijklmnop" not in everything
    assert "token ***" in said(folder)
    assert "its output holds a secret" in result.stdout


def test_a_flood_is_cut_off_and_said(tmp_path):
    folder = project(tmp_path, {"tasks/a.yaml": "task: a\ncommand: [sh, -c, 'yes some words | head -n 3000000; head -c 100000 /dev/urandom']\n"})
    assert windrow(folder, "run").returncode == 0
    lines = said(folder)
    assert len(lines) <= 10_001 and "further lines" in lines[-1]
    assert sum(path.stat().st_size for path in (folder / ".windrow/logs").iterdir()) < 8 << 20


class Server(http.server.BaseHTTPRequestHandler):
    asked: list = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Server.asked.append((self.path, self.headers.get("Authorization"), self.headers.get("Content-Type"), body.decode()))
        status = 503 if len(Server.asked) == 1 else 201
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b'{"id": 7}')

    def do_GET(self):
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"nothing of the kind\n")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Server.asked = []
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()


def test_requests(tmp_path, server):
    folder = project(tmp_path, {
        "tasks/send.yaml": f"""task: send
http:
  url: "{server}/jobs/${{project}}"
  headers: {{Authorization: "Bearer ${{secret:API}}"}}
  json: {{run: "${{run_id}}", n: 3, text: "a \\"b\\""}}
retries: {{times: 1, delay: 1ms}}
output: json
""",
        "tasks/keep.yaml": "task: keep\ncommand: [sh, -c, 'echo $ID > id.txt']\nenv: {ID: \"${task.send.output.id}\"}\n",
        "tasks/lost.yaml": f"task: lost\nhttp: \"{server}/x\"\n",
    })
    result = windrow(folder, "run", env={"API": "sw0rdf1shsw0rdf1sh"})
    assert "answered 404: nothing of the kind" in result.stdout
    assert (folder / "id.txt").read_text() == "7\n"
    path, authorization, kind, body = Server.asked[1]
    assert (path, authorization, kind) == ("/jobs/lab", "Bearer sw0rdf1shsw0rdf1sh", "application/json")
    assert json.loads(body)["n"] == 3 and json.loads(body)["text"] == 'a "b"'
    assert len(Server.asked) == 2


def test_statements_of_one_task_are_one_transaction(tmp_path):
    folder = project(tmp_path, {
        "windrow.yaml": "project: lab\nconnections: {app: {type: sqlite, path: app.db}}\n",
        "tasks/a.yaml": "task: a\non: app\nsql: [\"INSERT INTO t VALUES (1, ${task})\", \"INSERT INTO nowhere VALUES (1)\"]\n",
        "tasks/b.yaml": "task: b\non: app\nsql: \"INSERT INTO t VALUES (2, ${task})\"\n",
        "tasks/c.yaml": "task: c\nafter: task.b\nwhen: {sql: \"SELECT count(*) = 1 FROM t\", on: app}\ncommand: [touch, c]\n",
        "tasks/d.yaml": "task: d\nafter: task.b\nfor_each: {x: {sql: \"SELECT name, n FROM t\", on: app}}\ncommand: [touch, \"${x}-${x.n}\"]\n",
    })
    with sqlite3.connect(folder / "app.db") as database:
        database.execute("CREATE TABLE t (n INTEGER, name TEXT)")
    database.close()
    result = windrow(folder, "run")
    assert result.returncode == 1 and "nowhere" in result.stdout
    with sqlite3.connect(folder / "app.db") as database:
        assert database.execute("SELECT * FROM t").fetchall() == [(2, "b")]
    assert (folder / "c").exists() and (folder / "b-2").exists()


def test_runs_of_others(tmp_path):
    inner = project(tmp_path / "inner", {"tasks/x.yaml": "task: x\ncommand: [sh, -c, 'echo $WINDROW_PROJECT >> ../said']\n",
                                         "windrow.yaml": "project: inner\n"})
    folder = project(tmp_path / "outer", {
        "tasks/a.yaml": "task: a\nrun: {project: ../inner}\n",
        "tasks/b.yaml": "task: b\nafter: task.a\nrun: {project: ../inner, wait: false}\n",
        "tasks/c.yaml": "task: c\nafter: task.b\ncommand: [sh, -c, 'echo $R >> run.txt']\nenv: {R: \"${task.a.output.status}\"}\n",
    })
    assert windrow(folder, "run").returncode == 0
    assert (tmp_path / "said").read_text() == "inner\ninner\n"
    assert (folder / "run.txt").read_text() == "done\n"
    assert len(json.loads(windrow(inner, "runs", "--json").stdout)) == 2


def test_cycles_of_runs_end(tmp_path):
    folder = project(tmp_path / "a", {"windrow.yaml": "project: a\n", "tasks/x.yaml": "task: x\nrun: {project: ../b}\n"})
    project(tmp_path / "b", {"windrow.yaml": "project: b\n", "tasks/y.yaml": "task: y\nrun: {project: ../a}\n"})
    result = windrow(folder, "run")
    assert result.returncode == 1


def test_a_window_is_waited_for(tmp_path):
    folder = project(tmp_path, {"tasks/a.yaml": "task: a\nwindow: {from: \"03:00\", to: \"04:00\"}\ncommand: [touch, done]\n"})
    result = windrow(folder, "--now", "2026-11-01T02:59:58", "run")
    assert result.returncode == 0 and (folder / "done").exists()
    assert "until its window opens at 2026-11-01T03:00:00Z" in result.stderr
