"""The program is killed at many points of a run and run again: nothing is lost, nothing is there twice."""
import random
import time

import lab


def test_killed_at_a_hundred_points(tmp_path):
    calm = lab.make_project(tmp_path / "calm")
    lab.add_events(calm, "a.ndjson", range(60))
    began = time.monotonic()
    lab.windrow(calm, "run")
    whole = time.monotonic() - began
    lab.add_events(calm, "b.ndjson", range(50, 90))
    lab.windrow(calm, "run")
    expected = lab.state(calm)

    shaken = lab.make_project(tmp_path / "shaken é")
    random_points = random.Random(20251017)
    kills = 0
    step = 0
    while kills < 100:
        # A fresh lake now and then, so that every phase of a first run and of a second one is hit.
        if step % 10 == 0:
            for name in ("lake", ".windrow", "data"):
                lab.shutil.rmtree(shaken / name, ignore_errors=True)
            for path in shaken.glob("serving.db*"):
                path.unlink()
            (shaken / "data").mkdir()
            lab.add_events(shaken, "a.ndjson", range(60))
        if step % 10 == 5:
            lab.add_events(shaken, "b.ndjson", range(50, 90))
        step += 1
        process = lab.start(shaken, "run")
        time.sleep(random_points.uniform(0.005, whole * 1.1))
        process.kill()
        if process.wait() != 0:
            kills += 1
        if step % 10 == 0:
            lab.windrow(shaken, "run")
            assert lab.state(shaken) == expected
            for table in lab.TABLES:
                path = lab.table_path(shaken, table)
                columns = ["kind"]
                latest = lab.deltalake.DeltaTable(str(path)).version()
                for version in range(latest + 1):
                    ours = lab.rows_of_delta_rs(path, columns, version)
                    assert ours == lab.rows_of_extension(path, columns, version), (table, version)
            assert "everything is up to date" in lab.windrow(shaken, "plan").stdout
    assert kills >= 100


def test_ctrl_c_leaves_no_commit(tmp_path):
    folder = lab.make_project(tmp_path / "p", {**lab.FILES,
        "models/gold/slow.sql": "SELECT count(*) AS c FROM bronze.events a, range(1000000) b(x), range(1000000) c(y) WHERE x * y % 7 = 3\n"})
    lab.add_events(folder, "a.ndjson", range(10))
    lab.windrow(folder, "run", "--exclude", "gold.slow")
    process = lab.start(folder, "run", "--select", "gold.slow")
    time.sleep(1)
    assert process.poll() is None
    asked = time.monotonic()
    process.send_signal(2)
    assert process.wait(timeout=10) == 130
    assert time.monotonic() - asked < 2  # a second, and some for a busy machine
    assert not lab.table_path(folder, "gold.slow").exists() or not list(lab.table_path(folder, "gold.slow").rglob("*.*"))
