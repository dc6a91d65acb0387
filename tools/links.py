#!/usr/bin/env python3
"""Links between the project's Markdown files: each leads to a file that is there, and to a heading of it. And every page
of docs/ is in the README's table and in the navigation of the site."""
import pathlib
import re
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[(?:[^][]|\[[^]]*\])*\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")
PAGE = re.compile(r"[\w-]+\.md")


def prose(text: str):
    """The lines outside of fenced code, with their numbers; code within a line is blanked."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code:
            yield number, re.sub(r"(`+).+?\1", lambda found: "`" * len(found[0]), line)


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading's text."""
    said = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", said.strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    out, code = set(), False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            code = not code
        elif not code and (found := re.match(r"#{1,6} (.+)", line)):
            name, again = anchor(found[1]), 0
            while (unique := name + (f"-{again}" if again else "")) in out:
                again += 1
            out.add(unique)
    return out


def broken(root: pathlib.Path, files: list[pathlib.Path]) -> list[str]:
    known: dict[pathlib.Path, set[str]] = {}
    out = []
    for file in files:
        for number, line in prose(file.read_text()):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, name = urllib.parse.unquote(target).partition("#")
                place = (file.parent / path).resolve() if path else file
                where = f"{file.relative_to(root)}:{number}"
                if not place.exists() or not place.is_relative_to(root):
                    out.append(f"{where}: {target}: there is no such file")
                elif name and place.suffix == ".md":
                    headings = known.setdefault(place, anchors(place.read_text()))
                    if name not in headings:
                        out.append(f"{where}: {target}: there is no such heading")
    return out


def unlisted(root: pathlib.Path) -> list[str]:
    pages = {page.name for page in (root / "docs").glob("*.md")}
    table = set(re.findall(r"^\| \[docs/([\w-]+\.md)\]", (root / "README.md").read_text(), re.MULTILINE))
    out = [f"README.md: the table of pages lacks docs/{page}" for page in sorted(pages - table)]
    site = root / "mkdocs.yml"
    if site.is_file():
        nav = set(PAGE.findall(site.read_text().partition("\nnav:")[2]))
        out += [f"mkdocs.yml: nav lacks {page}" for page in sorted(pages - nav)]
    return out


def check(root: pathlib.Path) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], cwd=root, check=True,
                            capture_output=True, text=True).stdout.split("\0")
    return broken(root, [root / name for name in listed if name and (root / name).is_file()]) + unlisted(root)


def main() -> None:
    found = check(ROOT)
    for line in found:
        print(line)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
