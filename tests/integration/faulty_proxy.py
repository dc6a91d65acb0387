"""A proxy in front of an HTTP server that misbehaves as it is told: busy, cut off, or silent after the effect."""
import http.client
import http.server
import random
import ssl
import threading
import urllib.parse

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>please</Message></Error>"


class Proxy:
    """`choose(method, path)` gives what becomes of a request: None (passed on), "busy" (503, not passed on), "reset"
    (closed, not passed on), "lost" (passed on, and closed instead of the answer), "cut" (half of the answer)."""

    def __init__(self, target: str, choose=lambda method, path: None, certificate: tuple[str, str] | None = None):
        parts = urllib.parse.urlsplit(target)
        self.target, self.choose = (parts.hostname, parts.port), choose
        self.lock, self.seen, self.bytes_sent = threading.Lock(), [], 0
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def any_method(self):
                proxy.pass_on(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = any_method

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128  # connections past it would wait a second and more

        self.server = Server(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def pass_on(self, request) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with self.lock:
            fault = self.choose(request.command, request.path)
            self.seen.append((request.command, request.path, fault))
        request.close_connection = fault is not None
        if fault == "reset":
            return
        if fault == "busy":
            request.wfile.write(b"HTTP/1.1 503 Busy\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(SLOW_DOWN))
            if request.command != "HEAD":
                request.wfile.write(SLOW_DOWN)
            return
        connection = http.client.HTTPConnection(*self.target, timeout=60)
        # As they came: the signature covers them, the name of the host included.
        connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if fault == "lost":
            return
        head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                head += f"{name}: {value}\r\n"
        length = answer.getheader("Content-Length") if request.command == "HEAD" else len(content)
        head += f"Content-Length: {length or 0}\r\n\r\n"
        if fault == "cut":
            content = content[: len(content) // 2]
        with self.lock:
            self.bytes_sent += len(content)
        request.wfile.write(head.encode("latin-1") + content)


def at_random(seed: int, share: float, *faults: str):
    """A `choose` that lets that share of requests go wrong."""
    chance = random.Random(seed)
    return lambda method, path: chance.choice(faults) if chance.random() < share else None
