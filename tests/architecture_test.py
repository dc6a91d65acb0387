"""The include arrows of docs/architecture.md: the checker finds what is forbidden, and the sources have none of it."""
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import arrows  # noqa: E402

ORDER = ["cli", "lake", "duck", "base"]


def found(path: str, line: str) -> list[str]:
    return arrows.violations(ORDER, {path: f"#pragma once\n{line}\n"})


@pytest.mark.parametrize("path, line", [
    ("lake/table.h", '#include "base/error.h"'),
    ("lake/table.h", '#include "lake/schema.h"'),
    ("lake/protocol/log.cc", '#include "lake/schema.h"'),
    ("main.cc", '#include "cli/cli.h"'),
    ("lake/table.cc", "#include <vector>"),
    ("lake/table.cc", "#include <simdjson.h>"),
    ("duck/duck.cc", "#include <duckdb.h>"),
    ("duck/duck.cc", '#include "duckdb.h"'),
    ("lake/table.cc", '// #include "cli/cli.h"'),
])
def test_permits(path, line):
    assert found(path, line) == []


@pytest.mark.parametrize("path, line, message", [
    ("base/error.h", '#include "lake/table.h"', "src/base/error.h:2: base/ may not include lake/, which is above it"),
    ("base/error.h", '  #  include "cli/cli.h"', "src/base/error.h:2: base/ may not include cli/, which is above it"),
    ("lake/deep/log.cc", '#include "cli/cli.h"', "src/lake/deep/log.cc:2: lake/ may not include cli/, which is above it"),
    ("lake/table.cc", "#include <duckdb.h>", "src/lake/table.cc:2: duckdb.h belongs to duck/ alone"),
    ("lake/table.cc", "#include <duckdb/main/capi.h>", "src/lake/table.cc:2: duckdb/main/capi.h belongs to duck/ alone"),
    ("lake/table.cc", '#include "duckdb.hpp"', "src/lake/table.cc:2: duckdb.hpp belongs to duck/ alone"),
    ("main.cc", "#include <CLI/CLI.hpp>", "src/main.cc:2: CLI/CLI.hpp belongs to cli/ alone"),
    ("lake/table.cc", '#include "schema.h"', "src/lake/table.cc:2: 'schema.h' is not in any room"),
    ("lake/table.cc", '#include "attic/old.h"', "src/lake/table.cc:2: 'attic/old.h' is not in any room"),
    ("attic/old.cc", "", "src/attic/old.cc: room 'attic' is not in the table of docs/architecture.md"),
])
def test_forbids(path, line, message):
    assert found(path, line) == [message]


def test_rooms_are_read_in_the_order_of_the_table():
    assert arrows.rooms("| room | is for |\n|---|---|\n| `cli/` | verbs |\n| `base/` | errors, `Clock` |\n") == ["cli", "base"]


def test_a_project_without_room_readme_or_table_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "src/base").mkdir(parents=True)
    (tmp_path / "docs/architecture.md").write_text("# nothing\n")
    assert arrows.check(tmp_path)[0] == ["docs/architecture.md: has no table of rooms"]
    (tmp_path / "docs/architecture.md").write_text("| `base/` | errors |\n")
    assert arrows.check(tmp_path, set())[0] == ["src/base/: has no README.md"]


def test_headers_that_rebuild_too_much_are_found():
    files = {f"lake/{i}.cc": '#include "lake/some.h"' if i < 5 else "" for i in range(16)}
    files |= {"lake/some.h": '#include "lake/below.h"\n#include "base/error.h"', "lake/below.h": "", "base/error.h": "",
              "lake/rare.h": "", "lake/0_test.cc": '#include "lake/rare.h"'}
    told = "rebuilds 5 of the program's 16 sources, more than 25%: declare what you only hand on, or split it"
    assert arrows.reaching_too_far(files, set()) == [f"src/lake/below.h: {told}", f"src/lake/some.h: {told}"]
    assert arrows.reaching_too_far(files, {"lake/below.h", "lake/some.h"}) == []
    assert arrows.reaching_too_far(files, {"lake/below.h", "lake/some.h", "lake/rare.h", "lake/gone.h"}) == [
        "src/lake/rare.h: rebuilds no more than 25%: take it from VOCABULARY in tools/arrows.py",
        "src/lake/gone.h: is not there: take it from VOCABULARY in tools/arrows.py"]


def test_the_sources_follow_the_arrows():
    assert arrows.check(ROOT)[0] == []
