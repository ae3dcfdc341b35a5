"""DNS servers that misbehave on purpose, on loopback."""
import collections
import socket
import struct
import threading

import dns_wire

HOLD_SECONDS = 30  # nobody is held longer than this, whatever a test forgets


class ScriptedDns:
    """Answers by the rules it was given, and counts what it was asked.

    A rule is the reply to one (name, type): a list of (type, data) or (type, data, ttl) records of
    that name; "servfail", "refused", "nxdomain", "nodata"; "silence"; "garbage" (not DNS at all);
    "broken" (a header and then nonsense); "truncated" (over UDP; over TCP the records of the rule
    "name/tcp"); or a function of (message, is_tcp) that makes the bytes. What has no rule is
    refused."""

    def __init__(self):
        self.rules = {}
        self.asked = collections.Counter()  # (name, type) -> times, UDP and TCP
        self.over_tcp = collections.Counter()
        self.lock = threading.Lock()
        self._free = threading.Event()
        self._free.set()
        self._waiting = []
        self._udp, self._tcp = self._open()
        self.port = self._udp.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve_udp, daemon=True),
                         threading.Thread(target=self._serve_tcp, daemon=True)]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _open():
        """A UDP and a TCP socket on the same port."""
        while True:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            udp.bind(("127.0.0.1", 0))
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                tcp.bind(udp.getsockname())
            except OSError:
                udp.close()
                tcp.close()
                continue
            tcp.listen(64)
            return udp, tcp

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self.release()
        for stream in (self._udp, self._tcp):
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # UDP: not connected, but the reader wakes up
            stream.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def rule(self, name, **by_type):
        """rule("a.test", A=[("A", "192.0.2.1")], AAAA="servfail")"""
        for kind, reply in by_type.items():
            self.rules[name, kind] = reply

    def hold(self):
        """Keeps all answers over UDP back until release()."""
        self._free.clear()

    def release(self):
        with self.lock:
            self._free.set()
            waiting, self._waiting = self._waiting, []
        for reply, client in waiting:
            self._udp.sendto(reply, client)

    def held(self):
        with self.lock:
            return len(self._waiting)

    def times(self, name, kind):
        with self.lock:
            return self.asked[name, kind]

    def total(self):
        with self.lock:
            return sum(self.asked.values())

    def _reply(self, message, is_tcp):
        name, kind, _ = dns_wire.question(message)
        with self.lock:
            self.asked[name, kind] += 1
            self.over_tcp[name, kind] += is_tcp
        rule = self.rules.get((name, kind), "refused")
        if rule == "truncated":
            if not is_tcp:
                return dns_wire.answer(message, truncated=True)
            rule = self.rules[name + "/tcp", kind]
        if callable(rule):
            return rule(message, is_tcp)
        if isinstance(rule, str):
            return self._special(rule, message, name)
        records = [dns_wire.record(name, *entry) for entry in rule]
        return dns_wire.answer(message, records)

    @staticmethod
    def _special(rule, message, name):
        soa = [dns_wire.record(name, "SOA", name, 60)]
        return {
            "servfail": lambda: dns_wire.answer(message, status=dns_wire.SERVFAIL),
            "refused": lambda: dns_wire.answer(message, status=dns_wire.REFUSED),
            "nxdomain": lambda: dns_wire.answer(message, status=dns_wire.NXDOMAIN, authority=soa),
            "nodata": lambda: dns_wire.answer(message, authority=soa),
            "garbage": lambda: b"\xff" * 40,
            "broken": lambda: dns_wire.answer(message)[:6] + b"\0\3" + dns_wire.answer(message)[8:]
            + b"\xc0\xff\x00",
            "silence": lambda: None,
        }[rule]()

    def _serve_udp(self):
        while True:
            try:
                message, client = self._udp.recvfrom(4096)
            except OSError:
                return
            if not client:
                return  # shut down
            reply = self._reply(message, False)
            if reply is None:
                continue
            with self.lock:
                if not self._free.is_set():
                    self._waiting.append((reply, client))
                    continue
            try:
                self._udp.sendto(reply, client)
            except OSError:
                return

    def _serve_tcp(self):
        while True:
            try:
                stream, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(stream,), daemon=True).start()

    def _talk(self, stream):
        stream.settimeout(HOLD_SECONDS)
        with stream:
            try:
                while size := stream.recv(2, socket.MSG_WAITALL):
                    message = stream.recv(struct.unpack(">H", size)[0], socket.MSG_WAITALL)
                    reply = self._reply(message, True)
                    if reply is not None:
                        stream.sendall(struct.pack(">H", len(reply)) + reply)
            except OSError:
                pass


class BlackHole:
    """Takes everything and never answers, over UDP and TCP."""

    def __init__(self):
        self._udp, self._tcp = ScriptedDns._open()
        self.address = f"127.0.0.1:{self._udp.getsockname()[1]}"

    def close(self):
        self._udp.close()
        self._tcp.close()
