"""Who comes to it for the first time, by the documents alone (README.md beside)."""
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import page  # noqa: E402
import machine  # noqa: E402
import kafka_lab  # noqa: E402
import lab  # noqa: E402
import serving_lab  # noqa: E402

BUILD = pathlib.Path(lab.PROGRAM).resolve().parent
WALKS = {path.stem: path for path in page.pages() if page.marked(path, "newcomer")}


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    yield from kafka_lab.start(tmp_path_factory)


@pytest.fixture(scope="session")
def postgres():
    yield from serving_lab.start_postgres()


def variables(path: pathlib.Path, request) -> dict[str, str]:
    out = {}
    for name in page.marked(path, "needs"):
        out |= request.getfixturevalue(name).variables()
    return out


@pytest.mark.parametrize("name", [name for name in WALKS if page.marked(WALKS[name], "newcomer") != ["developer"]])
def test_on_an_empty_machine(name, tmp_path, request):
    if not machine.can_be_had():
        pytest.skip("needs the right to have another root")
    set_here = variables(WALKS[name], request)
    command = machine.make(tmp_path / "root", pathlib.Path(lab.PROGRAM).resolve(), network=bool(set_here))
    walk = page.follow(WALKS[name], tmp_path / "root/srv/films", program=command, variables=set_here)
    print(f"{name}: first result after {walk.first_result:.1f} s")


@pytest.mark.skipif(not (BUILD / "CMakeCache.txt").is_file(), reason="needs the build folder")
def test_library(tmp_path):
    folder = tmp_path / "windrow"
    (folder / "build").mkdir(parents=True)
    (folder / "build/release").symlink_to(BUILD)
    walk = page.follow(WALKS["library"], folder)
    print(f"library: first result after {walk.first_result:.1f} s")


@pytest.mark.soak
def test_new_source(tmp_path):
    """From a clone, which has what is committed, to a program with one kind of source more."""
    subprocess.run(["git", "clone", "-q", str(page.ROOT), str(tmp_path / "windrow")], check=True)
    home = pathlib.Path.home()
    kept = {"PATH": os.environ["PATH"], "WINDROW_CACHE": os.environ.get("WINDROW_CACHE", str(home / ".cache/windrow")),
            "CCACHE_DIR": os.environ.get("CCACHE_DIR", str(home / ".cache/ccache"))}
    page.follow(WALKS["new-source"], tmp_path / "windrow", variables=kept)
