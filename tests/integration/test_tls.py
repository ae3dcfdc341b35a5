"""TLS: who is believed, who is let in, and what a change of the files does to connections."""
import concurrent.futures
import itertools
import os
import pathlib
import signal
import socket
import ssl
import time

import pytest

import program as programs
from certificates import ENDED, Authority, put
from http_client import Client, connect, eventually, parse, read_all, read_answer

USAGE = 2
HEAD_SECONDS = 10  # from accept to the end of the head, the handshake included
SWEEP_SECONDS = 5  # how much later at most, on a busy machine
WAIT_SECONDS = 30  # of a reader of changes; longer than any test
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
PIPELINED = 200
BATCH_MAX = 4 << 20
LIMIT_64K = 64 << 10
FILES_MAX = 400  # descriptors of a program with few connections: half of them
CONNECTIONS_MAX = FILES_MAX // 2
HELLO = bytes.fromhex("16030100c8010000c40303")  # how a ClientHello begins; 200 bytes are announced
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
LISTEN = ("127.0.0.1:0?tls=off", "127.0.0.1:0")  # plain, for looks from outside; and what is tested


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other"), "other")


def context(authority, certificate=None, version=None):
    """A client's, which believes an authority."""
    made = ssl.create_default_context(cafile=authority.cert)
    if certificate is not None:
        made.load_cert_chain(certificate.cert, certificate.key)
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


def unbelieving():
    """A client that looks at nothing."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def over(program, tls):
    return Client(program.addresses[1], program.contract, tls)


def shown(program, tls):
    """The certificate that new connections see."""
    with connect(program.addresses[1], tls=tls) as stream:
        return stream.getpeercert(binary_form=True)


def read_again(program):
    """SIGHUP, and waits for the one line that says what became of it."""
    before = len(said(program))
    program.process.send_signal(signal.SIGHUP)
    return eventually(lambda: said(program)[before:], what="a line about the files")[0]


def said(program):
    return [line for line in program.log() if line["event"] in ("tls.read", "tls.refused")]


@pytest.fixture(scope="module")
def program(launch_for_module, authority):
    return launch_for_module(*authority.server().options, "--log-level", "debug", listen=LISTEN)


@pytest.fixture(scope="module")
def guarded(launch_for_module, authority):
    """Wants a client certificate."""
    return launch_for_module(*authority.server().options, "--tls-client-ca", str(authority.cert),
                             "--log-level", "debug", listen=LISTEN)


@pytest.fixture
def own(launch, authority, tmp_path):
    """A program whose files a test may change."""
    certificate = authority.server().put(tmp_path)
    put(authority.cert.read_bytes(), tmp_path / "ca.pem")
    program = launch(*certificate.options, listen=LISTEN)
    program.files = tmp_path
    return program


@pytest.fixture
def own_guarded(launch, authority, tmp_path):
    certificate = authority.server().put(tmp_path)
    put(authority.cert.read_bytes(), tmp_path / "ca.pem")
    program = launch(*certificate.options, "--tls-client-ca", str(tmp_path / "ca.pem"), listen=LISTEN)
    program.files = tmp_path
    return program


def feed_calls(program):
    """How often the feed was read from the database."""
    return sum(value for name, value in program.metrics().items()
               if name.startswith("waypost_store_call_seconds_count") and 'call="feed"' in name)


def waiting(program, client, pool):
    """A reader of changes that waits: its first look at the database is over."""
    before = feed_calls(program)
    future = pool.submit(client.get, f"/changes?since=0&wait={WAIT_SECONDS}")
    eventually(lambda: feed_calls(program) > before, what="the first look")
    return future


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        yield threads


# --- versions, and who speaks what ----------------------------------------------------------------

@pytest.mark.parametrize("version", VERSIONS)
def test_a_right_certificate_is_believed(program, authority, version):
    tls = context(authority, version=version)
    assert over(program, tls).get("/healthz").status == 200
    with connect(program.addresses[1], tls=tls) as stream:
        assert stream.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_older_version_is_refused(program, authority):
    tls = unbelieving()
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    able = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    able.minimum_version = ssl.TLSVersion.TLSv1_1
    able.set_ciphers("ALL:@SECLEVEL=0")
    certificate = authority.server()
    able.load_cert_chain(certificate.cert, certificate.key)
    shake_hands_in_memory(tls, able)
    with pytest.raises(OSError):
        connect(program.addresses[1], tls=tls)


def shake_hands_in_memory(client, server):
    """That this client can do it at all."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass


