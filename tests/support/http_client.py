"""An HTTP client that sends what it is told to the byte, and holds every answer against the
contract."""
import dataclasses
import email.parser
import http.client
import json
import socket
import ssl
import time

TIMEOUT_SECONDS = 20  # longer than any deadline that the service itself keeps


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: object  # case-insensitive mapping
    body: bytes
    version: str = "HTTP/1.1"

    @property
    def media_type(self):
        return (self.headers.get("Content-Type") or "").split(";")[0].strip().lower()

    @property
    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json()["code"]

    @property
    def etag(self):
        return self.headers["ETag"]

    @property
    def revision(self):
        return int(self.headers["X-Waypost-Revision"])

    def fields(self):
        """The names of the fields that a 422 complains about."""
        return [error["field"] for error in self.json().get("errors", [])]


class _UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def connect(address, timeout=TIMEOUT_SECONDS, tls=None):
    """A stream socket to "HOST:PORT" or "unix:PATH"; over TLS with an ssl.SSLContext."""
    if tls is not None:
        host = address.rpartition(":")[0].strip("[]")
        return tls.wrap_socket(connect(address, timeout), server_hostname=host)
    if address.startswith("unix:"):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(timeout)
        stream.connect(address.removeprefix("unix:"))
        return stream
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


class Client:
    """Each request has a connection of its own, unless one is held open with `held()`."""

    def __init__(self, address, contract, tls=None):
        """`tls`: an ssl.SSLContext, to speak TLS."""
        self.address = address
        self.contract = contract
        self.tls = tls
        self._connection = None

    def held(self):
        """A client that sends all its requests over one connection."""
        client = Client(self.address, self.contract, self.tls)
        client._connection = self._open()
        return client

    def close(self):
        if self._connection is not None:
            self._connection.close()

    def _open(self):
        if self.address.startswith("unix:"):
            return _UnixConnection(self.address.removeprefix("unix:"), timeout=TIMEOUT_SECONDS)
        if self.tls is not None:
            return http.client.HTTPSConnection(self.address, timeout=TIMEOUT_SECONDS, context=self.tls)
        return http.client.HTTPConnection(self.address, timeout=TIMEOUT_SECONDS)

    def request(self, method, target, body=None, headers=None, check=True):
        """`body`: bytes as they are, anything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = self._connection or self._open()
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            if body is not None:
                headers.setdefault("Content-Length", str(len(body)))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            if connection is not self._connection:
                connection.close()
        if check:
            self.check(method, target, answer)
        return answer

    def check(self, method, target, answer):
        complaints = self.contract.complaints(method, target, answer)
        assert not complaints, "the contract is broken:\n" + "\n".join(complaints)

    def get(self, target, **headers):
        return self.request("GET", target, headers=_names(headers))

    def head(self, target, **headers):
        return self.request("HEAD", target, headers=_names(headers))

    def delete(self, target, **headers):
        return self.request("DELETE", target, headers=_names(headers))

    def post(self, target, body, **headers):
        return self.request("POST", target, body, _names(headers))

    def put(self, target, body, **headers):
        return self.request("PUT", target, body, _names(headers))

    def patch(self, target, body, **headers):
        return self.request("PATCH", target, body, _names(headers))

    def set(self, key, target_host, **fields):
        """PUT that must succeed."""
        answer = self.put(f"/overrides/{key}", {"target_host": target_host, **fields})
        assert answer.status in (200, 201), answer.text
        return answer

    def raw(self, data, half_close=False, timeout=TIMEOUT_SECONDS):
        """Sends bytes as they are, reads until the server closes. -> the bytes."""
        with connect(self.address, timeout, self.tls) as stream:
            try:
                stream.sendall(data)
                if half_close:
                    stream.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused while we send; the answer is there all the same
            return read_all(stream)

    def raw_answer(self, data, method="GET", target=None, half_close=False):
        """The one answer to one raw request, held against the contract if `target` is given."""
        answers = parse(self.raw(data, half_close), [method])
        assert len(answers) == 1, answers
        if target is not None:
            self.check(method, target, answers[0])
        return answers[0]


def _names(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


def read_all(stream):
    received = bytearray()
    try:
        while chunk := stream.recv(65536):
            received += chunk
    except (ConnectionResetError, ssl.SSLEOFError):
        pass
    return bytes(received)


def read_answer(stream, method="GET"):
    """Reads exactly one answer from a connection that stays open."""
    received = b""
    while True:
        answers, rest = _take(received, method)
        if answers is not None:
            assert not rest, f"more than one answer: {rest[:200]}"
            return answers
        chunk = stream.recv(65536)
        if not chunk:
            return parse(received, [method])[0]
        received += chunk


def parse(data, methods):
    """All answers in `data`; `methods` are those of the requests, in order."""
    answers = []
    for method in methods:
        if not data:
            break
        answer, rest = _take(data, method)
        if answer is None:  # its end is the end of the connection
            head, _, body = data.partition(b"\r\n\r\n")
            answer, rest = _answer(head, body), b""
        answers.append(answer)
        data = rest
    assert not data, f"unasked bytes after the last answer: {data[:200]}"
    return answers


def _answer(head, body):
    line, _, fields = head.partition(b"\r\n")
    version, status, *_ = line.decode("latin-1").split(" ", 2)
    headers = email.parser.Parser().parsestr(fields.decode("latin-1"), headersonly=True)
    return Answer(int(status), headers, body, version)


def _take(data, method):
    """-> (answer, what follows), or (None, data) while it is not whole."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None, data
    answer = _answer(head, b"")
    if answer.status == 100:
        return _take(rest, method)
    if method == "HEAD" or answer.status in (204, 304):
        return answer, rest
    if "chunked" in answer.headers.get("Transfer-Encoding", ""):
        body, rest = _dechunk(rest)
        return (None, data) if body is None else (_answer(head, body), rest)
    length = answer.headers.get("Content-Length")
    if length is None or len(rest) < int(length):
        return None, data
    return _answer(head, rest[:int(length)]), rest[int(length):]


def _dechunk(data):
    body = b""
    while True:
        size, end, rest = data.partition(b"\r\n")
        if not end:
            return None, data
        count = int(size.split(b";")[0], 16)
        if len(rest) < count + 2:
            return None, data
        body, data = body + rest[:count], rest[count + 2:]
        if count == 0:
            return body, data


def eventually(probe, seconds=10, what="it"):
    """Calls `probe` until it returns something true; fails when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)  # between looks, not instead of one
