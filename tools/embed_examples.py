#!/usr/bin/env python3
"""Writes the files of the examples, and those that a new project begins with, into a C++ source, for `windrow init`:
embed_examples.py EXAMPLES SCAFFOLD OUT."""
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


def entry(example: str, name: str, path: pathlib.Path) -> list[str]:
    data = path.read_bytes()
    executable = "true" if os.access(path, os.X_OK) else "false"
    return [f'    {{"{example}", "{name}", std::string_view(', f"{literal(data)}, {len(data)}), {executable}}},"]


def function(name: str, entries: list[str]) -> list[str]:
    return [f"const std::vector<ExampleFile>& {name}() {{", "  static const std::vector<ExampleFile> files{", *entries,
            "  };", "  return files;", "}", ""]


def main() -> None:
    examples, scaffold, target = map(pathlib.Path, sys.argv[1:])
    of_examples, of_scaffold = [], []
    for path in example_files(examples):
        example, *rest = path.relative_to(examples).parts
        of_examples += entry(example, "/".join(rest), path)
    for path in sorted(p for p in scaffold.rglob("*") if p.is_file()):
        of_scaffold += entry("", str(path.relative_to(scaffold)), path)
    target.write_text("\n".join(['#include "cli/examples.h"', "", "namespace windrow::cli {", "",
                                 *function("example_files", of_examples), *function("scaffold_files", of_scaffold),
                                 "}  // namespace windrow::cli", ""]))


if __name__ == "__main__":
    main()
