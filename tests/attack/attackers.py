"""Clients that mean harm, each a process: `attackers.py NAME ADDRESS`. Says "ready" when its attack stands, goes on
until its standard input ends, and then says how many of its requests were answered, and on how many connections."""
import contextlib
import os
import resource
import select
import selectors
import socket
import sys

SLOW_HEADS, SLOW_BODIES, SLOW_READERS, IDLE, GREEDY = 1000, 500, 300, 5000, 100
CLOSED_LOOP = 8  # connections of those that ask as fast as they are answered
PIPELINED = 500
MIB = 1 << 20
BODY_BYTES = 4 * MIB
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /resolve?fallback=none HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
PATIENCE_SECONDS = 0.5  # between two pieces of somebody slow


class Attack:
    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = host, int(port)
        self.answered = 0
        self.connections = 0

    def connect(self, source="127.0.0.1", receive_buffer=0):
        stream = socket.socket()
        if receive_buffer:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        stream.bind((source, 0))
        stream.settimeout(20)
        stream.connect(self.address)
        return stream

    def is_over(self, seconds=0):
        return bool(select.select([sys.stdin], [], [], seconds)[0])

    def ready(self, connections):
        self.connections = connections
        print("ready", flush=True)


def trickle(attack, streams, piece):
    """A piece for each, every now and then."""
    attack.ready(len(streams))
    while not attack.is_over(PATIENCE_SECONDS):
        for stream in streams:
            with contextlib.suppress(OSError):
                stream.send(piece, socket.MSG_DONTWAIT)


def slow_heads(attack):
    streams = [attack.connect() for _ in range(SLOW_HEADS)]
    for stream in streams:
        stream.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
    trickle(attack, streams, b"a")


def slow_bodies(attack):
    streams = [attack.connect() for _ in range(SLOW_BODIES)]
    for stream in streams:
        stream.sendall(POST % BODY_BYTES)
    trickle(attack, streams, b" " * 100)


def slow_readers(attack):
    """Of lists as large as they come; nobody reads."""
    streams = [attack.connect(receive_buffer=4096) for _ in range(SLOW_READERS)]
    for stream in streams:
        stream.sendall(b"GET /overrides?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n")
    for stream in streams:
        stream.recv(1)
    trickle(attack, streams, b"")


def idle(attack):
    """After a request, for then a connection has all its memory. No address may have as many."""
    streams = []
    for number in range(IDLE):
        streams.append(attack.connect(f"127.0.0.{2 + number % 4}"))
        streams[-1].sendall(GET)
        streams[-1].recv(4096)
    trickle(attack, streams, b"")


def greedy_bodies(attack):
    """All but the end of bodies that together are more than there may be."""
    streams = [attack.connect() for _ in range(GREEDY)]
    for stream in streams:
        stream.setblocking(False)
    left = {stream: memoryview(POST % BODY_BYTES + b" " * (BODY_BYTES - 1)) for stream in streams}
    while left:
        _, writable, _ = select.select([], list(left), [], 5)
        for stream in writable:
            try:
                left[stream] = left[stream][stream.send(left[stream]):]
            except OSError:  # refused
                left[stream] = b""
            if not left[stream]:
                del left[stream]
    trickle(attack, streams, b"")


def closed_loop(attack, request, answers=1):
    """Each connection asks again as soon as it is answered; where it is closed, another takes its place."""
    selector = selectors.DefaultSelector()

    def begin():
        stream = attack.connect()
        stream.setblocking(False)
        selector.register(stream, selectors.EVENT_READ | selectors.EVENT_WRITE, [memoryview(request), b""])

    def turn(stream, state, events):
        if events & selectors.EVENT_WRITE:
            state[0] = state[0][stream.send(state[0]):]
            if not state[0]:
                selector.modify(stream, selectors.EVENT_READ, state)
        if events & selectors.EVENT_READ:
            received = stream.recv(1 << 16)
            state[1] += received
            if not received or b"Connection: close" in state[1]:
                attack.answered += b"HTTP/1.1 " in state[1]
                return False
            if state[1].count(b"HTTP/1.1 ") >= answers and state[1].endswith((b"}\n", b"}")):
                attack.answered += answers
                state[:] = [memoryview(request), b""]
                selector.modify(stream, selectors.EVENT_READ | selectors.EVENT_WRITE, state)
        return True

    for _ in range(CLOSED_LOOP):
        begin()
    attack.ready(CLOSED_LOOP)
    while not attack.is_over():
        for key, events in selector.select(0.1):
            try:
                goes_on = turn(key.fileobj, key.data, events)
            except OSError:
                goes_on = False
            if not goes_on:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                begin()


def huge_heads(attack):
    closed_loop(attack, b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Huge: " + b"a" * 20000 + b"\r\n\r\n")


def pipelining(attack):
    closed_loop(attack, GET * PIPELINED, PIPELINED)


def json_bombs(attack):
    body = b'{"keys":[' + b"{}," * (BODY_BYTES // 3 - 10) + b"{}]}"
    closed_loop(attack, POST % len(body) + body)


def connections(attack):
    """Opened and closed, at once or after a word."""
    attack.ready(1)
    while not attack.is_over():
        for word in (b"", b"G", GET):
            stream = attack.connect()
            with contextlib.suppress(OSError):
                stream.sendall(word)
            stream.close()
            attack.answered += 1


ATTACKS = (slow_heads, slow_bodies, slow_readers, idle, greedy_bodies, huge_heads, pipelining, json_bombs, connections)


def main():
    name, address = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    os.nice(19)  # its own cost is not what is measured
    attack = Attack(address)
    {function.__name__: function for function in ATTACKS}[name](attack)
    print(attack.answered, attack.connections, flush=True)


if __name__ == "__main__":
    main()
