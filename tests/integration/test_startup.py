"""Starting and stopping: exit codes, one clear line, listeners, a database that is not there yet."""
import json
import os
import signal
import socket
import stat
import subprocess
import threading

import pytest

import program as programs
from http_client import connect, eventually, read_answer
from mariadb import MariaDB

STOPPED, FAILED, USAGE = 0, 1, 2


def serve(tmp_path, *arguments, database=None, env=None):
    """Runs `serve` with what must make it end by itself."""
    return programs.run("serve", "--database", database or f"sqlite:{tmp_path}/waypost.db", "--dns", "127.0.0.1:1",
                        *arguments, env=env)


def one_clear_line(done, code, *words):
    """It ended with this code; the complaint is one line and has these words in it."""
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    complaints = [line for line in lines if "level=error" in line or not line.startswith("time=")]
    assert len(complaints) == 1, done.stderr
    for word in words:
        assert word in complaints[0], complaints[0]


# --- usage ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, words", [
    (["--no-such-option"], ["no-such-option"]), (["--listen"], ["listen"]), (["--threads", "many"], ["threads"]),
    (["--threads", "65"], ["threads"]), (["--threads", "-1"], ["threads"]),
    (["--dns-timeout", "soon"], ["dns-timeout"]),
    (["--listen", "nonsense"], ["listen"]), (["--listen", "127.0.0.1:99999"], ["listen"]),
    (["--listen", "127.0.0.1"], ["listen"]),
    (["--log-lookups", "some"], ["log-lookups"]), (["--dns", "not an address"], ["dns"]),
    (["--dns", "127.0.0.1:0"], ["dns"]),
    (["--dns", "resolver.example"], ["dns"]), (["stray"], ["stray"]), (["--listen", "unix:"], ["listen"]),
    (["--listen", "unix:/tmp/x.sock?mode=9999"], ["mode"]), (["--listen", "unix:/tmp/x.sock?color=red"], ["listen"]),
])
def test_wrong_usage(tmp_path, arguments, words):
    one_clear_line(serve(tmp_path, *arguments), USAGE, *words)


@pytest.mark.parametrize("url", [
    "", "waypost.db", "sqlite:", "postgres://u@h/d", "mariadb://", "mariadb://u:p@127.0.0.1",
    "mariadb://u:p@127.0.0.1:port/d",
    "mariadb://u:p@127.0.0.1:99999/d", "mariadb://u:p@127.0.0.1/d?tls=maybe", "mariadb://u:p@127.0.0.1/d?color=red",
    "mariadb://u:%zz@h/d",
    "mariadb://u:p@/d",
])
def test_a_wrong_database_url(tmp_path, url):
    done = programs.run("serve", "--listen", "127.0.0.1:0", "--dns", "127.0.0.1:1", "--database", url)
    one_clear_line(done, USAGE, "database")


def test_a_password_is_never_repeated(tmp_path):
    for url in ("mariadb://u:s3cret@127.0.0.1:port/d", "mariadb://u:s3cret@127.0.0.1/d?color=red"):
        done = programs.run("serve", "--listen", "127.0.0.1:0", "--database", url)
        assert done.returncode == USAGE
        assert "s3cret" not in done.stderr + done.stdout
    done = programs.run("serve", "--check-config", "--database", "mariadb://u:s3cret@127.0.0.1/d")
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stderr + done.stdout
    assert "127.0.0.1" in done.stdout, "the rest of the URL is what one checks for"


@pytest.mark.parametrize("option", ["--log=debug", "--dns-=5", "--nonsense=5", "--help=5"])
def test_an_option_that_is_none_is_named_without_its_value(option):
    """An abbreviation of several options is none of them; what stands behind it may be secret."""
    name, _, value = option.partition("=")
    done = programs.run(option)
    one_clear_line(done, USAGE)
    assert f'"{name}"' in done.stderr and f"={value}" not in done.stderr


def test_help_and_version():
    shown = programs.run("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    for option in ("--listen", "--database", "--dns", "--threads", "--dns-timeout", "--dns-max-lookups", "--port-file",
                   "--log-lookups",
                   "--open", "--check-config", "--version", "--help", "WAYPOST_DATABASE"):
        assert option in shown.stdout, option
    shown = programs.run("--version")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "0.1.0" in shown.stdout


