"""Records that servers send: too long and too deep ones are set aside, the others come, and the count is even."""
import json

import lab
import rest_server
import sse_test

DEEP = "[" * 60_000 + "]" * 60_000  # deeper than any stack


class Texts(rest_server.Server):
    """Answers each request with this text."""

    text = ""

    def answer(self, request):
        data = self.text.encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)


def project(folder, url, source):
    return lab.make_project(folder, {
        "windrow.yaml": f"project: lab\nconnections: {{api: {{type: rest, url: \"{url}\"}}}}\nlayers: {{bronze: {{}}}}\n",
        "sources/t.yaml": f"source: bronze.t\n{source}"})


def run(folder):
    result = lab.windrow(folder, "run", "--json", check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)["tasks"][0]


def rows(folder, columns, table="bronze.t"):
    return sorted(lab.values_of_delta_rs(lab.table_path(folder, table), columns))


def test_rest(tmp_path):
    with Texts() as server:
        server.text = "[" + ",".join(['{"id":1}', json.dumps({"id": 2, "a": "x" * 200_000}), '{"id":3,"a":' + DEEP + "}",
                                      '{"id":4,"a":' + "[" * 999 + "]" * 999 + "}", '{"id":"five"}']) + "]"
        source = "from: {rest: api, record_bytes_max: 150kB, resources: {list: /list}}\ncolumns: {id: bigint}\n"
        folder = project(tmp_path, server.url, source)
        task = run(folder)
    assert (task["rows"], task["rejected"]) == (2, 3), task
    assert rows(folder, ["id"]) == [(1,), (4,)]
    errors = [error for (error,) in rows(folder, ["error"], "bronze.t_rejected")]
    assert "does not fit" in errors[0] and errors[1].startswith("it is 200") and errors[2] == "it is nested deeper than 1000 levels", errors
    assert {origin for (origin,) in rows(folder, ["origin"], "bronze.t_rejected")} == {"/list"}


def test_sse(tmp_path):
    events = ['{"n":0}', '{"n":1,"a":' + DEEP + "}", json.dumps({"n": 2, "a": "x" * 400_000}), '{"n":3}', '{"n":"x"}', "no JSON"]
    with sse_test.Stream([]) as stream:
        def give(request):
            request.send_response(200)
            request.send_header("Content-Type", "text/event-stream")
            request.end_headers()
            last = request.headers.get("Last-Event-ID")
            for i in range(int(last) + 1 if last else 0, len(events)):
                request.wfile.write(f"id: {i}\ndata: {events[i]}\n\n".encode())
        stream.give = give
        folder = project(tmp_path, stream.url, "from: {sse: api, path: /s, for: 4s, idle: 1s, record_bytes_max: 300kB}\ncolumns: {n: bigint}\n")
        task = run(folder)
    assert task["rows"] + task["rejected"] == len(events), task
    assert sorted(n for (n,) in lab.values_of_delta_rs(lab.table_path(folder, "bronze.t"), ["n"]) if n is not None) == [0, 3]
    bad = dict(rows(folder, ["origin", "error"], "bronze.t_rejected"))
    assert bad["1"] == "it is nested deeper than 1000 levels" and "`record_bytes_max`" in bad["2"], bad
