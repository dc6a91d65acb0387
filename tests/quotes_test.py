"""Code in the documents is that of the repository: below `<!-- file: PATH -->` stands the whole file. WINDROW_REWRITE=1
writes it anew."""
import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUOTE = re.compile(r"(<!-- file: (\S+) -->\n```\w+(?: title=\S+)?\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)
PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if "<!-- file: " in page.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_quotes(page):
    text = page.read_text()
    assert len(QUOTE.findall(text)) == text.count("<!-- file: ")
    anew = QUOTE.sub(lambda found: found[1] + (ROOT / found[2]).read_text() + found[4], text)
    if os.environ.get("WINDROW_REWRITE"):
        page.write_text(anew)
    else:
        assert text == anew