def test_check_config_starts_nothing(tmp_path):
    database = tmp_path / "waypost.db"
    done = programs.run("serve", "--check-config", "--listen", "127.0.0.1:0", "--database", f"sqlite:{database}",
                        "--threads", "3")
    assert done.returncode == 0, done.stderr
    assert not database.exists()
    assert str(database) in done.stdout and "3" in done.stdout
    one_clear_line(programs.run("serve", "--check-config", "--threads", "x"), USAGE, "threads")


def runs_with(tmp_path, database, **env):
    """Starts the program with options from the environment only, and sees that it opens `database`."""
    port_file = tmp_path / "ports"
    env = programs.environment(WAYPOST_LISTEN="127.0.0.1:0", WAYPOST_PORT_FILE=str(port_file),
                               WAYPOST_DNS="127.0.0.1:1", **env)
    process = subprocess.Popen([str(programs.binary())], env=env, stderr=subprocess.PIPE)
    try:
        eventually(lambda: port_file.exists() and port_file.read_text().strip(), what="listening")
        eventually(database.exists, what="the database")
    finally:
        process.terminate()
        _, stderr = process.communicate(timeout=10)
    assert process.returncode == STOPPED, stderr


def test_options_from_the_environment(tmp_path):
    runs_with(tmp_path, tmp_path / "from-env.db", WAYPOST_DATABASE=f"sqlite:{tmp_path}/from-env.db")
    done = serve(tmp_path, env=programs.environment(WAYPOST_THREADS="x"))
    one_clear_line(done, USAGE)
    assert "threads" in done.stderr.lower()


def test_a_flag_wins_over_the_environment(tmp_path, launch):
    env = programs.environment(WAYPOST_DATABASE="sqlite:/nonexistent/folder/x.db")
    assert launch(env=env).client.get("/readyz").status == 200


def test_a_secret_from_a_file(tmp_path):
    (tmp_path / "url").write_text(f"sqlite:{tmp_path}/from-file.db\n")
    runs_with(tmp_path, tmp_path / "from-file.db", WAYPOST_DATABASE_FILE=str(tmp_path / "url"))
    env = programs.environment(WAYPOST_DATABASE_FILE=str(tmp_path / "absent"))
    one_clear_line(programs.run("serve", env=env), USAGE, "absent")


# --- what cannot be opened ------------------------------------------------------------------------

def test_a_busy_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        one_clear_line(serve(tmp_path, "--listen", address), FAILED, address)


def test_two_programs_never_share_a_port(tmp_path, launch):
    first = launch()
    one_clear_line(serve(tmp_path, "--listen", first.addresses[0]), FAILED, first.addresses[0])
    assert first.client.get("/healthz").status == 200


@pytest.mark.parametrize("make, path", [
    (None, "absent/folder/waypost.db"), ("folder", "waypost.db"), ("garbage", "waypost.db"),
])
def test_an_sqlite_file_that_cannot_be_opened(tmp_path, make, path):
    if make == "folder":
        (tmp_path / path).mkdir()
    elif make == "garbage":
        (tmp_path / path).write_bytes(b"this is no database, " * 100)
    done = serve(tmp_path, "--listen", "127.0.0.1:0", database=f"sqlite:{tmp_path}/{path}")
    one_clear_line(done, FAILED, path)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"])
def test_an_address_that_is_not_loopback_needs_open(tmp_path, address):
    one_clear_line(serve(tmp_path, "--listen", address), USAGE, "--open", address)


def test_open_allows_every_address(launch):
    program = launch("--open", listen=("0.0.0.0:0",))
    assert program.client.get("/healthz").status == 200


def test_all_of_127_is_loopback(launch):
    assert launch(listen=("127.0.0.2:0",)).client.get("/healthz").status == 200


# --- listeners ------------------------------------------------------------------------------------

def test_several_listeners_answer_alike(tmp_path, launch):
    path = tmp_path / "w.sock"
    program = launch(listen=("127.0.0.1:0", f"unix:{path}?mode=0660", "127.0.0.1:0"))
    assert len(set(program.addresses)) == 3
    assert program.addresses[1] == f"unix:{path}"
    program.client.set("example.org", "10.0.0.5")
    for address in program.addresses:
        client = type(program.client)(address, program.contract)
        for _ in range(4):
            assert client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"


def test_an_ipv6_listener(launch):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    program = launch(listen=("[::1]:0",))
    assert program.addresses[0].startswith("[::1]:")
    assert program.client.get("/healthz").status == 200


