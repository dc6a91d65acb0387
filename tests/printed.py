"""What the program prints, without what differs from run to run."""
import pathlib
import re

RUN_ID = r"\b[0-9a-f]{8}-[0-9a-f]{4}(?:-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?\b"


def plain(text: str, folder: pathlib.Path) -> str:
    text = text.replace(str(folder), "PROJECT")
    text = re.sub(RUN_ID, "ID", text)
    text = re.sub(r"\bpart-[0-9a-f]{8}-ID", "part-ID", text)
    text = re.sub(r"(^| +)\d+\.\d\d s", " TIME", text, flags=re.MULTILINE)
    text = re.sub(r"\d+(\.\d)? (GB|MB|kB|bytes|B)\b", "SIZE", text)
    return "\n".join(line.rstrip() for line in text.splitlines())
