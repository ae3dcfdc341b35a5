"""A loopback door in front of a MariaDB server, which fails as networks do.

It forwards the client's packets one by one, so that it knows which one is the COMMIT. What it holds
back in a black hole it delivers when the hole closes, as TCP does with what was lost on the way:
late, and whether or not anybody still waits for it."""
import contextlib
import socket
import struct
import threading
import time

HEAD_BYTES = 4  # of a packet: three of length, one of number
COM_QUERY = b"\x03"
BACKLOG = 64
FILLERS = 4  # connections that fill a backlog of none
CHUNK = 65536


class _Pair:
    """One connection of a client and the one to the server that belongs to it."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = None
        self.is_mute = False  # what the server says goes nowhere

    def run(self):
        proxy = self.proxy
        try:
            proxy.wait_for_way()
            self.server = socket.create_connection(("127.0.0.1", proxy.target))
            self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            proxy.start_thread(self.down)
            self.up()
        except OSError:
            pass  # either side has gone: so does the other
        finally:
            self.end(self.client)
            self.end(self.server)

    def packets(self):
        while True:
            head = self.client.recv(HEAD_BYTES, socket.MSG_WAITALL)
            if len(head) < HEAD_BYTES:
                return
            length = int.from_bytes(head[:3], "little")
            yield head, self.client.recv(length, socket.MSG_WAITALL) if length else b""

    def up(self):
        for head, body in self.packets():
            fate = self.proxy.fate_of(self, body)
            if fate is not None:
                fate(self, head + body)
                continue
            self.proxy.wait_for_way()
            self.server.sendall(head + body)
        self.proxy.wait_for_way()  # the end is not heard of in a hole either

    def down(self):
        try:
            while chunk := self.server.recv(CHUNK):
                if self.is_mute:
                    self.proxy.answered.set()
                    continue
                self.proxy.wait_for_way()
                self.client.sendall(chunk)
            self.proxy.wait_for_way()
        except OSError:
            pass
        finally:
            self.end(self.client)
            self.end(self.server)

    @staticmethod
    def end(stream):
        """Wakes whoever reads it."""
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def cut_client(self):
        """The client sees a reset, as when a router or a server has forgotten the connection."""
        with contextlib.suppress(OSError):
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.client.shutdown(socket.SHUT_RD)
            self.client.close()

    def cut(self):
        self.cut_client()
        self.end(self.server)


# --- what may become of one packet -----------------------------------------------------------------

def lost_and_cut(pair, packet):
    """The server never sees it, and sees the connection end."""
    pair.cut()


def done_and_cut(pair, packet):
    """The server has done it and has answered; the client is cut off before the answer."""
    pair.is_mute = True
    pair.server.sendall(packet)
    assert pair.proxy.answered.wait(pair.proxy.PATIENCE), "the server did not answer"
    pair.cut()


def sent_and_cut(pair, packet):
    """The client is cut off while the server may still be at it."""
    pair.is_mute = True
    pair.server.sendall(packet)
    pair.cut()


def lost_and_forgotten(pair, packet):
    """The server never sees it, nor that the client has gone: it keeps the transaction open."""
    pair.is_mute = True
    pair.cut_client()
    pair.proxy.healed.wait()


def lost_in_a_hole(pair, packet):
    """From this packet on nothing arrives, until the hole closes; then this one does, late."""
    pair.proxy.hole()
    pair.proxy.wait_for_way()
    pair.server.sendall(packet)


def lost_until_asked(pair, packet):
    """It is on its way for so long that the client has given up the connection and asks over another
    one what became of it, in the words that strike() was told; it arrives just then."""
    pair.proxy.asked.wait(pair.proxy.PATIENCE)
    pair.server.sendall(packet)


def done_in_a_hole(pair, packet):
    """The server has done it; the answer and all that follows stay in the hole."""
    pair.is_mute = True
    pair.server.sendall(packet)
    assert pair.proxy.answered.wait(pair.proxy.PATIENCE), "the server did not answer"
    pair.proxy.hole()
    pair.proxy.wait_for_way()


class TcpProxy:
    PATIENCE = 30

    def __init__(self, target):
        """`target`: a port of this machine."""
        self.target = target
        self.port = 0
        self.answered = threading.Event()  # a server has answered a mute connection
        self.healed = threading.Event()
        self.struck = threading.Event()  # the packet that was waited for has met its fate
        self.asked = threading.Event()  # see lost_until_asked()
        self._question = None
        self.knocks = []  # when connections came
        self._slams = False
        self._way = threading.Event()
        self._way.set()
        self._lock = threading.Lock()
        self._fate = None  # (statement, what becomes of it)
        self._marked = None  # the pair that has sent the statement
        self._after = 0  # packets of it that still pass
        self._pairs = []
        self._threads = []
        self._fillers = []
        self._listener = None
        self._is_closed = False
        self._listen()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._is_closed = True
        self.refuse()
        self._way.set()
        self.healed.set()
        self.asked.set()
        for thread in self._threads:
            thread.join(self.PATIENCE)
            assert not thread.is_alive()

    # --- faults

    def refuse(self):
        """Cuts every connection; new ones are refused."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _Pair.end(listener)
            listener.close()
        self.cut()

    def cut(self):
        """Cuts every connection; new ones are welcome."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.cut()

    def slam(self):
        """Cuts every connection; new ones are accepted and cut."""
        self._slams = True
        self.cut()

    def hole(self):
        """Nothing passes any more in either direction, and nobody is told. New connections are
        accepted and never answered."""
        self._way.clear()

    def hole_at_connect(self):
        """As a hole, and new connections are not even accepted: their first packet is lost."""
        self.hole()
        self._listener.listen(0)
        for _ in range(FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._fillers.append(filler)

    def heal(self):
        """As if nothing had been; what was held back arrives."""
        with self._lock:
            self._fate = None
        self._slams = False
        for filler in self._fillers:
            filler.close()
        self._fillers = []
        if self._listener is None:
            self._listen()
        else:
            self._listener.listen(BACKLOG)
        self._way.set()
        self.healed.set()

    def strike(self, statement, fate, after=0, question=None):
        """What becomes of the next packet that is this statement, or of the one that its connection
        sends so many packets later; once. `question`: see lost_until_asked()."""
        with self._lock:
            self.struck.clear()
            self.healed.clear()
            self.answered.clear()
            self.asked.clear()
            self._question = question
            self._fate = COM_QUERY + statement, fate
            self._marked, self._after = None, after

    # --- for the pairs

    def wait_for_way(self):
        self._way.wait()
        if self._is_closed:
            raise OSError("closed")

    def fate_of(self, pair, body):
        with self._lock:
            if self._fate is None:
                if self._question is not None and self._question in body:
                    self.asked.set()
                return None
            if self._marked is None and self._fate[0] == body:
                self._marked = pair
            elif self._marked is pair:
                self._after -= 1
            if self._marked is not pair or self._after > 0:
                return None
            fate, self._fate = self._fate[1], None
        self.struck.set()
        return fate

    def start_thread(self, run):
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    # --- the door

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(BACKLOG)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self.start_thread(lambda: self._accept(listener))

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.knocks.append(time.monotonic())
            pair = _Pair(self, client)
            if self._slams:
                pair.cut_client()
                continue
            with self._lock:
                self._pairs.append(pair)
            self.start_thread(pair.run)
            self._way.wait()  # in a hole nobody takes connections from the kernel's queue
