"""A server is killed or stopped at many moments with runs in flight, and begun again: no due time fires twice or not at
all, no run is lost, and the lake is what it would have been."""
import json
import random
import signal
import time

import lab
import pytest
from serve_lab import PATIENCE, Server, history, waits_for

SECOND = 1_000_000


def make_project(folder, schedules: int, every: int, rows: int = 30_000):
    """Each schedule builds a table of its own, anew each time, so that what was begun again can be told."""
    # Some tenths of a second, so that there is something to be killed in.
    work = f"(SELECT sum(x * y % 7) FROM range({rows}) a(x), range(2000) b(y))"
    rules = "".join(f'  s{i}: {{cron: "*/{every} * * * * *", select: gold.t{i}}}\n' for i in range(schedules))
    files = lab.FILES | {"windrow.yaml": lab.FILES["windrow.yaml"] + "schedules:\n" + rules}
    for i in range(schedules):
        files[f"models/gold/t{i}.sql"] = f"SELECT {i} AS i, $run_time AS at, count(*) AS n, {work} AS work FROM silver.events\n"
    lab.make_project(folder, files)
    lab.add_events(folder, "a.ndjson", range(20))
    lab.windrow(folder, "run", "-s", "silver.events", "-s", "bronze.events")
    return folder


def settle(folder):
    """Begins a server once more, lets it end what the killed ones left, and stops it."""
    with Server(folder) as server:
        server.wait("serving")
        waits_for(lambda: not history(folder, "SELECT 1 FROM fires WHERE ended IS NULL AND decided < ?",
                                      int(time.time() * 1e6) - 5 * SECOND), PATIENCE * 3)
        assert server.stop() == 0
    # A run that was in flight when it was asked to stop has ended too, within the grace time.
    assert not history(folder, "SELECT * FROM fires WHERE ended IS NULL")


def check_invariants(folder, schedules: int, every: int):
    # The history keeps the last thousand runs; ids are in the order of their begin.
    known = {id for (id,) in history(folder, "SELECT id FROM runs")}
    oldest = min(known)
    for i in range(schedules):
        rows = history(folder, "SELECT due, coalesce(last, due), run, status, reason FROM fires WHERE schedule = ? ORDER BY due", f"s{i}")
        at = None
        for due, last, run, status, reason in rows:  # each due time has a run or a reason, and exactly one of them
            assert due % (every * SECOND) == 0
            assert at is None or due == at + every * SECOND, (f"s{i}", at, due, rows)
            assert (run is not None) != (status == "skipped") and (run or reason), (due, run, status, reason)
            at = last
        for due, _, run, status, _ in rows:
            if run and run < oldest:
                continue
            runs = history(folder, "SELECT id, status FROM runs WHERE schedule = ? AND due = ?", f"s{i}", due)
            if run is None:
                assert not runs
                continue
            statuses = dict(runs)
            assert statuses.pop(run) == status == "done", (due, runs)
            assert set(statuses.values()) <= {"interrupted"}, (due, runs)
    # What the lake says: a run commits a table once, and no run that nobody knows has.
    for i in range(schedules):
        log = lab.table_path(folder, f"gold.t{i}") / "_delta_log"
        ids = []
        for path in sorted(log.glob("*.json")):
            for line in path.read_text().splitlines():
                if "commitInfo" in line:
                    ids.append(json.loads(line)["commitInfo"]["windrow"]["run"])
        assert len(ids) == len(set(ids)) and {id for id in ids if id >= oldest} <= known
    assert [("ok",)] == history(folder, "PRAGMA integrity_check")


def torment(folder, seed: int, moments: int, schedules: int, every: int, longest: float, rows: int = 30_000):
    random_points = random.Random(seed)
    print(f"seed {seed}")
    make_project(folder, schedules, every, rows)
    in_flight = 0
    for _ in range(moments):
        with Server(folder) as server:
            server.wait("serving")
            time.sleep(random_points.uniform(0.0, longest))
            if random_points.random() < 0.3:
                server.signal(signal.SIGSTOP)
                time.sleep(random_points.uniform(0.1, 1.5))
                second = lab.windrow(folder, "serve", check=False)
                assert second.returncode == 2 and "already" in second.stderr
                if random_points.random() < 0.5:
                    server.signal(signal.SIGCONT)
                    time.sleep(random_points.uniform(0.0, longest))
            in_flight += len(history(folder, "SELECT 1 FROM fires WHERE ended IS NULL"))
            server.kill()
    settle(folder)
    check_invariants(folder, schedules, every)
    return in_flight


def test_killed_with_runs_in_flight(tmp_path):
    assert torment(tmp_path / "p é", 20261129, 8, 4, 2, 3.0) > 0


@pytest.mark.soak
def test_killed_at_two_hundred_moments_with_fifty_runs_in_flight(tmp_path):
    seed = random.randrange(2**32)
    in_flight = torment(tmp_path / "p", seed, 200, 50, 10, 4.0, 5_000)
    print(f"{in_flight} runs were in flight in 200 moments")
    assert in_flight > 200 * 10


def test_a_clean_stop_loses_nothing(tmp_path):
    folder = make_project(tmp_path / "p", 3, 1)
    for _ in range(3):
        with Server(folder) as server:
            server.wait("fires", count=3)
            assert server.stop() == 0
    settle(folder)
    check_invariants(folder, 3, 1)
