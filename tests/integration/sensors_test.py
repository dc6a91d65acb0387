"""Sensors as their users meet them: real files, tables, servers and kills; `windrow serve`, `sensor list`, `sensor try`."""
import http.server
import json
import os
import pathlib
import sqlite3
import subprocess
import threading
import time

import kafka_lab
import lab
import pytest
import serving_lab
from serve_lab import Server, history, waits_for

PROJECT = "project: lab\n"
TASK = "task: note\ncommand: [sh, -c, 'echo x >> fired']\n"


def project(folder: pathlib.Path, sensor: str, yaml: str = "", **more: str) -> pathlib.Path:
    """A schedule that waits for the sensor `s` and writes a line for each run."""
    return lab.make_project(folder, {
        "windrow.yaml": PROJECT + yaml + "schedules: {watch: {sensor: s, select: task.note}}\n",
        "tasks/note.yaml": TASK, "sensors/s.yaml": "sensor: s\n" + sensor, **more})


def fired(folder: pathlib.Path) -> int:
    path = folder / "fired"
    return len(path.read_text().splitlines()) if path.exists() else 0


def json_of(folder, *words, code=0):
    result = lab.windrow(folder, "--json", *words, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return json.loads(result.stdout)


def sensor_of(folder, name="s") -> dict:
    (one,) = [each for each in json_of(folder, "sensor", "list")["sensors"] if each["sensor"] == name]
    return one


def put(path: pathlib.Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name("." + path.name)
    part.write_text(text)
    part.rename(path)


def stays(what, seconds: float = 1.5) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert what()
        time.sleep(0.05)


def test_files_are_told_within_a_second(tmp_path):
    folder = project(tmp_path / "p", "file: in/*.csv\nat_rest: 0s\npoll: 1h\n")
    (folder / "in").mkdir()
    with Server(folder) as server:
        server.wait("serving")
        waits_for(lambda: sensor_of(folder)["told_of_changes"])
        took = []
        for i in range(5):
            begin = time.time()
            put(folder / f"in/{i}.csv")
            event = server.wait("fires", count=i + 1, schedule="watch")
            took.append(time.time() - begin)
            assert event["text"] == f"s: {i}.csv"
            server.wait("ended", count=i + 1, status="done")
        print("seconds from a file to its fire:", [round(each, 3) for each in took])
        assert min(took) < 1  # the machine may be busy: the bound of a poll is an hour
        put(folder / "in/other.txt")
        (folder / "in/3.csv").unlink()
        stays(lambda: len([e for e in server.events if e["event"] == "fires"]) == 5)
        put(folder / "in/3.csv", "again")
        assert server.wait("fires", count=6)["text"] == "s: 3.csv"
        assert server.stop() == 0


def test_a_file_counts_once_it_is_at_rest(tmp_path):
    folder = project(tmp_path / "p", "file: in/**/*.csv\nat_rest: 2s\n")
    with Server(folder) as server:
        server.wait("serving")
        path = folder / "in/a/b/x.csv"
        path.parent.mkdir(parents=True)
        written = time.time()
        with path.open("w") as file:
            for _ in range(12):
                file.write("x")
                file.flush()
                written = time.time()
                time.sleep(0.25)
        server.wait("fires")
        assert time.time() - written > 1.9  # the file's own time is a little before
        server.wait("ended", status="done")
        stays(lambda: fired(folder) == 1)
        assert server.stop() == 0


def test_a_table_fires_by_its_versions_and_rows(tmp_path):
    table = {"sources/events.yaml": lab.FILES["sources/events.yaml"],
             "sensors/many.yaml": "sensor: many\ntable: bronze.events\nrows: 100\n"}
    folder = project(tmp_path / "p", "table: bronze.events\npoll: 1h\n", "", **table)
    (folder / "windrow.yaml").write_text(PROJECT + "schedules:\n  watch: {sensor: s, select: task.note}\n"
                                                   "  hundreds: {sensor: many, select: task.note}\n")
    with Server(folder) as server:
        server.wait("serving")
        assert "no such table" in json_of(folder, "sensor", "try", "s")["sees"]
        lab.add_events(folder, "a.ndjson", range(20))
        lab.windrow(folder, "run", "-s", "bronze.events")
        # That it comes to be there nobody is told: a look after the end of any run finds it.
        json_of(folder, "schedule", "trigger", "hundreds", "--wait")
        server.wait("fires", schedule="watch", text="s: version 0")
        for i in range(1, 8):
            lab.add_events(folder, f"a{i}.ndjson", range(20 * i, 20 * i + 20))
            lab.windrow(folder, "run", "-s", "bronze.events")  # another process: its commit is told
            server.wait("fires", schedule="watch", text=f"s: version {i}")
        assert server.wait("fires", schedule="hundreds", text="many: 100 rows")
        assert len([e for e in server.events if e["event"] == "fires" and e.get("text", "").startswith("many")]) == 1
        assert server.stop() == 0


class Answers:
    """A small server: what `answer` gives is sent; it hangs where that is nothing."""

    def __init__(self):
        self.answer = (404, "")
        self.asked = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                if outer.answer is None:
                    time.sleep(30)
                    return
                status, body = outer.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def test_http_answers(tmp_path):
    answers = Answers()
    folder = project(tmp_path / "p", f"http: {answers.url}/jobs\npath: $.jobs[0].state\nequals: ready\npoll: 1s\n")
    tried = json_of(folder, "sensor", "try", "s")
    assert tried["sees"] == "status 404" and not tried["something"] and not tried["schedules"][0]["would_fire"]
    answers.answer = (200, '{"jobs": [{"state": "ready"}]}')
    tried = json_of(folder, "sensor", "try", "s")
    assert tried["sees"] == "ready" and tried["schedules"][0]["would_fire"]
    answers.answer = (200, '{"jobs": [{"state": "running"}]}')
    with Server(folder) as server:
        server.wait("serving")
        waits_for(lambda: sensor_of(folder).get("sees") == "running, not ready")
        assert not fired(folder)
        answers.answer = (200, '{"jobs": [{"state": "ready"}]}')
        assert server.wait("fires")["text"] == "s: ready"
        answers.answer = (500, "")  # told once, and tried again ever more rarely
        lost = server.wait("sensor_lost", sensor="s")
        assert "answered 500" in lost["problems"][0]["message"]
        assert sensor_of(folder)["state"] == "failing"
        answers.answer = (200, '{"jobs": [{"state": "ready"}]}')
        server.wait("sensor_back")
        stays(lambda: len([e for e in server.events if e["event"] == "fires"]) == 1)
        answers.answer = (200, '{"jobs": []}')
        waits_for(lambda: "not there" in sensor_of(folder)["sees"])
        answers.answer = (200, '{"jobs": [{"state": "ready"}]}')
        server.wait("fires", count=2)
        answers.answer = (200, "<html>")
        assert "not JSON" in server.wait("sensor_lost", count=2)["problems"][0]["message"]
        assert server.stop() == 0


def test_sensors_that_hang_hold_up_no_other(tmp_path):
    hanging = [Answers() for _ in range(12)]
    files = {}
    for i, each in enumerate(hanging):
        each.answer = None
        files[f"sensors/h{i}.yaml"] = f"sensor: h{i}\nhttp: {each.url}/\ntimeout: 5s\n"
    folder = project(tmp_path / "p", "file: in/*.csv\nat_rest: 0s\n", **files)
    names = ", ".join(f"h{i}" for i in range(12))
    (folder / "windrow.yaml").write_text(PROJECT + "schedules:\n  watch: {sensor: s, select: task.note}\n"
                                                   f"  other: {{sensor: [{names}], select: task.note}}\n")
    (folder / "in").mkdir()
    with Server(folder) as server:
        server.wait("serving")
        time.sleep(1)
        begin = time.monotonic()
        put(folder / "in/a.csv")
        server.wait("fires", schedule="watch")
        print("beside sensors that hang:", round(time.monotonic() - begin, 3), "s")
        lost = server.wait("sensor_lost")
        assert lost["problems"][0]["code"] == "timeout"
        assert server.stop() == 0


def test_a_kill_between_seen_and_fired_loses_and_doubles_nothing(tmp_path):
    folder = project(tmp_path / "p", "file: in/*.csv\nat_rest: 0s\n")
    (folder / "in").mkdir()
    seen = 0
    for i in range(12):
        with Server(folder) as server:
            server.wait("serving")
            put(folder / f"in/{i}.csv")
            seen += 1
            if i % 3 == 0:
                server.wait("fires")
            else:
                time.sleep(0.03 * i)
            server.kill()
    with Server(folder) as server:
        server.wait("serving")
        waits_for(lambda: sensor_of(folder).get("looked"))
        waits_for(lambda: not history(folder, "SELECT 1 FROM fires WHERE ended IS NULL"))
        stays(lambda: not history(folder, "SELECT 1 FROM fires WHERE ended IS NULL"), 1)
        assert server.stop() == 0
    fires = history(folder, "SELECT request FROM fires WHERE run IS NOT NULL ORDER BY due")
    told = [json.loads(request)["detail"] for (request,) in fires]
    # The same news begins no second run. Several files that came while nobody looked, or while a run went on, are one.
    assert len(told) == len(set(told)) and 4 <= len(told) <= seen, told
    assert f"{seen - 1}.csv" in told[-1], told
    tried = json_of(folder, "sensor", "try", "s")
    assert tried["sees"] == f"{seen} files" and not tried["new"] and not tried["schedules"][0]["would_fire"], tried
    with Server(folder) as server:  # and a restart alone is no news
        server.wait("serving")
        waits_for(lambda: sensor_of(folder).get("looked"))
        stays(lambda: not [e for e in server.events if e["event"] == "fires"], 1)
        assert server.stop() == 0


def test_thousands_of_sensors_take_a_few_threads(tmp_path):
    count = 2000
    sensors = "sensors:\n" + "".join(f"  s{i}: {{file: 'in/{i}/*.csv', at_rest: 0s}}\n" for i in range(count))
    schedules = "schedules:\n" + "".join(f"  w{i}: {{sensor: s{i}, select: task.note}}\n" for i in range(count))
    folder = lab.make_project(tmp_path / "p", {"windrow.yaml": PROJECT + sensors + schedules, "tasks/note.yaml": TASK})
    for i in range(count):
        (folder / f"in/{i}").mkdir(parents=True)
    few = lab.make_project(tmp_path / "few", {"windrow.yaml": PROJECT + "schedules: {night: {cron: '0 3 1 1 *'}}\n"})

    def threads(server):
        return len(os.listdir(f"/proc/{server.process.pid}/task"))

    def cpu(server):
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    with Server(few) as server:
        server.wait("serving")
        time.sleep(3)  # what begins with it has begun
        without = threads(server)
        assert server.stop() == 0
    with Server(folder) as server:
        assert server.wait("serving")["count"] == count
        waits_for(lambda: all(each["told_of_changes"] for each in json_of(folder, "sensor", "list")["sensors"]))
        begun = cpu(server)
        time.sleep(20)
        print(f"threads: {without} without sensors, {threads(server)} with {count}; "
              f"{(cpu(server) - begun) / 20 * 100:.1f} % of a core while nothing happens")
        # One that is told of changes, and one that looks; more look only where those before them wait, eight at most.
        assert threads(server) <= without + 9
        begin = time.monotonic()
        put(folder / "in/1234/a.csv")
        server.wait("fires", schedule="w1234")
        print("to its fire:", round(time.monotonic() - begin, 3), "s")
        assert server.stop() == 0


@pytest.fixture(scope="module")
def postgres():
    yield from serving_lab.start_postgres()


def test_sql_on_a_real_server(tmp_path, postgres):
    port = postgres.ports["sql"]

    def sql(text):
        subprocess.run(["psql", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", text], check=True, timeout=60)
    sql("DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int)")
    yaml = f"connections: {{shop: {{type: postgres, url: 'postgresql://postgres@127.0.0.1:{port}/postgres'}}}}\n"
    folder = project(tmp_path / "p", "sql: SELECT max(id) FROM orders\non: shop\npoll: 1s\n", yaml,
                     **{"sensors/slow.yaml": "sensor: slow\nsql: SELECT pg_sleep(600)\non: shop\ntimeout: 1s\n",
                        "sensors/many.yaml": "sensor: many\nsql: SELECT count(*) > 2 FROM orders\non: shop\npoll: 1s\n"})
    with Server(folder) as server:
        server.wait("serving")
        waits_for(lambda: sensor_of(folder).get("sees") == "NULL")
        sql("INSERT INTO orders VALUES (1)")
        assert server.wait("fires")["text"] == "s: 1"
        sql("INSERT INTO orders VALUES (2)")
        assert server.wait("fires", count=2)["text"] == "s: 2"
        assert not json_of(folder, "sensor", "try", "many")["something"]
        sql("INSERT INTO orders VALUES (0)")
        assert json_of(folder, "sensor", "try", "many")["something"]
        begin = time.monotonic()
        tried = lab.windrow(folder, "sensor", "try", "slow", check=False)
        assert tried.returncode == 1 and "timeout" in tried.stderr and time.monotonic() - begin < 20, tried.stderr
        sql("ALTER TABLE orders RENAME TO gone")
        assert "orders" in server.wait("sensor_lost")["problems"][0]["message"]
        sql("ALTER TABLE gone RENAME TO orders")
        server.wait("sensor_back")
        stays(lambda: len([e for e in server.events if e["event"] == "fires"]) == 2)
        assert server.stop() == 0


def test_a_database_that_is_gone_and_comes_back(tmp_path):
    path = tmp_path / "shop.db"
    yaml = f"connections: {{shop: {{type: sqlite, path: {path}}}}}\n"
    folder = project(tmp_path / "p", "sql: SELECT id FROM orders ORDER BY id DESC\non: shop\npoll: 1s\n", yaml)
    with Server(folder) as server:
        server.wait("serving")
        server.wait("sensor_lost", sensor="s")
        listed = sensor_of(folder)
        assert listed["state"] == "failing" and listed["problem"]["message"] and listed["next_look"]
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE orders (id int)")
        database.execute("INSERT INTO orders VALUES (7)")
        database.commit()
        server.wait("sensor_back")
        assert server.wait("fires")["text"] == "s: 7"
        assert len([e for e in server.events if e["event"] == "sensor_lost"]) == 1
        assert server.stop() == 0


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    yield from kafka_lab.start(tmp_path_factory)


def test_kafka_ends_and_lag(tmp_path, broker):
    yaml = f"connections: {{events: {{type: kafka, brokers: '{broker.address()}'}}}}\n"
    folder = project(tmp_path / "p", "kafka: clicks\non: events\npoll: 1s\n", yaml,
                     **{"sensors/late.yaml": "sensor: late\nkafka: clicks\non: events\ngroup: readers\nlag: 3\n"})
    with Server(folder) as server:
        server.wait("serving")
        server.wait("sensor_lost", sensor="s")  # there is no such topic yet
        kafka_lab.send(broker, "clicks", "one")
        assert server.wait("fires")["text"] == "s: 1 message"
        assert not json_of(folder, "sensor", "try", "late")["something"]
        kafka_lab.send(broker, "clicks", "two", "three")
        server.wait("fires", count=2)
        tried = json_of(folder, "sensor", "try", "late")
        assert tried["something"] and tried["sees"] == "3 messages waiting"
        # A group that has read them.
        subprocess.run(["kcat", "-b", broker.address(), "-G", "readers", "-c", "3", "-X", "auto.offset.reset=earliest", "clicks"],
                       check=True, capture_output=True, timeout=120)
        tried = json_of(folder, "sensor", "try", "late")
        assert not tried["something"] and tried["sees"] == "0 messages waiting"
        assert server.stop() == 0


def test_runs_of_another_project(tmp_path):
    other = lab.make_project(tmp_path / "other", {
        "windrow.yaml": "project: other\nschedules: {nightly: {cron: '0 3 1 1 *', select: task.a}, bad: {cron: '0 3 1 1 *', select: task.b}}\n",
        "tasks/a.yaml": "task: a\ncommand: ['true']\n", "tasks/b.yaml": "task: b\ncommand: ['false']\n"})
    folder = project(tmp_path / "p", "project: ../other\nschedule: nightly\npoll: 2s\n",
                     **{"sensors/any.yaml": "sensor: any\nproject: ../other\nends: all\n"})
    assert json_of(folder, "sensor", "try", "s")["sees"] == "no run has ended yet"
    with Server(folder) as server, Server(other) as ours:
        server.wait("serving")
        ours.wait("serving")
        run = json_of(other, "schedule", "trigger", "nightly", "--wait")["run"]
        assert server.wait("fires")["text"] == f"s: run {run[:13]} ended: done"
        json_of(other, "schedule", "trigger", "bad", "--wait", code=1)
        assert "failed" in json_of(folder, "sensor", "try", "any")["sees"]
        stays(lambda: len([e for e in server.events if e["event"] == "fires"]) == 1, 3)
        assert server.stop() == ours.stop() == 0


def test_what_is_wrong_is_told_all_at_once(tmp_path):
    folder = lab.make_project(tmp_path / "p", {
        "windrow.yaml": PROJECT + "schedules: {a: {sensor: nothing}, b: {sensor: glob}}\n",
        "sensors/kind.yaml": "sensor: kind\nfiles: in/*\n",
        "sensors/glob.yaml": "sensor: glob\nfile: in/[a/*.csv\n",
        "sensors/http.yaml": "sensor: http\nhttp: http://localhost/\npath: $.a[x]\n",
        "sensors/sql.yaml": "sensor: sql\nsql: SELECT 1\non: shop\nlag: 3\n",
        "sensors/two.yaml": "sensor: two\nfile: a\ntable: b.c\n"})
    result = lab.windrow(folder, "check", check=False)
    assert result.returncode == 2
    for part in ('unknown key "files"', "did you mean \"file\"", 'sensors/glob.yaml:2:10', '"[" is not closed',
                 "sensors/http.yaml:3:11", 'names connection "shop", which is not there', '"lag" belongs to a sensor with "kafka"',
                 "a sensor looks at one thing, not at file and table", 'names sensor "nothing", which is not there'):
        assert part in result.stderr, (part, result.stderr)
