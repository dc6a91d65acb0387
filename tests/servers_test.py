"""tests/servers itself: starting, finding ports, stopping, and refusing what is not as pinned."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parent / "servers"
sys.path.append(str(FOLDER))
import fetch  # noqa: E402
import server  # noqa: E402


class Web(server.Server):
    name = "web"
    port_names = ("http", "spare")
    seconds = 20
    prepared = 0

    def prepare(self):
        type(self).prepared += 1
        (self.home / "data").mkdir()

    def processes(self):
        return [server.Process("web", [sys.executable, "-m", "http.server", "-b", "127.0.0.1", "-d",
                                       str(self.home / "data"), str(self.ports["http"])])]

    def missing(self):
        return None if server.get(self.address()) is not None else "it does not answer"

    def address(self):
        return f"http://127.0.0.1:{self.ports['http']}/"

    def variables(self):
        return {"WEB": self.address()}


class Broken(Web):
    name = "broken"

    def processes(self):
        return [server.Process("broken", [sys.executable, "-c", "print('no licence'); raise SystemExit(3)"])]


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("WINDROW_CACHE", str(tmp_path / "cache"))


def test_up_and_down(tmp_path):
    web = Web(tmp_path / "root")
    web.up()
    try:
        assert server.get(web.address()) is not None
        assert (web.home / "env").read_text() == f"WEB={web.address()}\n"
        first, ports, prepared = web.pid("web"), web.ports, Web.prepared
        web.up()  # runs already
        assert (web.pid("web"), web.ports, Web.prepared) == (first, ports, prepared)
        (web.home / "data/kept").write_text("x")
        web.kill("web")
        assert web.running() == {} and web.missing() is not None
        web.up()  # the same ports and data, another process
        assert web.pid("web") != first and web.ports == ports
        assert server.get(web.address() + "kept") == b"x"
    finally:
        web.down()
    assert not (tmp_path / "root").exists()
    assert server.get(f"http://127.0.0.1:{ports['http']}/") is None


def test_two_clones_at_once_do_not_meet(tmp_path):
    clones = [Web(tmp_path / str(number)) for number in range(6)]
    try:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(Web.up, clones))
        used = [port for clone in clones for port in (clone.ports["http"],)]
        assert len(set(used)) == 6 and all(port in server.PORTS for port in used)
        assert all(clone.missing() is None for clone in clones)
    finally:
        for clone in clones:
            clone.down()


def test_a_stranger_with_the_same_id_is_left_alone(tmp_path):
    web = Web(tmp_path)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        web.home.mkdir()
        (web.home / "web.pid").write_text(f"{stranger.pid} 1\n")
        assert web.running() == {}
        web.down()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_that_ends_while_starting_says_why(tmp_path):
    with pytest.raises(server.Failure, match="broken ended with 3 while starting:\nno licence"):
        Broken(tmp_path).up()


def test_files_that_are_not_as_pinned_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "HERE", tmp_path)
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "a.jar").write_text("a")
    (tmp_path / "jars.sha256").write_text(f"{fetch.sha256(folder / 'a.jar')}  a.jar\n")
    fetch.verify("jars", folder)
    (folder / "b.jar").write_text("more")
    with pytest.raises(server.Failure, match="b.jar"):
        fetch.verify("jars", folder)
    (folder / "b.jar").unlink()
    (folder / "a.jar").write_text("other")
    with pytest.raises(server.Failure, match="a.jar"):
        fetch.verify("jars", folder)
    (folder / "a.jar").unlink()
    with pytest.raises(server.Failure, match="a.jar"):
        fetch.verify("jars", folder)


def test_a_fetch_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(server.Failure), fetch.making("thing-1", "a thing") as scratch:
        (scratch / "whole/half").write_text("x")
        raise server.Failure("cut off")
    assert [path.name for path in server.cache().iterdir()] == ["servers-fetch.lock"]
    with fetch.making("thing-1", "a thing") as scratch:
        (scratch / "whole/all").write_text("x")
    with fetch.making("thing-1", "a thing") as scratch:
        assert scratch is None
    assert (server.cache() / "thing-1/all").read_text() == "x"


def test_missing_tools_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(server.Failure, match="java is missing: apt-get install openjdk-17-jre-headless\nmvn is missing"):
        fetch.need(("java", "mvn"))


def test_the_command(tmp_path):
    def servers(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-B", str(FOLDER), *words], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "WINDROW_SERVERS": str(tmp_path / "none")})

    assert "hdfs" in servers().stdout
    assert servers("up", "nosuch").returncode == 2
    assert servers("restart").returncode == 2
    assert (servers("health").returncode, servers("health", "minio").returncode) == (0, 1)
    for verb in ("ps", "logs", "down"):
        result = servers(verb)
        assert (result.returncode, result.stdout) == (0, "")