@pytest.mark.parametrize("mode", ["0660", "0600", "0666"])
def test_a_unix_socket_has_its_mode_and_goes_with_the_program(tmp_path, launch, mode):
    path = tmp_path / "w.sock"
    program = launch(listen=(f"unix:{path}?mode={mode}",))
    assert stat.S_IMODE(path.stat().st_mode) == int(mode, 8)
    assert program.client.get("/healthz").status == 200
    program.stop()
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path, launch):
    path = tmp_path / "w.sock"
    first = launch(listen=(f"unix:{path}",))
    first.kill()
    assert path.exists()
    second = launch(listen=(f"unix:{path}",))
    assert second.client.get("/healthz").status == 200
    one_clear_line(serve(tmp_path, "--listen", f"unix:{path}"), FAILED, str(path))
    assert second.client.get("/healthz").status == 200


def test_a_file_in_place_of_a_unix_socket_is_kept(tmp_path):
    path = tmp_path / "precious"
    path.write_text("do not delete")
    one_clear_line(serve(tmp_path, "--listen", f"unix:{path}"), FAILED, str(path))
    assert path.read_text() == "do not delete"


def test_dump_routes_is_json():
    done = programs.run("--dump-routes")
    assert done.returncode == 0, done.stderr
    for route in json.loads(done.stdout):
        assert set(route) >= {"method", "path", "operation"}


def test_healthcheck_tells_by_its_exit_code(launch):
    program = launch()
    address = program.addresses[0]
    assert programs.run("healthcheck", "--listen", address).returncode == 0
    program.stop()
    assert programs.run("healthcheck", "--listen", address).returncode == 1


# --- stopping -------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it(launch, number):
    program = launch()
    idle = connect(program.addresses[0])
    used = connect(program.addresses[0])
    used.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert read_answer(used).status == 200
    program.stop(number)
    for stream in (idle, used):
        assert stream.recv(100) == b""
        stream.close()


def test_a_second_signal_does_no_harm(launch):
    program = launch()
    program.process.send_signal(signal.SIGTERM)
    program.process.send_signal(signal.SIGTERM)
    program.stop()


def test_sighup_does_not_end_it(launch):
    program = launch()
    program.process.send_signal(signal.SIGHUP)
    for _ in range(5):
        assert program.client.get("/healthz").status == 200


def test_requests_in_hand_are_answered_before_it_stops(launch, scripted):
    scripted.rule("name.example", MX=[("MX", (10, "mx.example"))])
    scripted.hold()
    program = launch(dns=scripted.address)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(program.client.get("/mx/name.example")))
    waiting.start()
    eventually(scripted.held, what="the question")
    program.process.send_signal(signal.SIGTERM)
    eventually(lambda: _is_refused(program.addresses[0]), what="the end of listening")
    scripted.release()
    waiting.join()
    assert answers[0].status == 200
    program.stop()


def _is_refused(address):
    try:
        connect(address, 1).close()
    except OSError:
        return True
    return False


def test_it_starts_again_with_what_it_had(tmp_path, launch):
    database = f"sqlite:{tmp_path}/waypost.db"
    first = launch(database=database)
    row = first.client.set("example.org", "10.0.0.5", comment="kept").json()
    first.stop()
    second = launch(database=database)
    assert second.client.get("/overrides/example.org").json() == row
    assert second.client.get("/resolve/example.org").json()["target_host"] == "10.0.0.5"
    assert second.client.set("other.example", "10.0.0.5").json()["revision"] == row["revision"] + 1


# --- a database that is not there yet -------------------------------------------------------------

