"""What mkdocs.yml leaves to code: pages that lie outside of docs/, links between them, decisions in the navigation, and
the scripts that readers run, which lie in the folder $WINDROW_SITE_SCRIPTS."""
import os
import pathlib
import posixpath
import sys

from mkdocs.structure.files import File

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import links  # noqa: E402

# Where the site has files of the project that are not in docs/.
OUTSIDE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "bench/README.md": "bench.md"}


def anchor_of(text: str, _separator: str) -> str:
    """As GitHub's: the same links hold in both."""
    return links.anchor(text)


def on_config(config):
    decisions = sorted((links.ROOT / "docs/adr").glob("*.md"))
    config.nav.append({"Decisions": [f"adr/{page.name}" for page in decisions]})
    return config


def on_files(files, config):
    for path, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(links.ROOT / path).read_text()))
    for script in sorted(pathlib.Path(os.environ["WINDROW_SITE_SCRIPTS"]).iterdir()):
        files.append(File.generated(config, f"assets/{script.name}", abs_src_path=str(script)))
    return files


def on_page_markdown(markdown, page, files, **_):
    """Links lead from the page's place in the project to the target's in the site; of what the site lacks the words stay."""
    uri = page.file.src_uri
    own = next((path for path, name in OUTSIDE.items() if name == uri), f"docs/{uri}")

    def moved(found):
        target, hash_mark, name = found[1].partition("#")
        if not target or ":" in target:
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(own), target))
        there = OUTSIDE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if there is None or files.get_file_from_path(there) is None:
            return found[0][1:found[0].rindex("](")]
        link = posixpath.relpath(there, posixpath.dirname(uri) or ".")
        return found[0][:found[0].rindex("](")] + f"]({link}{hash_mark}{name})"

    lines, code = markdown.splitlines(), False
    for i, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code:
            lines[i] = links.LINK.sub(moved, line)
    return "\n".join(lines) + "\n"
