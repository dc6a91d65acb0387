"""The documents say what the program prints: each page with ```console blocks or hidden commands is run (page.py); those for who
is new to it by newcomer/. WINDROW_REWRITE=1 writes what was printed into the pages: look at the difference before committing
it.
"""
import os

import pytest

import page

PAGES = [path for path in page.pages() if not page.marked(path, "newcomer")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page(path, tmp_path):
    if path.name == "README.md" and "MOVIES_JSON" not in os.environ:
        pytest.skip("needs the films that ./dev setup fetches")
    page.follow(path, tmp_path / "project")


def test_every_page_is_run_or_says_why_not():
    run = {path.name for path in page.pages()}
    for path in (page.ROOT / "docs").glob("*.md"):
        assert (path.name in run) != bool(page.marked(path, "not run")), path.name


def test_any_lines():
    same = page.same
    assert same("a\n…\nc", "a\nb\nb\nc") and same("a\n…", "a") and same("…\nc", "c") and not same("a\n…\nc", "a\nb") and not same("a", "a\nb")
