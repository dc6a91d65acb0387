"""`windrow check --watch`: each save is looked at, however the editor does it."""
import json
import signal
import subprocess
import threading
import queue

import pytest

import lab

WAIT = 10  # seconds; a look takes a fraction of one


@pytest.fixture
def watch(tmp_path):
    folder = lab.make_project(tmp_path / "p")
    process = subprocess.Popen([lab.PROGRAM, "-C", str(folder), "--json", "check", "--watch"], stdout=subprocess.PIPE, text=True)
    looks: queue.Queue = queue.Queue()
    threading.Thread(target=lambda: [looks.put(json.loads(line)) for line in process.stdout], daemon=True).start()
    yield folder, looks, process
    process.kill()
    process.wait()


def until(looks, wanted):
    """The first look that is as wanted: a save may be seen as two changes."""
    while True:
        look = looks.get(timeout=WAIT)
        if wanted(look):
            return look


def test_saves_renames_and_new_folders_are_seen(watch):
    folder, looks, process = watch
    assert until(looks, lambda look: True)["ok"]
    model = folder / "models/gold/kinds.sql"
    good = model.read_text()
    model.write_text("SELEC 1")
    problem = until(looks, lambda look: not look["ok"])["problems"][0]
    assert (problem["file"], problem["line"]) == ("models/gold/kinds.sql", 1)
    beside = model.with_name(".kinds.sql.new")
    beside.write_text(good)
    beside.rename(model)
    assert until(looks, lambda look: look["ok"])["models"] == 3
    deeper = folder / "models/gold/deeper"
    deeper.mkdir()
    until(looks, lambda look: look["ok"])
    (deeper / "more.sql").write_text("SELECT 1 AS x\n")
    assert until(looks, lambda look: look.get("models") == 4)["ok"]
    (folder / "models/gold/deeper/more.sql").unlink()
    until(looks, lambda look: look.get("models") == 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=WAIT) == 130


def test_what_the_project_does_not_read_is_no_change(watch):
    folder, looks, _ = watch
    until(looks, lambda look: True)
    (folder / "data/more.ndjson").write_text("{}\n")
    (folder / "models/gold/.kinds.sql.swp").write_text("x")
    (folder / "serving.db").write_text("x")
    with pytest.raises(queue.Empty):
        looks.get(timeout=1)
