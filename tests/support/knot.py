"""A real DNS server on loopback: knotd with the zones of these tests."""
import pathlib
import shutil
import socket
import subprocess

import dns_wire
from http_client import eventually
from program import free_port

CONFIG = """
server:
    rundir: {folder}
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: {folder}/db
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: {folder}
    zonefile-sync: -1
    journal-content: none
zone:
  - domain: mail.test
  - domain: other.test
"""

SOA = "@ 300 SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 120\n@ 300 NS ns.{zone}.\nns 300 A 192.0.2.53\n"


def mail_zone():
    """The domain each line is about is named for what it shows."""
    lines = [SOA.format(zone="mail.test"), """
plain          300 MX 10 mx1
plain          300 MX 20 mx2
plain          300 MX 5  MX0.Other.Test.
plain          300 A  192.0.2.80
mx1            300 A  192.0.2.1
mx2            600 A  192.0.2.2
mx2             60 AAAA 2001:db8::2
v4only         300 A  192.0.2.4
v6only         300 AAAA 2001:db8::6
both           300 A  192.0.2.10
both           300 A  192.0.2.11
both           200 AAAA 2001:db8::10
nullmx         300 MX 0 .
nullmx         300 A  192.0.2.9
notebook       300 TXT "neither MX nor address"
alias          100 CNAME plain
alias2         300 CNAME alias
away            90 CNAME big.other.test.
dangling       300 CNAME nothing.mail.test.
danglingaway   300 CNAME nothing.other.test.
loop1          300 CNAME loop2
loop2          300 CNAME loop1
toempty        300 CNAME notebook
tonull         300 CNAME nullmx
toimplicit     300 CNAME v4only
_odd_          300 A  192.0.2.12
r3---sn-abc    300 A  192.0.2.13
xn--bcher-kva  300 MX 10 mx1
short           30 MX 10 mx1
"""]
    chain = [f"chain{i} 300 CNAME chain{i + 1}" for i in range(1, 8)] + ["chain8 300 A 192.0.2.18"]
    many = [f"many 300 MX {i + 1} mx{i:03}.a-rather-long-name-so-that-it-is-truncated" for i in range(200)]
    addresses = [f"crowd 300 A 198.51.100.{i}" for i in range(200)]
    bulk = [f"bulk{i} 300 MX 10 mx1" for i in range(600)] + [f"bulk{i} 300 A 192.0.2.1" for i in range(600)]
    return "\n".join(lines + chain + many + addresses + bulk) + "\n"


def other_zone():
    return SOA.format(zone="other.test") + """
mx0            300 A  192.0.2.100
big            300 MX 10 mx0
big            300 A  192.0.2.101
"""


class Knot:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "db").mkdir()
        (self.folder / "mail.test.zone").write_text("$ORIGIN mail.test.\n" + mail_zone())
        (self.folder / "other.test.zone").write_text("$ORIGIN other.test.\n" + other_zone())
        self.process = None
        self.port = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        self.port = free_port()
        config = self.folder / "knot.conf"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port))
        program = shutil.which("knotd") or "/usr/sbin/knotd"
        with open(self.folder / "knotd.log", "ab") as log:
            self.process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        for zone in ("mail.test", "other.test"):
            eventually(lambda zone=zone: self._answers(zone), 20, "an answer of knotd")
        return self

    def _answers(self, zone):
        assert self.process.poll() is None, (self.folder / "knotd.log").read_text()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.sendto(dns_wire.query(zone, "SOA"), ("127.0.0.1", self.port))
            try:
                return dns_wire.rcode(probe.recv(512)) == dns_wire.NOERROR
            except OSError:
                return False

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0
