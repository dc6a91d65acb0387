"""./dev example: an example from its servers to what an application reads. See stage.py for what an example is made of."""
import argparse
import difflib
import os
import pathlib
import signal
import sys
import time

import stage

HOME = stage.ROOT / "build/examples"


def listed() -> int:
    print("usage: ./dev example NAME [--rows N] [--keep]\n")
    width = max((len(name) for name in stage.names()), default=0)
    for name in stage.names():
        print(f"  {name:<{width}}  {stage.about(name)}")
    return 0


def walk(name: str, rows: int | None, keep: bool) -> None:
    folder, servers = HOME / name, HOME / f"{name}-servers"
    began = time.monotonic()
    with stage.staged(name, folder, rows, keep=keep, servers=servers) as example:
        shown = os.path.relpath(folder)
        example.say(f"feeding {example.rows:,} rows")
        example.module.feed(example)
        example.say(f"running, in {shown}")
        example.module.run(example)
        example.say("what applications read")
        example.module.show(example)
        example.say(f"done in {time.monotonic() - began:.0f} s; the project is in {shown}")
        if keep:
            print(f"   the servers go on; {shown}/.env says where they are. To stop them:")
            print(f"   ./dev example {name} --stop")


def stop(name: str) -> int:
    """Stops what --keep has left."""
    import importlib
    for kind in reversed(importlib.import_module(name).SERVERS):
        server = kind(HOME / f"{name}-servers")
        if server.home.exists():
            server.down()
            print(f"{server.name}: stopped, its data removed", file=sys.stderr)
    return 0


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev example", description=__doc__.split(". ")[0] + ".")
    parser.add_argument("name", nargs="?", help="none: the examples are listed")
    parser.add_argument("--rows", type=int, help="how much is fed")
    parser.add_argument("--keep", action="store_true", help="leave the servers running, to try things out")
    parser.add_argument("--stop", action="store_true", help="stop what --keep has left")
    given = parser.parse_args(words)
    if given.name is None:
        return listed()
    if given.name not in stage.names():
        near = difflib.get_close_matches(given.name, stage.names(), 1)
        print(f'example: there is no example "{given.name}": ' +
              (f'did you mean "{near[0]}"?' if near else "`./dev example` lists them"), file=sys.stderr)
        return 2
    if given.rows is not None and given.rows < 1:
        print("example: --rows takes a number above 0", file=sys.stderr)
        return 2
    if given.stop:
        return stop(given.name)
    if not stage.PROGRAM.exists():
        print("example: the program is not built: ./dev build windrow", file=sys.stderr)
        return 2
    walk(given.name, given.rows, given.keep)
    return 0


def interrupted(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    os.umask(0o022)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    pathlib.Path(HOME).mkdir(parents=True, exist_ok=True)
    try:
        sys.exit(main(sys.argv[1:]))
    except stage.Failure as failure:
        print(f"example: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nexample: stopped", file=sys.stderr)
        sys.exit(130)