def test_plain_http_on_the_tls_port_is_closed(program):
    with connect(program.addresses[1]) as stream:
        stream.sendall(REQUEST)
        assert b"HTTP/" not in read_all(stream)


def test_tls_on_a_plain_port_is_no_handshake(program):
    with pytest.raises(OSError):
        connect(program.addresses[0], tls=unbelieving())
    assert program.client.get("/healthz").status == 200


def test_a_unix_socket_is_plain(launch, authority, tmp_path):
    program = launch(*authority.server().options, listen=[f"unix:{tmp_path}/socket", "127.0.0.1:0?tls=on"])
    assert program.client.get("/healthz").status == 200
    assert over(program, context(authority)).get("/healthz").status == 200
    assert [line["tls"] for line in program.log("serve")] == ["off", "on"]


# --- whom a client believes -----------------------------------------------------------------------

def test_another_authority_is_not_believed(program, other):
    with pytest.raises(ssl.SSLCertVerificationError):
        over(program, context(other)).get("/healthz")


def test_another_name_is_not_believed(launch, authority):
    program = launch(*authority.server("127.0.0.2").options, listen=LISTEN)
    with pytest.raises(ssl.SSLCertVerificationError, match="127.0.0.1"):
        over(program, context(authority)).get("/healthz")


def test_a_certificate_that_has_ended_is_served_and_named(launch, authority):
    program = launch(*authority.server(days=ENDED).options, listen=LISTEN)
    warning, = program.log("tls.ended", "warn")
    assert warning["ends"] < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        over(program, context(authority)).get("/healthz")
    assert over(program, unbelieving()).get("/healthz").status == 200


def test_the_chain_is_sent(launch, authority, tmp_path):
    """A client that knows the root alone can follow it."""
    middle = authority.sign("middle", 2, "basicConstraints = critical,CA:TRUE")
    between = Authority.__new__(Authority)
    between.folder, between.name, between.count = tmp_path, "between", 0
    between.cert, between.key = middle.cert, middle.key
    certificate = between.server()
    certificate.cert.write_bytes(certificate.cert.read_bytes() + middle.cert.read_bytes())
    program = launch(*certificate.options, listen=LISTEN)
    assert over(program, context(authority)).get("/healthz").status == 200


# --- whom the service lets in ---------------------------------------------------------------------

def refused_with(program, tls):
    """Why the service breaks off; with TLS 1.3 the client hears of it after its own handshake."""
    with pytest.raises(ssl.SSLError) as raised:
        with connect(program.addresses[1], tls=tls) as stream:
            stream.sendall(REQUEST)
            stream.recv(1)
    return raised.value.reason


@pytest.mark.parametrize("version", VERSIONS)
def test_who_shows_no_certificate_is_refused(guarded, authority, version):
    wanted = {"TLSv1_2": "SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSv1_3": "TLSV13_ALERT_CERTIFICATE_REQUIRED"}
    assert refused_with(guarded, context(authority, version=version)) == wanted[version.name]


@pytest.mark.parametrize("version", VERSIONS)
def test_who_shows_a_wrong_certificate_is_refused(guarded, authority, other, version):
    for certificate, why in ((other.client(), "TLSV1_ALERT_UNKNOWN_CA"),
                             (authority.client(days=ENDED), "SSLV3_ALERT_CERTIFICATE_EXPIRED"),
                             (authority.client(usage="serverAuth"), "SSLV3_ALERT_BAD_CERTIFICATE")):
        assert refused_with(guarded, context(authority, certificate, version)) == why


