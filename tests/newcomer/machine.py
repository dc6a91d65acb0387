"""An empty machine, as far as a process can have one: a root folder with the program and the libraries that it links."""
import os
import pathlib
import re
import shutil
import subprocess

HOME = "opt/windrow"  # where docs/operations.md puts it


def can_be_had() -> bool:
    """Another root needs root, or a kernel that lets everybody be root of what is theirs."""
    return subprocess.run(["unshare", *apart(network=False), "--root=/", "true"], capture_output=True).returncode == 0


def apart(network: bool) -> list[str]:
    """What it does not share: the root, processes, and the network where there is to be none. The loader finds what lies
    beside a program by /proc."""
    return [*([] if os.geteuid() == 0 else ["--map-root-user"]), *([] if network else ["--net"]), "--pid", "--fork", "--mount-proc"]


def libraries(program: pathlib.Path) -> list[pathlib.Path]:
    """All that the loader looks for, and the loader."""
    told = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout
    return [pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", told)]


def make(root: pathlib.Path, program: pathlib.Path, network: bool) -> pathlib.Path:
    """A command that runs the program there, in the folder that it is called in, without a variable."""
    home = root / HOME
    (home / "lib").mkdir(parents=True)
    shutil.copy(program, home / "windrow")
    for library in libraries(program):
        inside = home / "lib" / library.name if library.name == "libduckdb.so" else root / library.relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, inside)
    command = root.parent / "windrow-on-an-empty-machine"
    words = " ".join(apart(network))
    (root / "proc").mkdir()
    (root / "dev/shm").mkdir(parents=True)  # libmongoc tells of it where it is missing, as soon as it is loaded
    # The variables that the pages' projects ask for are all that comes along.
    kept = " ".join(f'${{{name}+"{name}=${name}"}}' for name in ("KAFKA_BROKERS", "POSTGRES_URL"))
    command.write_text(f"""#!/bin/sh
exec env -i {kept} /usr/bin/unshare {words} --root='{root}' --wd="${{PWD#'{root}'}}" /{HOME}/windrow "$@"
""")
    command.chmod(0o755)
    return command
