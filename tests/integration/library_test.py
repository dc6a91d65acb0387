"""The lake room as a library: installed, compiled against from outside, and run."""
import os
import pathlib
import shutil
import subprocess

import pytest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(lab.PROGRAM).resolve().parent


@pytest.mark.skipif(not (BUILD / "CMakeCache.txt").is_file(), reason="needs the build folder")
def test_the_example_compiles_against_what_is_installed(tmp_path):
    home = tmp_path / "prefix"
    subprocess.run(["cmake", "--install", str(BUILD), "--component", "lake", "--prefix", str(home)], check=True,
                   capture_output=True)
    example = shutil.copy(ROOT / "src/lake/example/read_table.cc", tmp_path)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "windrow-lake"], check=True, capture_output=True, text=True,
                           env={**os.environ, "PKG_CONFIG_PATH": str(home / "lib/pkgconfig")}).stdout.split()
    program = tmp_path / "read_table"
    subprocess.run(["g++", "-std=c++20", str(example), *flags, "-o", str(program)], check=True)
    table = tmp_path / "a table"
    subprocess.run([lab.PROGRAM, "table", "write", str(table), "SELECT i AS id, 'n' || i AS name FROM range(3) r(i)"], check=True,
                   capture_output=True)
    out = subprocess.run([str(program), str(table)], check=True, capture_output=True, text=True).stdout
    assert out.splitlines() == ["version 0: 3 rows in 1 files", "  id long", "  name string", "0\tn0\t", "1\tn1\t", "2\tn2\t"]
    missing = subprocess.run([str(program), str(tmp_path / "none")], capture_output=True, text=True)
    assert missing.returncode == 1 and "there is no Delta table" in missing.stderr
