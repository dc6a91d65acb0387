#!/usr/bin/env python3
"""Writes VADER's words and emoji into a C++ source: embed_lexicon.py FOLDER OUT. What no text can match is left out:
words with capitals (texts are looked up in small letters), with blanks, and emoji of several characters (texts are
looked through character by character). Of a word that is there twice the last line counts."""
import pathlib
import sys

from embed_examples import literal


def entries(path: pathlib.Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = [line.strip().split("\t") for line in file.read().split("\n") if line]
    return {fields[0]: fields[1] for fields in lines}


def main() -> None:
    folder, target = map(pathlib.Path, sys.argv[1:])
    words = {word: valence for word, valence in entries(folder / "vader_lexicon.txt").items()
             if word.isascii() and word == word.lower() and " " not in word}
    emoji = {key: name for key, name in entries(folder / "emoji_utf8_lexicon.txt").items() if len(key) == 1}
    parts = []
    for function, of in (("lexicon_lines", words), ("emoji_lines", emoji)):
        data = "".join(f"{key}\t{value}\n" for key, value in sorted(of.items())).encode()
        parts += [f"std::string_view {function}() {{", "  return std::string_view(", f"{literal(data)}, {len(data)});", "}", ""]
    target.write_text("\n".join(['#include "operators/lexicon.h"', "", "namespace windrow::operators {", "", *parts,
                                 "}  // namespace windrow::operators", ""]))


main()
