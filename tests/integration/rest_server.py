"""A REST server of the tests' own, which can be as hostile as servers are.

It holds a few lists, gives them out in many ways of paging, and fails as it is told to: answers 429 and 500, half a
body, no answer in time, and lists that move while they are read.
"""
import base64
import collections
import email.utils
import http.server
import json
import random
import socket
import threading
import time
import urllib.parse


class Server:
    """Answers on a free port of loopback until it is closed."""

    def __init__(self, faults: float = 0, seed: int = 1):
        self.lists: dict[str, list[dict]] = {}
        self.bodies: dict[str, object] = {}  # path → a JSON value, or a function of the query
        self.faults = faults  # share of requests that go wrong
        self.kinds = ["429", "500", "503", "half", "cut", "slow", "hang up", "not json", "400ms"]
        self.random = random.Random(seed)
        self.counts: collections.Counter = collections.Counter()
        self.times: list[float] = []
        self.seen: list[tuple[str, dict, dict]] = []
        self.page_size = 20
        self.move = None  # called with the server before each page of a list
        self.allow = None  # headers, query → true where the request may pass
        self.fail_next: list[str] = []
        self.lock = threading.RLock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                outer.token(self, body)

            def do_GET(self):
                try:
                    outer.answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.http = Threads(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- faults

    def fault(self) -> str | None:
        with self.lock:
            if self.fail_next:
                return self.fail_next.pop(0)
            return self.random.choice(self.kinds) if self.random.random() < self.faults else None

    def token(self, request, body: str) -> None:
        form = dict(urllib.parse.parse_qsl(body))
        basic = base64.b64encode(b"me:s3cret-of-client").decode()
        good = form.get("grant_type") == "client_credentials" and request.headers.get("Authorization") == f"Basic {basic}"
        self.counts["token"] += 1
        self.reply(request, 200 if good else 401,
                   {"access_token": f"token-{self.counts['token']}", "expires_in": 3600} if good else {"error": "no"})

    def answer(self, request) -> None:
        parts = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        with self.lock:
            self.times.append(time.monotonic())
            self.seen.append((parts.path, query, dict(request.headers)))
            self.counts["requests"] += 1
        fault = self.fault()
        if fault:
            self.counts[fault] += 1
        if fault == "429":
            return self.reply(request, 429, {"error": "slow down"}, {"Retry-After": "0.05"})
        if fault == "429 date":
            date = email.utils.formatdate(time.time() + 1, usegmt=True)
            return self.reply(request, 429, {"error": "slow down"}, {"Retry-After": date})
        if fault in ("500", "503"):
            return self.reply(request, int(fault), {"error": "oops"})
        if fault == "hang up":
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)
            return None
        if fault == "slow":
            time.sleep(1.2)  # longer than the tests' time-out
        if fault == "400ms":
            time.sleep(0.4)
        if self.allow and not self.allow(request.headers, query):
            return self.reply(request, 401, {"error": "who are you?"})
        with self.lock:
            status, body, headers = self.content(parts.path, query)
        etag = headers.get("ETag")
        if etag and request.headers.get("If-None-Match") == etag:
            self.counts["not modified"] += 1
            return self.reply(request, 304, None, headers)
        return self.reply(request, status, body, headers, fault)

    def reply(self, request, status: int, body, headers: dict | None = None, fault: str | None = None) -> None:
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        if fault == "not json":
            data = data[: len(data) // 2]
        if fault == "cut":  # no length is told, so that half of it looks whole
            request.send_header("Connection", "close")
            request.end_headers()
            request.wfile.write(data[: len(data) // 2])
            request.close_connection = True
            return
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        if fault == "half":
            request.wfile.write(data[: len(data) // 2])
            request.wfile.flush()
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        request.wfile.write(data)

    # --- content

    def content(self, path: str, query: dict) -> tuple[int, object, dict]:
        if path in self.bodies:
            body = self.bodies[path]
            body = body(query) if callable(body) else body
            if isinstance(body, tuple):
                return body
            return 200, body, {}
        way, _, name = path.strip("/").partition("/")
        if name not in self.lists:
            return 404, {"error": "not here"}, {}
        if self.move:
            self.move(self)
        rows = self.lists[name]
        if "since" in query:
            rows = [row for row in rows if row["updated_at"] >= query["since"]]
        return self.page(way, path, query, rows)

    def page(self, way: str, path: str, query: dict, rows: list) -> tuple[int, object, dict]:
        size, total = self.page_size, len(rows)
        pages = max(1, -(-total // size))
        if way == "pages":
            number = int(query.get("page", 1))
            if number > pages:
                return 404, {"error": "no such page"}, {}
            return 200, {"page": number, "results": rows[(number - 1) * size : number * size],
                         "total_pages": pages, "total_results": total}, {}
        if way == "bare":  # pages without any totals
            number = int(query.get("page", 1))
            return 200, rows[(number - 1) * size : number * size], {}
        if way == "offset":
            at, limit = int(query.get("offset", 0)), int(query.get("limit", size))
            return 200, {"items": rows[at : at + limit], "total": total}, {}
        at = int(query.get("cursor") or query.get("at") or 0)
        part, more = rows[at : at + size], at + size < total
        if way == "cursor":
            return 200, {"data": part, "next_cursor": str(at + size) if more else None}, {}
        if way == "link":
            return 200, {"results": part, "count": total,
                         "next": f"{self.url}{path}?at={at + size}&api_key=hidden-key-1" if more else None}, {}
        if way == "header":
            link = {"Link": f'<{path}?at={at + size}>; rel="next", <{path}>; rel="first"'} if more else {}
            return 200, part, link | {"X-Total-Count": str(total)}
        if way == "elsewhere":
            return 200, {"results": part, "next": "http://elsewhere.invalid/steal"}, {}
        if way == "whole":
            return 200, rows, {}
        return 404, {"error": "not here"}, {}