@pytest.mark.parametrize("version", VERSIONS)
def test_who_shows_a_right_certificate_is_let_in(guarded, authority, version):
    assert over(guarded, context(authority, authority.client(), version)).get("/healthz").status == 200


def test_a_client_certificate_is_no_token(launch, authority, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(programs.run("token", "relay", "reader").stdout.splitlines()[1] + "\n")
    tokens.chmod(0o600)
    program = launch(*authority.server().options, "--tls-client-ca", str(authority.cert), "--tokens", str(tokens),
                     listen=LISTEN)
    assert over(program, context(authority, authority.client())).get("/overrides").status == 401


def handshakes(program):
    metrics = program.metrics()
    return [metrics.get(f'waypost_tls_handshakes_total{{result="{result}"}}', 0) for result in ("done", "failed")]


def test_handshakes_are_counted_and_fill_no_log(guarded, authority):
    done, failed = handshakes(guarded)
    noticed = len([line for line in guarded.log() if line["level"] not in ("info", "debug")])
    assert over(guarded, context(authority, authority.client())).get("/healthz").status == 200
    refused_with(guarded, context(authority))
    connect(guarded.addresses[1]).close()
    eventually(lambda: handshakes(guarded) == [done + 1, failed + 2], what="the count")
    assert len([line for line in guarded.log() if line["level"] not in ("info", "debug")]) == noticed


def test_the_end_of_the_certificate_is_a_metric(program, guarded, launch, authority, tmp_path):
    name = "waypost_tls_certificate_expiry_timestamp_seconds"
    certificate = authority.server(days=1)
    certificate.cert.write_bytes(certificate.cert.read_bytes() + authority.cert.read_bytes())
    sooner = launch(*certificate.options, listen=LISTEN).metrics()[name]
    assert time.time() < sooner < program.metrics()[name], "the first of the chain to end counts"
    assert name not in launch().metrics()


# --- the files are read again ---------------------------------------------------------------------

def test_a_new_certificate_is_for_new_connections(own, authority, pool):
    tls = context(authority)
    client = over(own, tls)
    before = shown(own, tls)
    held = client.held()
    assert held.get("/healthz").status == 200
    reader = waiting(own, client, pool)
    authority.server().put(own.files)
    assert read_again(own)["event"] == "tls.read"
    assert shown(own, tls) != before
    assert held.get("/healthz").status == 200
    assert own.client.set("example.org", "10.0.0.5").status == 201
    assert [change["lookup_key"] for change in reader.result().json()["changes"]] == ["example.org"]
    held.close()


def test_a_handshake_that_began_before_goes_on(own, authority):
    """It ends with the certificate that it began with."""
    before = shown(own, context(authority))
    tls = context(authority).wrap_bio(incoming := ssl.MemoryBIO(), outgoing := ssl.MemoryBIO(),
                                      server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    with connect(own.addresses[1]) as stream:
        stream.sendall(hello[:20])
        assert shown(own, context(authority)) == before  # accepted in order, or at least it has arrived
        authority.server().put(own.files)
        read_again(own)
        stream.sendall(hello[20:])
        while True:
            incoming.write(stream.recv(65536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
            stream.sendall(outgoing.read())
        stream.sendall(outgoing.read())
        assert tls.getpeercert(binary_form=True) in (before, shown(own, context(authority)))


@pytest.mark.parametrize("fault", ["another key", "no key", "no certificate", "not there", "ended", "encrypted"])
def test_files_with_a_fault_change_nothing(own, authority, fault):
    tls = context(authority)
    before = shown(own, tls)
    option = spoil(own.files, authority, fault)
    refusal = read_again(own)
    assert (refusal["event"], refusal["level"], refusal["option"]) == ("tls.refused", "error", option)
    assert shown(own, tls) == before
    assert over(own, tls).get("/healthz").status == 200
    authority.server().put(own.files)
    assert read_again(own)["event"] == "tls.read"
    assert shown(own, tls) != before


def spoil(folder, authority, fault):
    """-> the option that is to be named"""
    if fault == "another key":
        put(authority.server().key.read_bytes(), folder / "key.pem")
        return "tls-key"
    if fault == "no key":
        put(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", folder / "key.pem")
        return "tls-key"
    if fault == "encrypted":
        put(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIAAAA==\n-----END ENCRYPTED PRIVATE KEY-----\n",
            folder / "key.pem")
        return "tls-key"
    if fault == "no certificate":
        put(b"", folder / "cert.pem")
    elif fault == "not there":
        (folder / "cert.pem").unlink()
    else:
        authority.server(days=ENDED).put(folder)
    return "tls-cert"


def test_a_new_authority_is_for_new_connections(own_guarded, authority, other):
    old, new = context(authority, authority.client()), context(authority, other.client())
    held = over(own_guarded, old).held()
    assert held.get("/healthz").status == 200
    assert refused_with(own_guarded, new) == "TLSV1_ALERT_UNKNOWN_CA"
    put(b"nonsense", own_guarded.files / "ca.pem")
    assert read_again(own_guarded)["option"] == "tls-client-ca"
    assert over(own_guarded, old).get("/healthz").status == 200
    put(other.cert.read_bytes(), own_guarded.files / "ca.pem")
    assert read_again(own_guarded)["event"] == "tls.read"
    assert over(own_guarded, new).get("/healthz").status == 200
    assert refused_with(own_guarded, old) == "TLSV1_ALERT_UNKNOWN_CA"
    assert held.get("/healthz").status == 200
    held.close()


def test_many_hangups_beside_handshakes(own, authority, pool):
    def ask(number):
        return over(own, context(authority)).get("/healthz").status

    certificates = itertools.cycle([authority.server(), authority.server()])
    asked = [pool.submit(ask, number) for number in range(200)]
    while not all(one.done() for one in asked):
        next(certificates).put(own.files)
        own.process.send_signal(signal.SIGHUP)
    assert {one.result() for one in asked} == {200}


# --- HTTP over it ---------------------------------------------------------------------------------

@pytest.mark.parametrize("version", VERSIONS)
def test_pipelined_requests_are_answered_in_order(program, authority, version):
    keys = [f"192.0.2.{number}" for number in range(1, PIPELINED)]
    data = b"".join(b"GET /resolve/%s HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n" % key.encode()
                    for key in keys) + LAST_REQUEST
    received = over(program, context(authority, version=version)).raw(data)
    answers = parse(received, ["GET"] * PIPELINED)
    assert [answer.text.strip() for answer in answers[:-1]] == keys
    assert answers[-1].json()["status"] == "ok"


def test_a_large_batch(program, authority):
    key = "a" * 300 + ".example"  # each is answered with what is wrong with it
    keys = [key] * 10000
    body = b'{"keys":["' + b'","'.join(key.encode() for key in keys) + b'"]}'
    body += b" " * (BATCH_MAX - len(body))
    answer = over(program, context(authority)).request("POST", "/resolve?fallback=none", body,
                                                       {"Content-Type": "application/json"}, check=False)
    assert answer.status == 200
    assert len(answer.json()["results"]) == len(keys)


@pytest.mark.parametrize("framing", ["Content-Length", "chunks"])
def test_413_reaches_a_client_that_is_still_sending(program, authority, framing):
    head = "PUT /overrides/a.example HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {64 << 20}" if framing == "Content-Length" else "Transfer-Encoding: chunked"
    piece = b"x" * 0x4000 if framing == "Content-Length" else b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    with connect(program.addresses[1], tls=context(authority)) as stream:
        stream.sendall(head.encode() + b"\r\n\r\n")
        try:
            for _ in range(2 * LIMIT_64K // 0x4000):
                stream.sendall(piece)
        except OSError:
            pass  # it has been told
        answer, = parse(read_all(stream), ["PUT"])
    program.client.check("PUT", "/overrides/a.example", answer)
    assert (answer.status, answer.code) == (413, "too_large")


def test_who_waits_at_a_stop_is_answered(own, authority, pool):
    tls = context(authority)
    client = over(own, tls)
    idle = connect(own.addresses[1], tls=tls)
    half = connect(own.addresses[1])
    half.sendall(HELLO)
    reader = waiting(own, client, pool)
    own.stop()
    assert not own.log("stop.forced")
    answer = reader.result()
    assert (answer.status, answer.headers["Connection"].lower()) == (200, "close")
    for stream in (idle, half):
        assert read_all(stream) == b""
        stream.close()


# --- handshakes that do not end -------------------------------------------------------------------

def processor_seconds(program):
    """Of all threads."""
    numbers = pathlib.Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("sent", [b"", HELLO], ids=["nothing", "half a hello"])
def test_a_stalled_handshake_ends_in_time(program, authority, sent):
    """And takes no processor meanwhile."""
    begun, used = time.monotonic(), processor_seconds(program)
    with connect(program.addresses[1], timeout=HEAD_SECONDS + SWEEP_SECONDS) as stream:
        stream.sendall(sent)
        stream.settimeout(1)
        closed = False
        while not closed:
            assert time.monotonic() - begun < HEAD_SECONDS + SWEEP_SECONDS
            assert over(program, context(authority)).get("/healthz").status == 200
            try:
                closed = read_all(stream) == b""
            except socket.timeout:
                pass
    took = time.monotonic() - begun
    assert took > HEAD_SECONDS / 2, "it is closed at its deadline, not for another reason"
    assert processor_seconds(program) - used < took / 2


def test_many_half_open_handshakes_keep_nobody_out(launch, authority, tmp_path, monkeypatch):
    """Nor do they end the connections of those who were there before."""
    few = tmp_path / "waypost-with-few-files"
    few.write_text(f'#!/bin/sh\nulimit -n {FILES_MAX}\nexec "{programs.binary()}" "$@"\n')
    few.chmod(0o755)
    monkeypatch.setenv("WAYPOST_BINARY", str(few))
    program = launch(*authority.server().options, listen=LISTEN, threads=1)
    plain, encrypted = program.client.held(), over(program, context(authority)).held()
    assert (plain.get("/healthz").status, encrypted.get("/healthz").status) == (200, 200)
    streams = []
    try:
        for _ in range(2 * CONNECTIONS_MAX):
            streams.append(connect(program.addresses[1]))
            try:
                streams[-1].sendall(HELLO)
            except OSError:
                pass  # others have come since
            if len(streams) % 20 == 0:
                assert program.client.get("/healthz").status == 200
        assert (plain.get("/healthz").status, encrypted.get("/healthz").status) == (200, 200)
        assert over(program, context(authority)).get("/healthz").status == 200
    finally:
        for stream in streams:
            stream.close()


# --- the commands that ask ------------------------------------------------------------------------

def command(program, *arguments, **env):
    return programs.run(*arguments, "--listen", program.addresses[1], "--database", program.database,
                        env=programs.environment(**env))


def test_healthcheck_over_tls(own, authority):
    options = ["--tls-cert", str(own.files / "cert.pem")]
    assert command(own, "healthcheck", *options).returncode == 0
    authority.server().put(own.files)
    assert command(own, "healthcheck", *options).returncode == 0, "a renewal that waits for SIGHUP is no illness"
    assert command(own, "healthcheck").returncode == 1
    own.stop()
    assert command(own, "healthcheck", *options).returncode == 1


def test_healthcheck_where_a_client_certificate_is_wanted(guarded, authority):
    blind = command(guarded, "healthcheck", "--tls-cert", str(authority.cert))
    assert blind.returncode == 1
    assert "ertificate" in blind.stderr
    wanted = ["--tls-cert", str(authority.cert), "--tls-client-ca", str(authority.cert)]
    assert "unix:PATH" in command(guarded, "healthcheck", *wanted).stderr
    plain = ["--listen", guarded.addresses[1], "--listen", f"{guarded.addresses[0]}?tls=off"]
    assert programs.run("healthcheck", *plain, *wanted).returncode == 0


def test_healthcheck_of_what_never_answers(authority):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        done = programs.run("healthcheck", "--listen", address, "--tls-cert", str(authority.cert))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "in time" in done.stderr


def test_reload_sends_its_token_to_the_right_certificate_only(launch, authority, tmp_path):
    secret, line = programs.run("token", "ops", "admin").stdout.splitlines()
    put(f"{line}\n".encode(), tmp_path / "tokens")
    certificate = authority.server()
    program = launch(*certificate.options, "--tokens", str(tmp_path / "tokens"), listen=LISTEN)
    done = command(program, "reload", "--tls-cert", str(certificate.cert), WAYPOST_TOKEN=secret)
    assert done.returncode == 0, done.stderr
    refused = command(program, "reload", "--tls-cert", str(authority.server().cert), WAYPOST_TOKEN=secret)
    assert refused.returncode == 1
    assert "another certificate" in refused.stderr
    name = 'waypost_http_requests_total{operation="reload",status="200"}'
    metrics = program.client.get("/metrics", Authorization=f"Bearer {secret}").text
    assert f"{name} 1\n" in metrics, "the second one has sent nothing"


# --- usage ----------------------------------------------------------------------------------------

def no_start(*arguments):
    """It says why in one line."""
    done = programs.run("serve", "--database", "sqlite:/nonexistent/x.db", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (USAGE, "", 1), done
    return done.stderr


@pytest.mark.parametrize("more", [[], ["--check-config"]])
def test_options_that_do_not_go_together(authority, tmp_path, more):
    certificate = authority.server()
    cert, key = ["--tls-cert", str(certificate.cert)], ["--tls-key", str(certificate.key)]
    address = ["--listen", "127.0.0.1:0"]
    assert "--tls-key" in no_start(*address, *cert, *more)
    assert "--tls-cert" in no_start(*address, *key, *more)
    assert "--tls-cert" in no_start(*address, "--tls-client-ca", str(authority.cert), *more)
    assert "--tls-cert" in no_start(*address, "--listen", "127.0.0.1:0?tls=on", *more)
    assert "no address" in no_start("--listen", "127.0.0.1:0?tls=off", *cert, *key, *more)
    assert "no address" in no_start("--listen", f"unix:{tmp_path}/socket", *cert, *key, *more)
    assert "--open" in no_start("--listen", "0.0.0.0:0", *cert, *key, *more)


@pytest.mark.parametrize("more", [[], ["--check-config"]])
@pytest.mark.parametrize("fault", ["another key", "no key", "no certificate", "not there", "encrypted"])
def test_files_with_a_fault_do_not_start(authority, tmp_path, fault, more):
    certificate = authority.server().put(tmp_path)
    option = spoil(tmp_path, authority, fault)
    assert f"--{option}" in no_start("--listen", "127.0.0.1:0", *certificate.options, *more)


def test_a_key_that_others_may_read_is_named(launch, authority, tmp_path):
    certificate = authority.server().put(tmp_path)
    assert not launch(*certificate.options, listen=LISTEN).log("tls.exposed")
    certificate.key.chmod(0o644)
    warning, = launch(*certificate.options, listen=LISTEN).log("tls.exposed", "warn")
    assert (warning["path"], warning["mode"]) == (str(certificate.key), "0644")
