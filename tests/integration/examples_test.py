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
