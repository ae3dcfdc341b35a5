#!/usr/bin/env python3
"""The floors of the house: includes go down only; rooms on one floor do not see each other; a
third-party library shows in its host file only; only main names a concrete database or resolver."""
import fnmatch
import pathlib
import re
import sys

import repository

FLOORS = [  # ground floor first; rooms on one floor may not see each other
    {"base"}, {"model"}, {"store", "dns"}, {"domain"}, {"api", "socketmap"}, {"main"},
]
LEVEL = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
HOSTS = {  # third-party header -> the files that may name it
    "uv.h": ("server/base/loop.c",),
    "xxhash.h": ("server/base/random.c",),
    "gnutls.h": ("server/base/digest.c", "api/http_tls.c", "server/main/ask_tls.c"),
    "abstract.h": ("api/http_tls.c",),
    "x509.h": ("api/http_tls.c",),
    "crypto.h": ("server/base/digest.c",),
    "idn2.h": ("server/model/key.c",),
    "sqlite3.h": ("server/store/*sqlite*",),
    "mysql.h": ("server/store/*mariadb*",),
    "errmsg.h": ("server/store/*mariadb*",),
    "mysqld_error.h": ("server/store/*mariadb*",),
    "ares.h": ("server/dns/channel.c", "server/dns/resolver_cares.c"),
    "ares_dns.h": ("server/dns/channel.c", "server/dns/resolver_cares.c"),
    "ares_nameser.h": ("server/dns/channel.c", "server/dns/resolver_cares.c"),
    "microhttpd.h": ("api/http_*.c",),
    "jansson.h": ("api/*",),
    "sd-daemon.h": ("server/main/notify.c",),
}
PRIVATE = ("store/store_sqlite.h", "store/store_mariadb.h", "dns/resolver_cares.h")  # for main
SYSTEM = re.compile(  # C17 and POSIX
    r"(assert|ctype|dirent|errno|fcntl|fenv|float|getopt|grp|inttypes|iso646|limits|locale|math|"
    r"netdb|poll|pthread|pwd|sched|semaphore|signal|stdalign|stdarg|stdatomic|stdbool|stddef|"
    r"stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|threads|time|uchar|unistd|wchar|"
    r"wctype|arpa/\w+|net/\w+|netinet/\w+|sys/\w+|linux/\w+)\.h")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.M)


def room_of(name):
    return name.parts[1] if name.parts[0] == "server" else name.parts[0]


def foreign(name, header):
    hosts = HOSTS.get(header.rsplit("/", 1)[-1])
    if hosts is None:
        if not SYSTEM.fullmatch(header):
            yield f"<{header}>: no host file is named for it (tests/lint/check_layers.py, HOSTS)"
    elif not any(fnmatch.fnmatch(str(name), host) for host in hosts):
        yield f"<{header}> belongs to {' or '.join(hosts)}"


def own(name, header):
    here, there = room_of(name), header.split("/")[0]
    if there == "generated":
        return
    if "/" not in header or there not in LEVEL:
        yield f'"{header}": name the room, as in "model/key.h"'
    elif there != here and LEVEL[there] >= LEVEL[here]:
        yield f'{here} (floor {LEVEL[here]}) may not look at "{header}" (floor {LEVEL[there]})'
    elif header in PRIVATE and here not in ("main", there):
        yield f'only main may name "{header}"'


def complaints(root):
    for name in repository.sources(root):
        content = repository.text(root, name)
        if room_of(name) not in LEVEL:
            yield f"{name}: {room_of(name)} is on no floor (tests/lint/check_layers.py, FLOORS)"
            continue
        for match in INCLUDE.finditer(content):
            rule = own if match.group(1) == '"' else foreign
            for what in rule(name, match.group(2)):
                yield f"{name}:{repository.line_of(content, match.start())}: {what}"


if __name__ == "__main__":
    found = list(complaints(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
    print("\n".join(found) or "layers: ok")
    sys.exit(1 if found else 0)
