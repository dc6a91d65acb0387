#!/usr/bin/env python3
"""Writes the pages of docs/ into a C++ source, for `windrow docs`: embed_docs.py README.md DOCS OUT. The README's table
names them all, in their order, and says what each is about."""
import pathlib
import re
import sys

from embed_examples import literal

ROW = re.compile(r"^\| \[docs/([\w-]+)\.md\]\(docs/\1\.md\) \| (.+) \|$", re.MULTILINE)
COMMENT = re.compile(r"^<!--.*?-->\n+", re.MULTILINE | re.DOTALL)  # what tests and those who write go by


def main() -> None:
    readme, docs, target = map(pathlib.Path, sys.argv[1:])
    rows = ROW.findall(readme.read_text())
    unnamed = {page.stem for page in docs.glob("*.md")} - {topic for topic, _ in rows}
    if unnamed:
        sys.exit(f"README.md: the table of pages lacks docs/{min(unnamed)}.md")
    entries = []
    for topic, about in rows:
        said, data = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", about).encode(), COMMENT.sub("", (docs / f"{topic}.md").read_text()).encode()
        entries += [f'    {{"{topic}", std::string_view(', f"{literal(said)}, {len(said)}), std::string_view(",
                    f"{literal(data)}, {len(data)})}},"]
    target.write_text("\n".join(['#include "cli/doc_pages.h"', "", "namespace windrow::cli {", "",
                                 "const std::vector<DocPage>& doc_pages() {", "  static const std::vector<DocPage> pages{",
                                 *entries, "  };", "  return pages;", "}", "", "}  // namespace windrow::cli", ""]))


main()
