#!/usr/bin/env python3
"""Writes the files below a folder into a C++ source, for `windrow init`: embed_examples.py FOLDER OUT."""
import pathlib
import sys


def literal(data: bytes) -> str:
    # Pieces, for compilers bound the length of one literal; escapes are octal so that none runs into what follows.
    out = []
    for start in range(0, len(data), 4000):
        piece = "".join(chr(b) if 32 <= b < 127 and b not in (34, 63, 92) else f"\\{b:03o}" for b in data[start : start + 4000])
        out.append(f'      "{piece}"')
    return "\n".join(out) or '      ""'


def main() -> None:
    root, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    lines = ['#include "cli/examples.h"', "", "namespace windrow::cli {", "", "const std::vector<ExampleFile>& example_files() {",
             "  static const std::vector<ExampleFile> files{"]
    paths = sorted(p for p in root.rglob("*") if p.is_file() and ".windrow" not in p.parts and "__pycache__" not in p.parts)
    for path in paths if root.is_dir() else []:
        relative = path.relative_to(root)
        if len(relative.parts) < 2:
            continue
        data = path.read_bytes()
        lines.append(f'    {{"{relative.parts[0]}", "{"/".join(relative.parts[1:])}", std::string_view(')
        lines.append(literal(data) + f", {len(data)})}},")
    lines += ["  };", "  return files;", "}", "", "}  // namespace windrow::cli", ""]
    target.write_text("\n".join(lines))


main()
