"""What a service manager is told: ready, reading again, stopping, a line of status, signs of life."""
import ctypes
import os
import signal
import socket
import threading
import time

import pytest

import program as programs
from http_client import eventually
from mariadb import MariaDB

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WATCHDOG_SECONDS = 4


class Manager:
    """Somebody who listens on NOTIFY_SOCKET, and remembers each message as (name, value) pairs."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self.messages = []
        self.when_ready = lambda: None
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self):
        while message := self.socket.recv(4096):
            pairs = dict(line.split("=", 1) for line in message.decode().splitlines())
            if "READY" in pairs and not self.has("READY"):
                self.when_ready()
            self.messages.append(pairs)

    def has(self, name, value="1"):
        return any(pairs.get(name) == value for pairs in self.messages)

    def expect(self, name, value="1"):
        eventually(lambda: self.has(name, value), what=f"{name}={value} among {self.messages}")

    def expect_status(self, start):
        eventually(lambda: any(pairs.get("STATUS", "").startswith(start) for pairs in self.messages),
                   what=f"STATUS={start} among {self.messages}")

    def names(self):
        """All names in the order in which they came, without those of the status alone."""
        return [next(iter(pairs)) for pairs in self.messages if next(iter(pairs)) != "STATUS"]

    def close(self):
        self.socket.shutdown(socket.SHUT_RD)
        self.thread.join()
        self.socket.close()


@pytest.fixture
def manager(tmp_path):
    listening = Manager(f"{tmp_path}/notify")
    yield listening
    listening.close()


def watched(manager, **more):
    return programs.environment(NOTIFY_SOCKET=manager.address, **more)


def beats(manager):
    return manager.names().count("WATCHDOG")


def test_ready_means_that_it_can_be_asked(manager, launch):
    port = programs.free_port()
    asked = []
    manager.when_ready = lambda: asked.append(socket.create_connection(("127.0.0.1", port), 10))
    launch(listen=(f"127.0.0.1:{port}",), env=watched(manager))
    eventually(lambda: asked, what="READY=1, and a connection at that moment")
    asked[0].close()
    manager.expect_status("Serving 0 overrides")


def test_a_manager_with_an_abstract_name_is_told_too(launch):
    listening = Manager(f"@waypost-test-{os.getpid()}")
    try:
        program = launch(env=watched(listening))
        listening.expect("READY")
        program.stop()
        listening.expect("STOPPING")
    finally:
        listening.close()


def test_it_is_ready_without_a_database_and_says_what_it_waits_for(manager, launch, tmp_path_factory):
    server = MariaDB(tmp_path_factory.mktemp("late-mariadb"), programs.free_port())
    program = launch(database=server.url("waypost"), env=watched(manager), ready=False)
    try:
        manager.expect("READY")
        manager.expect_status("Waiting for the overrides; the database is away: ")
        server.start()
        program.wait_ready()
        manager.expect("STATUS", "Serving 0 overrides")
        program.client.set("example.org", "10.0.0.5")
        manager.expect("STATUS", "Serving 1 overrides")
    finally:
        server.stop()


def test_a_hangup_is_told_before_and_after(manager, launch, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(programs.run("token", "relay", "reader").stdout.splitlines()[-1] + "\n")
    program = launch("--tokens", str(tokens), env=watched(manager))
    manager.expect("READY")
    before_us = time.monotonic_ns() // 1000
    program.process.send_signal(signal.SIGHUP)
    eventually(lambda: manager.names() == ["READY", "RELOADING", "READY"], what=f"both, in {manager.messages}")
    told = next(pairs for pairs in manager.messages if "RELOADING" in pairs)
    assert before_us <= int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert len(program.log("tokens.read")) == 2


def test_a_stop_is_told(manager, launch):
    program = launch(env=watched(manager))
    manager.expect("READY")
    program.stop()
    manager.expect("STOPPING")
    assert manager.names() == ["READY", "STOPPING"]


def test_a_manager_that_is_gone_harms_nothing(launch, tmp_path):
    program = launch(env=programs.environment(NOTIFY_SOCKET=f"{tmp_path}/nobody"))
    eventually(lambda: program.log("notify.deaf"), what="a line about it")
    program.process.send_signal(signal.SIGHUP)
    eventually(lambda: program.log("hangup"), what="the hangup")
    assert len(program.log("notify.deaf")) == 1
    assert program.client.get("/healthz").status == 200


# --- the watchdog -----------------------------------------------------------------------------------

class FrozenThread:
    """One thread of a process stands still, the others run."""

    def __init__(self, process, name):
        self.thread = next(int(task.name) for task in os.scandir(f"/proc/{process.pid}/task")
                           if open(f"{task.path}/comm", encoding="ascii").read() == f"{name}\n")
        self.ptrace = ctypes.CDLL(None, use_errno=True).ptrace

    def __enter__(self):
        self._call(PTRACE_SEIZE)
        self._call(PTRACE_INTERRUPT)
        os.waitpid(self.thread, 0x40000000)  # __WALL

    def __exit__(self, *_):
        self._call(PTRACE_DETACH)

    def _call(self, request):
        if self.ptrace(request, self.thread, None, None) != 0:
            if request == PTRACE_SEIZE:
                pytest.skip(f"no ptrace here: {os.strerror(ctypes.get_errno())}")
            raise OSError(ctypes.get_errno(), "ptrace")


def is_quiet(manager):
    """No sign of life came for as long as the watchdog waits."""
    seen, until = beats(manager), time.monotonic() + WATCHDOG_SECONDS
    while time.monotonic() < until:
        if beats(manager) != seen:
            return False
        time.sleep(0.05)  # between two looks
    return True


def test_the_watchdog_hears_of_it_as_long_as_each_loop_turns(manager, launch):
    program = launch(threads=2, env=watched(manager, WATCHDOG_USEC=str(WATCHDOG_SECONDS * 1000 * 1000)))
    eventually(lambda: beats(manager) >= 2, what="signs of life")
    with FrozenThread(program.process, "loop-1"):
        eventually(lambda: is_quiet(manager), what="silence")
    seen = beats(manager)
    eventually(lambda: beats(manager) > seen, what="another sign of life")


def test_without_a_watchdog_there_is_no_sign_of_life(manager, launch):
    program = launch(env=watched(manager))
    program.client.set("example.org", "10.0.0.5")
    manager.expect("STATUS", "Serving 1 overrides")  # looks were taken
    assert not beats(manager)
