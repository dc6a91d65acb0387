"""A Kerberos KDC of a test's own: a realm in a folder, on loopback."""
import os
import pathlib
import subprocess

import fetch
from server import Process

REALM = "WINDROW.TEST"
TOOLS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "klist")


class Kdc:
    def __init__(self, folder: pathlib.Path, port: int):
        self.folder, self.port = folder, port

    @property
    def env(self) -> dict[str, str]:
        return {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def create(self, principals: dict[str, list[str]]) -> None:
        """The realm, and for each keytab its principals."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "krb5.conf").write_text(
            f"[libdefaults]\n default_realm = {REALM}\n udp_preference_limit = 1\n dns_canonicalize_hostname = false\n"
            " rdns = false\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
            f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{self.port}\n }}\n[domain_realm]\n localhost = {REALM}\n")
        (self.folder / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{self.port}\n kdc_tcp_listen = 127.0.0.1:{self.port}\n"
            f"[realms]\n {REALM} = {{\n  database_name = {self.folder}/principal\n  key_stash_file = {self.folder}/stash\n"
            f"  acl_file = {self.folder}/acl\n  max_life = 1d\n }}\n")
        (self.folder / "acl").write_text("")
        fetch.run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "master"], "make a realm", self.folder, **self.env)
        words = []
        for keytab, names in principals.items():
            for name in names:
                words.append(f"addprinc -randkey {name}")
                words.append(f"ktadd -k {self.keytab(keytab)} -norandkey {name}")
        fetch.run(["sh", "-c", 'printf "%s" "$1" | kadmin.local -r ' + REALM, "sh", "\n".join(words) + "\n"], "make principals", self.folder, **self.env)

    def keytab(self, name: str) -> pathlib.Path:
        return self.folder / f"{name}.keytab"

    def process(self) -> Process:
        return Process("kdc", ["krb5kdc", "-n", "-P", str(self.folder / "kdc.pid")], self.env)

    def ticket(self, keytab: str, principal: str, cache: pathlib.Path, lifetime: str = "1h") -> dict[str, str]:
        """What a program needs to come with this ticket."""
        env = {**self.env, "KRB5CCNAME": f"FILE:{cache}"}
        fetch.run(["kinit", "-l", lifetime, "-kt", str(self.keytab(keytab)), principal], "get a ticket", self.folder, **env)
        return env

    def valid(self, env: dict[str, str]) -> bool:
        return subprocess.run(["klist", "-s"], env={**os.environ, **env}).returncode == 0
