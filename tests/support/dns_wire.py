"""As much of the DNS wire format as a scripted server and a readiness probe need (RFC 1035)."""
import ipaddress
import struct

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "MX": 15, "AAAA": 28}
NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)


def name(text):
    labels = [label.encode("ascii") for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def query(text, kind, number=1):
    return (struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + name(text)
            + struct.pack(">2H", TYPES[kind], 1))


def question(message):
    """-> (name in lower case without the last dot, type, the question's bytes) of a query."""
    labels, place = [], 12
    while message[place]:
        size = message[place]
        labels.append(message[place + 1:place + 1 + size].decode("ascii").lower())
        place += 1 + size
    kind = struct.unpack_from(">H", message, place + 1)[0]
    return ".".join(labels), NAMES.get(kind, str(kind)), message[12:place + 5]


def rcode(message):
    return message[3] & 15


def record(owner, kind, data, ttl=300):
    """`data`: an address, a host, or (preference, host)."""
    if kind in ("A", "AAAA"):
        content = ipaddress.ip_address(data).packed
    elif kind == "MX":
        content = struct.pack(">H", data[0]) + name(data[1])
    elif kind == "SOA":
        content = name(data) + name(data) + struct.pack(">5I", 1, 3600, 600, 86400, 60)
    else:
        content = name(data)
    return name(owner) + struct.pack(">2HIH", TYPES[kind], 1, ttl, len(content)) + content


def answer(message, records=(), status=NOERROR, authority=(), truncated=False):
    """The reply to a query; `records` and `authority` are made by record()."""
    asked = question(message)[2]
    flags = 0x8180 | status | (0x0200 if truncated else 0)
    header = message[:2] + struct.pack(">5H", flags, 1, len(records), len(authority), 0)
    return header + asked + b"".join(records) + b"".join(authority)
