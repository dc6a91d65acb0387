"""Links between Markdown files: the checker finds what leads nowhere, and the documents have none of it."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import links  # noqa: E402


def test_anchors_are_those_of_github():
    text = "# A b\n## `run` [X](y.md), **c**: d!\n## A b\n```\n# not one\n```\n### In every commit: `commitInfo`\n"
    assert links.anchors(text) == {"a-b", "run-x-c-d", "a-b-1", "in-every-commit-commitinfo"}


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/b.md").write_text("# There\n")
    page = tmp_path / "a.md"
    page.write_text("[x](docs/b.md#there) [y](docs/b.md#gone) [z](c.md) `[code](none.md)` [web](https://none.example)\n\n"
                    "```\n[code](none.md)\n```\n[here](#nowhere)\n[out](../../etc/passwd)\n")
    assert links.broken(tmp_path, [page]) == [
        "a.md:1: docs/b.md#gone: there is no such heading", "a.md:1: c.md: there is no such file",
        "a.md:6: #nowhere: there is no such heading", "a.md:7: ../../etc/passwd: there is no such file"]


def test_pages_that_are_not_listed_are_found(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / f"docs/{name}.md").write_text("# X\n")
    (tmp_path / "README.md").write_text("| [docs/a.md](docs/a.md) | x |\n| [docs/b.md](docs/b.md) | y |\n")
    (tmp_path / "mkdocs.yml").write_text("site_name: c.md\nnav:\n  - A: a.md\n  - C: c.md\n")
    assert links.unlisted(tmp_path) == ["README.md: the table of pages lacks docs/c.md", "mkdocs.yml: nav lacks b.md"]


def test_the_documents_have_none_of_it():
    assert links.check(ROOT) == []
