"""Certificates of a test's own."""
import pathlib

import fetch


def make(folder: pathlib.Path, name: str) -> None:
    """An authority of this server's own (ca.pem) and a certificate for 127.0.0.1 that it has signed (NAME.crt, NAME.key)."""
    folder.mkdir(exist_ok=True)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for words in ("req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=windrow-test-ca -keyout ca.key -out ca.pem",
                  f"req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout {name}.key -out {name}.csr",
                  f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile names -out {name}.crt"):
        fetch.run(["openssl", *words.split()], "make certificates", folder)