def test_without_a_database_it_stays_up_and_says_so_and_recovers(tmp_path_factory, launch):
    server = MariaDB(tmp_path_factory.mktemp("late-mariadb"), programs.free_port())
    program = launch(database=server.url("waypost"), dns="127.0.0.1:1", ready=False)
    client = program.client
    try:
        for target in ("/readyz", "/resolve/example.org", "/mx/example.org?fallback=none", "/resolve?key=192.0.2.1",
                       "/mx?domain=a.example"):
            answer = client.get(target)
            assert (answer.status, answer.code) == (503, "not_ready"), target
            assert client.head(target).status == 503
        for path in ("/resolve", "/mx"):
            answer = client.post(path, {"keys": ["example.org"]})
            assert (answer.status, answer.code) == (503, "not_ready")
        for method, target, body in (("GET", "/overrides", None), ("GET", "/overrides/a.example", None),
                                     ("DELETE", "/overrides/a.example", None),
                                     ("PUT", "/overrides/a.example", {"target_host": "10.0.0.5"}),
                                     ("PATCH", "/overrides/a.example", {"target_host": "10.0.0.5"}),
                                     ("POST", "/overrides", {"lookup_key": "a.example", "target_host": "10.0.0.5"})):
            answer = client.request(method, target, body)
            assert (answer.status, answer.code) == (503, "store_unavailable"), (method, target)
            assert int(answer.headers["Retry-After"]) >= 1
        for target in ("/overrides", "/overrides/a.example", "/overrides/a.example/history", "/history",
                       "/changes?since=0"):
            assert client.head(target).status == 503
        assert client.get("/healthz").status == 200
        assert client.get("/metrics").status == 200
        assert client.get("/openapi.yaml").status == 200
        eventually(lambda: [line for line in program.log() if line["level"] in ("error", "warn")],
                   what="a line about the database")
        assert len([line for line in program.log() if line["level"] in ("error",
                                                                        "warn")]) <= 3, "it says so, it does not shout"
        server.start()
        program.wait_ready()
        assert client.set("a.example", "10.0.0.5").status == 201
        assert client.get("/resolve/a.example").json()["target_host"] == "10.0.0.5"
    finally:
        server.stop()


def test_a_database_that_refuses_the_password(maria, launch):
    program = launch(database=maria.url("waypost", password="wrong"), ready=False)
    eventually(lambda: [line for line in program.log() if line["level"] == "error" or line["level"] == "warn"],
               what="a line about it")
    answer = program.client.get("/readyz")
    assert (answer.status, answer.code) == (503, "not_ready")
    assert "wrong" not in program.stderr_path.read_text().replace("wrong password", "")


def test_two_programs_start_on_one_empty_database_together(maria, launch):
    url = maria.url(maria.new_database())
    programs_up = [launch(database=url, ready=False) for _ in range(3)]
    for program in programs_up:
        program.wait_ready(40)
    programs_up[0].client.set("example.org", "10.0.0.5")
    for program in programs_up:
        eventually(lambda program=program: program.client.get("/resolve/example.org?fallback=none").json()["override"],
                   what="the other's write")


def test_a_mariadb_socket(maria, launch):
    database = maria.new_database()
    program = launch(database=f"mariadb://waypost:waypost@/{database}?socket={maria.socket}")
    assert program.client.set("example.org", "10.0.0.5").status == 201


def test_a_list_of_hosts_of_which_the_first_is_dead(maria, launch):
    database = maria.new_database()
    program = launch(database=f"mysql://waypost:waypost@127.0.0.1:1,127.0.0.1:{maria.port}/{database}")
    assert program.client.set("example.org", "10.0.0.5").status == 201


def test_the_port_file_appears_whole(tmp_path, launch):
    program = launch()
    text = (program.folder / "ports").read_text()
    assert text == f"127.0.0.1:{program.port}\n"
    assert os.stat(program.folder / "ports").st_size == len(text)


def test_a_batch_that_waits_for_dns_does_not_keep_a_stopping_program(launch, scripted):
    scripted.hold()
    names = [f"k{number}.example" for number in range(400)]
    for name in names:
        scripted.rule(name, MX=[("MX", (10, "mx.example"))])
    program = launch(dns=scripted.address)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(program.client.post("/mx", {"keys": names})))
    waiting.start()
    eventually(scripted.held, what="a question")
    program.stop()
    waiting.join()
    assert answers[0].status in (200, 503)


@pytest.fixture
def open_umask():
    """Nothing is taken from the mode that a program asks for."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(database):
    """Of the file and those beside it, by what is behind its name."""
    return {path.name.removeprefix(database.name): stat.S_IMODE(path.stat().st_mode)
            for path in database.parent.glob(f"{database.name}*")}


@pytest.mark.usefixtures("open_umask")
def test_a_new_database_file_is_for_its_user_alone(tmp_path, launch):
    database = tmp_path / "waypost.db"
    program = launch(database=f"sqlite:{database}")
    program.client.set("example.org", "10.0.0.5")
    assert modes(database) == dict.fromkeys(["", "-lock", "-shm", "-wal"], 0o600)


@pytest.mark.usefixtures("open_umask")
def test_a_database_file_that_is_there_keeps_its_mode(tmp_path, launch):
    database = tmp_path / "waypost.db"
    database.touch(0o640)
    program = launch(database=f"sqlite:{database}")
    program.client.set("example.org", "10.0.0.5")
    assert modes(database) == {"": 0o640, "-lock": 0o600, "-shm": 0o640, "-wal": 0o640}
