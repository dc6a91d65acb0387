#!/usr/bin/env python3
"""Writes the files of the examples into a C++ source, for `windrow init`: embed_examples.py FOLDER OUT."""
import os
import pathlib
import sys

# What running an example in its folder leaves behind is not part of it.
LEFT_BEHIND = {".windrow", "lake", "__pycache__"}


def literal(data: bytes) -> str:
    # Pieces, for compilers bound the length of one literal; escapes are octal so that none runs into what follows.
    pieces = []
    for start in range(0, len(data), 4000):
        piece = data[start : start + 4000]
        text = "".join(chr(b) if 32 <= b < 127 and b not in b'"?\\' else f"\\{b:03o}" for b in piece)
        pieces.append(f'      "{text}"')
    return "\n".join(pieces) or '      ""'


def example_files(root: pathlib.Path) -> list[pathlib.Path]:
    files = (p for p in root.rglob("*") if p.is_file() and p.suffix not in {".db", ".pyc"})
    return sorted(p for p in files if len(p.relative_to(root).parts) > 1 and not LEFT_BEHIND & set(p.parts))


def main() -> None:
    root, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    lines = ['#include "cli/examples.h"', "", "namespace windrow::cli {", "",
             "const std::vector<ExampleFile>& example_files() {",
             "  static const std::vector<ExampleFile> files{"]
    for path in example_files(root):
        example, *rest = path.relative_to(root).parts
        data = path.read_bytes()
        executable = "true" if os.access(path, os.X_OK) else "false"
        lines.append(f'    {{"{example}", "{"/".join(rest)}", std::string_view(')
        lines.append(f"{literal(data)}, {len(data)}), {executable}}},")
    lines += ["  };", "  return files;", "}", "", "}  // namespace windrow::cli", ""]
    target.write_text("\n".join(lines))


main()
