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
    "openssl/": {"base"},
    "simdjson": {"lake"},
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
            target = match.group(2).split("/")[0]
            if match.group(1) == '"':
                if target not in position:
                    found.append(f"src/{path}:{number}: {match.group(2)!r} is not in any room")
                elif room != "main" and position[target] < position[room]:
                    found.append(f"src/{path}:{number}: {room}/ may not include {target}/, which is above it")
            for prefix, allowed in WRAPPED.items():
                if match.group(1) == "<" and match.group(2).startswith(prefix) and room not in allowed:
                    found.append(f"src/{path}:{number}: {match.group(2)} belongs to {', '.join(sorted(allowed))}/ alone")
    return found


def main() -> int:
    order = rooms((ROOT / "docs/architecture.md").read_text())
    if not order:
        print("docs/architecture.md: no table of rooms", file=sys.stderr)
        return 1
    files = {}
    for path in (ROOT / "src").rglob("*"):
        if path.suffix in (".h", ".cc"):
            files[str(path.relative_to(ROOT / "src"))] = path.read_text()
    found = violations(order, files)
    for folder in sorted(p for p in (ROOT / "src").iterdir() if p.is_dir()):
        if not (folder / "README.md").exists():
            found.append(f"src/{folder.name}/: has no README.md")
    print("\n".join(found) if found else f"arrows: {len(files)} files in {len(order)} rooms, none against the order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
