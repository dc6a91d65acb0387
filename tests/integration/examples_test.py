"""Examples travel inside the program: what `windrow init` writes is a sound project, the same as in the repository."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = sorted(folder.name for folder in (ROOT / "examples").iterdir() if (folder / "windrow.yaml").exists())


@pytest.mark.parametrize("name", NAMES)
def test_init_writes_a_sound_project(tmp_path, monkeypatch, name):
    lab.windrow(tmp_path, "init", name, "made")
    made = tmp_path / "made"
    for file in (ROOT / "examples" / name).rglob("*"):
        if file.is_file() and not {"lake", ".windrow", "__pycache__"} & set(file.parts) and file.suffix not in (".db", ".pyc"):
            assert (made / file.relative_to(ROOT / "examples" / name)).read_bytes() == file.read_bytes(), file
    # Variables without a default are the user's to set. A check looks into the lake: one on this disk.
    monkeypatch.setenv("LAKE", str(tmp_path / "lake"))
    for text in made.rglob("*.yaml"):
        for variable in re.findall(r"\$\{([A-Z_]+)\}", text.read_text()):
            monkeypatch.setenv(variable, os.environ.get(variable, "x"))
    checked = lab.windrow(made, "check")
    assert "nothing wrong" in checked.stdout + checked.stderr
    for environment in re.findall(r"^  (\w+): *\{.*lake", (made / "windrow.yaml").read_text(), re.M):
        lab.windrow(made, "--env", environment, "check")
    assert "0 failed" in lab.windrow(made, "test").stdout
    assert (made / "README.md").exists()


def test_the_first_lines_of_the_help_work_as_they_stand(tmp_path):
    begin = re.search(r"Begin with:\n  (.*)\n  (windrow init my-project)", lab.windrow(tmp_path, "--help").stdout)
    assert begin[1] == "windrow init quickstart films && cd films && windrow plan && windrow run"
    path = f"{pathlib.Path(lab.PROGRAM).parent}:{os.environ['PATH']}"
    shell = subprocess.run(["bash", "-ec", f"{begin[1]} && windrow query 'SELECT count(*) AS n FROM gold.genre_analytics'"],
                           cwd=tmp_path, env={**os.environ, "PATH": path, "MOVIES_JSON": ""}, capture_output=True, text=True)
    assert shell.returncode == 0, shell.stderr
    assert "7 done" in shell.stdout and "release_date is not NULL: 1 of 160 rows" in shell.stdout


def test_an_empty_project_is_sound_and_what_its_notes_show_runs(tmp_path):
    lab.windrow(tmp_path, "init", "orders-2")
    folder = tmp_path / "orders-2"
    assert "project: orders-2\n" in (folder / "windrow.yaml").read_text()
    assert "nothing in it yet: nothing wrong" in lab.windrow(folder, "check").stdout
    # Each note shows a file by name: put there as it stands, they are a project.
    for note in ("sources", "models", "tests"):
        text = (folder / note / "README.md").read_text()
        name = re.search(r"`(\w+/[\w/]+\.\w+)`", text)[1]
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(re.search(r"```\w+\n(.*?)```", text, re.S)[1])
    (folder / "incoming").mkdir()
    (folder / "incoming/a.csv").write_text("id,customer,amount,ordered_at\n1,Ada,10,2025-10-17 09:00:00\n1,Ada,12,2025-10-17 10:00:00\n")
    lab.windrow(folder, "run")
    assert "0 failed" in lab.windrow(folder, "test").stdout
    assert lab.windrow(folder, "query", "SELECT amount FROM silver.orders", "--format", "csv").stdout == "amount\n12\n"
    refused = lab.windrow(tmp_path, "init", "quikstart", check=False)
    assert refused.returncode == 2 and "windrow init --empty quikstart" in refused.stderr
    assert not (tmp_path / "quikstart").exists()
    lab.windrow(tmp_path, "init", "--empty", "quikstart")
    refused = lab.windrow(tmp_path, "init", "orders-2", check=False)
    assert refused.returncode == 2 and "is there already" in refused.stderr


def example(*words: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-B", str(ROOT / "tests/examples"), *words], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, env=os.environ | {"WINDROW": lab.PROGRAM})


def test_the_frame_lists_and_refuses():
    listed = example()
    assert listed.wait(timeout=20) == 0 and "movies" in listed.stdout.read()
    refused = example("moviez")
    assert refused.wait(timeout=20) == 2 and 'did you mean "movies"' in refused.stdout.read()


def test_ctrl_c_stops_what_was_started(tmp_path, monkeypatch):
    """An example of its own, whose server and run would go on for long."""
    monkeypatch.syspath_prepend(str(ROOT / "tests/examples"))
    code = f"""
import sys, pathlib
sys.path.insert(0, {str(ROOT / "tests/examples")!r})
import stage, types
from server import Process, Server
class Sleeper(Server):
    name = "sleeper"
    def processes(self): return [Process("sleeper", ["sleep", "300"])]
    def missing(self): return None
    def address(self): return "nowhere"
    def variables(self): return {{}}
sys.modules["quickstart"] = types.SimpleNamespace(SERVERS=(Sleeper,), ROWS=1)
with stage.staged("quickstart", pathlib.Path({str(tmp_path / "q")!r}), servers=pathlib.Path({str(tmp_path / "servers")!r})) as s:
    print("pid", *s.servers["sleeper"].running().values(), flush=True)
    import time; time.sleep(300)
"""
    child = subprocess.Popen([sys.executable, "-B", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = next(line for line in child.stdout if line.startswith("pid"))
    pid = int(line.split()[1])
    os.kill(pid, 0)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) != 0
    for _ in range(100):
        if not pathlib.Path(f"/proc/{pid}").exists():
            break
        time.sleep(0.05)
    assert not pathlib.Path(f"/proc/{pid}").exists() and not (tmp_path / "servers").exists()
