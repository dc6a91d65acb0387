"""An editor, as far as `windrow lsp` can tell: JSON-RPC over pipes."""
import json
import pathlib
import queue
import subprocess
import threading
import urllib.parse

import lab

PATIENCE = 30
CAPABILITIES = {"workspace": {"workspaceEdit": {"documentChanges": True, "resourceOperations": ["rename"]}}}


def framed(message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class Editor:
    """A session on one project. Texts are held here, as an editor does."""

    def __init__(self, folder, capabilities=None, env=None):
        self.folder = pathlib.Path(folder)
        self.process = subprocess.Popen([lab.PROGRAM, "lsp"], cwd=self.folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.ids, self.texts, self.diagnostics = 0, {}, {}
        self.answers = {}
        self.arrived = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.ready = self.ask("initialize", {"processId": None, "rootUri": self.folder.as_uri(),
                                             "capabilities": CAPABILITIES if capabilities is None else capabilities})
        self.tell("initialized", {})

    def _read(self):
        stream = self.process.stdout
        while line := stream.readline():
            length = int(line.split(b":")[1])
            assert stream.readline() == b"\r\n"
            self.arrived.put(json.loads(stream.read(length)))
        self.arrived.put(None)

    def send(self, message):
        self.process.stdin.write(message if isinstance(message, bytes) else framed(message))
        self.process.stdin.flush()

    def tell(self, method, params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method, params):
        self.ids += 1
        self.send({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params})
        return self.ids

    def _take(self):
        message = self.arrived.get(timeout=PATIENCE)
        assert message is not None, self.process.stderr.read().decode()
        if message.get("method") == "textDocument/publishDiagnostics":
            path = urllib.parse.unquote(message["params"]["uri"].removeprefix(self.folder.as_uri() + "/"))
            self.diagnostics[path] = message["params"]["diagnostics"]
        elif "method" not in message:
            self.answers[message["id"]] = message
        return message

    def answer(self, number):
        while number not in self.answers:
            self._take()
        return self.answers.pop(number)

    def ask(self, method, params):
        answer = self.answer(self.begin(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def refused(self, method, params):
        return self.answer(self.begin(method, params))["error"]

    def wait(self, path, condition):
        """Until what is told of a file fulfils a condition; gives it."""
        while path not in self.diagnostics or not condition(self.diagnostics[path]):
            self._take()
        return self.diagnostics[path]

    def uri(self, path):
        return (self.folder / path).as_uri()

    def open(self, path, text=None):
        self.texts[path] = (self.folder / path).read_text() if text is None else text
        self.tell("textDocument/didOpen", {"textDocument": {"uri": self.uri(path), "languageId": "sql", "version": 1,
                                                            "text": self.texts[path]}})

    def change(self, path, old, new):
        """One place, as an editor tells of it."""
        text = self.texts[path]
        assert text.count(old) == 1, (old, text.count(old))
        begin = text.index(old)
        self.tell("textDocument/didChange", {"textDocument": {"uri": self.uri(path), "version": 2}, "contentChanges": [
            {"range": {"start": position(text, begin), "end": position(text, begin + len(old))}, "text": new}]})
        self.texts[path] = text.replace(old, new)

    def at(self, path, text, inside=0):
        """Parameters for where a text begins in a file."""
        whole = self.texts.get(path) or (self.folder / path).read_text()
        assert whole.count(text) == 1, (text, whole.count(text))
        return {"textDocument": {"uri": self.uri(path)}, "position": position(whole, whole.index(text) + inside)}

    def labels(self, path, before):
        """What is offered behind a text."""
        params = self.at(path, before, len(before))
        return {item["label"]: item for item in self.ask("textDocument/completion", params)["items"]}

    def end(self):
        self.ask("shutdown", None)
        self.tell("exit", None)
        return self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()


def position(text, offset):
    """In UTF-16, as the protocol counts where nothing else was agreed."""
    before = text[:offset]
    line = before.rfind("\n") + 1
    return {"line": before.count("\n"), "character": len(before[line:].encode("utf-16-le")) // 2}


def offset(text, place):
    lines = text.split("\n")
    line = lines[place["line"]].encode("utf-16-le")[:place["character"] * 2].decode("utf-16-le")
    return sum(len(each) + 1 for each in lines[:place["line"]]) + len(line)


def marked(text, span):
    return text[offset(text, span["start"]):offset(text, span["end"])]


def apply(folder, edit):
    """Writes a WorkspaceEdit into the files."""
    for change in edit["documentChanges"]:
        if change.get("kind") == "rename":
            path_of(change["oldUri"]).rename(path_of(change["newUri"]))
            continue
        path = path_of(change["textDocument"]["uri"])
        text = path.read_text()
        for each in sorted(change["edits"], key=lambda e: offset(text, e["range"]["start"]), reverse=True):
            begin, end = offset(text, each["range"]["start"]), offset(text, each["range"]["end"])
            text = text[:begin] + each["newText"] + text[end:]
        path.write_text(text)
    assert folder


def path_of(uri):
    return pathlib.Path(urllib.parse.unquote(uri.removeprefix("file://")))
