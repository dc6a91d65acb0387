"""A stand-in for TMDB on loopback: tmdb_server.py PORT FILE KEY.

The file is JSON, read again when it changes: `answers`, by path, and `per_second`. Who comes without the key is answered
401; who asks faster than that (counted over two seconds), 429.
"""
import collections
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

PAGE = 20
PORT, FILE, KEY = int(sys.argv[1]), sys.argv[2], sys.argv[3]

lock = threading.Lock()
known: dict = {"time": None, "told": {"per_second": 4.0, "answers": {}}}
recent: collections.deque = collections.deque()


def told() -> dict:
    with lock:
        try:
            changed = os.stat(FILE).st_mtime_ns
        except FileNotFoundError:
            return known["told"]
        if changed != known["time"]:
            with open(FILE) as file:
                known.update(time=changed, told=json.load(file))
        return known["told"]


def too_fast(per_second: float) -> bool:
    with lock:
        now = time.monotonic()
        while recent and recent[0] < now - 2:
            recent.popleft()
        recent.append(now)
        return len(recent) > 2 * per_second + 4


def answered(path: str, query: dict[str, str]) -> tuple[int, object]:
    if query.get("api_key") != KEY:
        return 401, {"status_code": 7, "status_message": "Invalid API key: You must be granted a valid key.", "success": False}
    now = told()
    if too_fast(now["per_second"]):
        return 429, {"status_code": 25, "status_message": "Your request count is over the allowed limit.", "success": False}
    found = now["answers"].get(path.removeprefix("/3"))
    if found is None:
        return 404, {"success": False, "status_code": 34, "status_message": "The resource you requested could not be found."}
    if not isinstance(found, list):
        wanted = query.get("append_to_response", "").split(",")
        return 200, {key: value for key, value in found.items() if key not in ("credits", "keywords") or key in wanted}
    page, pages = int(query.get("page", 1)), max(1, -(-len(found) // PAGE))
    if not 1 <= page <= 500:
        return 400, {"success": False, "status_code": 22, "status_message": "Invalid page: Pages start at 1 and max at 500."}
    head = {"id": int(path.split("/")[-2])} if path.endswith("/reviews") else {}
    return 200, head | {"page": page, "results": found[(page - 1) * PAGE : page * PAGE], "total_pages": pages, "total_results": len(found)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        status, body = answered(parts.path, dict(urllib.parse.parse_qsl(parts.query)))
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        if status == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer.request_queue_size = 128
    http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
