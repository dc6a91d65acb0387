#!/usr/bin/env python3
"""Holds the includes to the arrows that docs/architecture.md permits, and third-party headers to their rooms.

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
    "openssl/": {"base", "clients"},
    "lz4": {"clients"},
    "simdjson": {"lake", "clients", "sources"},
    "librdkafka/": {"clients"},
    "roaring/": {"lake"},
    "zlib.h": {"lake", "clients"},
    "zstd.h": {"clients"},
    "spdlog/": {"observe"},
    "date/": {"base"},
}


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


def check(root: pathlib.Path) -> tuple[list[str], str]:
    """What is wrong in the project at `root`, and a line that says what was looked at."""
    order = rooms((root / "docs/architecture.md").read_text())
    if not order:
        return ["docs/architecture.md: has no table of rooms"], ""
    source = root / "src"
    files = {str(p.relative_to(source)): p.read_text() for p in source.rglob("*") if p.suffix in (".h", ".cc")}
    found = violations(order, files)
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
