#!/usr/bin/env python3
"""Holds the includes to the arrows that docs/architecture.md permits, third-party headers to their rooms, and headers
to how much of the program one of them may rebuild (docs/adr/018-what-a-header-rebuilds.md).

The table of rooms in docs/architecture.md is in order: a room may include itself and the rooms below it.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Header prefix → rooms that may include it. Each third-party library is wrapped by one room.
WRAPPED = {
    "duckdb": {"duck"},
    "yaml-cpp/": {"project"},
    "CLI/": {"cli"},
    "histedit.h": {"cli"},
    "editline/": {"cli"},
    "sqlite3.h": {"clients"},
    "curl/": {"clients"},
    "libpq-fe.h": {"clients"},
    "mysql.h": {"clients"},
    "mysqld_error.h": {"clients"},
    "errmsg.h": {"clients"},
    "mongoc/": {"clients"},
    "bson/": {"clients"},
    "xlsxwriter": {"publish"},
    "openssl/": {"base", "clients", "http"},
    "boost/": {"http"},
    "sodium.h": {"access"},
    "lz4": {"clients"},
    "simdjson": {"lake", "clients", "sources"},
    "librdkafka/": {"clients"},
    "roaring/": {"lake"},
    "zlib.h": {"lake", "clients"},
    "zstd.h": {"clients"},
    "spdlog/": {"observe"},
    "date/": {"base"},
}

# Of the program's sources that a header above base/ may rebuild.
REACH_MAX = 0.25
# Values that rooms speak in, and names of types: small, and changed only with those who use them.
VOCABULARY = {
    "columns/forward.h", "columns/schema.h", "duck/forward.h", "duck/sandbox.h", "lake/actions.h", "project/checks.h",
    "project/connection.h", "project/forward.h", "project/publication.h", "project/source.h", "project/values.h",
    "storage/file_system.h",
}
INCLUDE = re.compile(r'^\s*#\s*include "([^"]+)"', re.MULTILINE)


def rooms(architecture: str) -> list[str]:
    """Room names in the order of the table."""
    return re.findall(r"^\| `([a-z]+)/` \|", architecture, re.MULTILINE)


def violations(order: list[str], files: dict[str, str]) -> list[str]:
    """Every forbidden include of `files` (path below src/ → text), as `path:line: message`."""
    position = {room: i for i, room in enumerate(order)}
    found = []
    for path, text in sorted(files.items()):
        room = path.split("/")[0] if "/" in path else "main"
        if room != "main" and room not in position:
            found.append(f"src/{path}: room {room!r} is not in the table of docs/architecture.md")
            continue
        for number, line in enumerate(text.splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            bracket, header = match.groups()
            wrapping = next((w for prefix, w in WRAPPED.items() if header.startswith(prefix)), None)
            target = header.split("/")[0]
            if wrapping is not None:
                if room not in wrapping:
                    found.append(f"src/{path}:{number}: {header} belongs to {', '.join(sorted(wrapping))}/ alone")
            elif bracket == '"' and ("/" not in header or target not in position):
                found.append(f"src/{path}:{number}: {header!r} is not in any room")
            elif bracket == '"' and room != "main" and position[target] < position[room]:
                found.append(f"src/{path}:{number}: {room}/ may not include {target}/, which is above it")
    return found


def reaching_too_far(files: dict[str, str], vocabulary: set[str]) -> list[str]:
    """Headers that rebuild more of the program than one may, and those of the vocabulary that no longer do."""
    includes = {path: INCLUDE.findall(text) for path, text in files.items()}
    program = [path for path in files if path.endswith(".cc") and not path.endswith("_test.cc")]
    reached = {header: 0 for header in files if header.endswith(".h")}
    for path in program:
        seen, todo = set(), list(includes[path])
        while todo:
            header = todo.pop()
            if header not in seen:
                seen.add(header)
                todo += includes.get(header, [])
        for header in seen & reached.keys():
            reached[header] += 1
    found = []
    for header, count in sorted(reached.items()):
        far = count > REACH_MAX * len(program) and not header.startswith("base/")
        if far and header not in vocabulary:
            found.append(f"src/{header}: rebuilds {count} of the program's {len(program)} sources, more than "
                         f"{REACH_MAX:.0%}: declare what you only hand on, or split it")
        elif not far and header in vocabulary:
            found.append(f"src/{header}: rebuilds no more than {REACH_MAX:.0%}: take it from VOCABULARY in tools/arrows.py")
    return found + [f"src/{header}: is not there: take it from VOCABULARY in tools/arrows.py"
                    for header in sorted(vocabulary - reached.keys())]


def check(root: pathlib.Path, vocabulary: set[str] = VOCABULARY) -> tuple[list[str], str]:
    """What is wrong in the project at `root`, and a line that says what was looked at."""
    order = rooms((root / "docs/architecture.md").read_text())
    if not order:
        return ["docs/architecture.md: has no table of rooms"], ""
    source = root / "src"
    files = {str(p.relative_to(source)): p.read_text() for p in source.rglob("*") if p.suffix in (".h", ".cc")}
    found = violations(order, files) + reaching_too_far(files, vocabulary)
    for folder in sorted(p for p in source.iterdir() if p.is_dir()):
        if not (folder / "README.md").exists():
            found.append(f"src/{folder.name}/: has no README.md")
    return found, f"arrows: {len(files)} files in {len(order)} rooms, none against the order"


def main() -> int:
    found, looked_at = check(ROOT)
    print("\n".join(found) if found else looked_at)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
