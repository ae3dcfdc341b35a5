"""The real program, a real MariaDB, a real DNS server and scripted ones, as fixtures.

Every exchange through a fixture's client is held against openapi.yaml; every program that a fixture
started must stop in time, with exit code 0, without a sanitizer's report, and with a log that parses."""
import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from contract import Contract  # noqa: E402
from database import MariaDatabase, SqliteDatabase  # noqa: E402
from dns_server import BlackHole, ScriptedDns  # noqa: E402
from knot import Knot  # noqa: E402
from mariadb import MariaDB  # noqa: E402
from program import ROOT, Waypost, binary  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
LAST = "test_contract.py"  # says what no other test exercised
# Most of the time of these goes by in waiting for deadlines.
OUTAGES = {"test_faults.py", "test_follower.py", "test_outages.py"}
WAITS = {"test_changes.py", "test_limits.py", "test_min_revision.py", "test_service.py", "test_snapshot.py",
         "test_startup.py", "test_tls.py"}
PARTS = {
    "outages": lambda name: name in OUTAGES,
    "waits": lambda name: name in WAITS,
    "busy": lambda name: name not in OUTAGES | WAITS and name != LAST,
    "last": lambda name: name == LAST,
}


def pytest_addoption(parser):
    parser.addoption("--part", choices=PARTS, help="a part of a whole run; the last one judges what all have seen")
    parser.addoption("--seen", type=pathlib.Path, help="folder in which the parts leave what they have seen")


def pytest_collection_modifyitems(config, items):
    """The contract's own tests come last; those about the whole run only stay in a whole run."""
    items.sort(key=lambda item: item.path.name == LAST)
    part = config.option.part
    if part:
        items[:] = [item for item in items if PARTS[part](item.path.name)]
        return
    whole = ({item.path.name for item in items if item.path.parent == HERE}
             == {path.name for path in HERE.glob("test_*.py")}
             and not config.option.keyword and not config.option.markexpr
             and not any("::" in argument for argument in config.args))
    if not whole:
        dropped = [item for item in items if item.get_closest_marker("whole_run")]
        items[:] = [item for item in items if item not in dropped]
        config.hook.pytest_deselected(items=dropped)


def pytest_make_parametrize_id(val):
    """Long values are cut, so that a list of failures stays readable."""
    if isinstance(val, (str, bytes)) and len(val) > 60:
        return f"{val[:40]!r}...{len(val)}"
    return None


def pytest_configure(config):
    config.addinivalue_line("markers", "whole_run: judges all tests of a run together")


@pytest.fixture(scope="session")
def contract(request):
    made = Contract(ROOT / "openapi.yaml")
    seen, part = request.config.option.seen, request.config.option.part
    if part == "last":
        for path in seen.glob("*.json"):
            made.recall(path)
    yield made
    if part and part != "last":
        made.remember(seen / f"{part}.json")


@pytest.fixture(scope="session", autouse=True)
def the_program_is_there():
    assert binary().exists(), f"{binary()} is missing: ./dev build makes it"


@pytest.fixture(scope="session")
def maria(tmp_path_factory):
    """A MariaDB that all tests share; each takes a database of its own."""
    server = MariaDB(tmp_path_factory.mktemp("mariadb")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_maria(tmp_path_factory):
    """A MariaDB that a test may kill and freeze."""
    server = MariaDB(tmp_path_factory.mktemp("own-mariadb")).start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "mariadb"])
def database(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        return SqliteDatabase(tmp_path / "waypost.db")
    return MariaDatabase(request.getfixturevalue("maria"))


@pytest.fixture(scope="session")
def knot(tmp_path_factory):
    server = Knot(tmp_path_factory.mktemp("knot")).start()
    yield server
    server.stop()


@pytest.fixture
def scripted():
    server = ScriptedDns()
    yield server
    server.close()


@pytest.fixture
def black_hole():
    server = BlackHole()
    yield server
    server.close()


@contextlib.contextmanager
def launcher(tmp_path_factory, contract):
    """A function that starts programs; at the end all of them are stopped and held to it."""
    started = []

    def start(*arguments, database=None, dns="127.0.0.1:1", ready=True, folder=None, **more):
        folder = folder or tmp_path_factory.mktemp("waypost")
        program = Waypost(folder, contract, database or f"sqlite:{folder}/waypost.db", dns,
                          arguments, **more)
        started.append(program)
        return program.wait_ready() if ready else program

    try:
        yield start
    finally:
        complaints = []
        for program in started:
            try:
                program.stop()
            except AssertionError as error:
                complaints.append(str(error))
        assert not complaints, "\n".join(complaints)


@pytest.fixture
def launch(tmp_path_factory, contract):
    with launcher(tmp_path_factory, contract) as start:
        yield start


@pytest.fixture(scope="module")
def launch_for_module(tmp_path_factory, contract):
    with launcher(tmp_path_factory, contract) as start:
        yield start


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def shared(request, launch_for_module, knot):
    """One program per store for a whole file, with real DNS."""
    database = None
    if request.param == "mariadb":
        maria = request.getfixturevalue("maria")
        database = maria.url(maria.new_database())
    program = launch_for_module(database=database, dns=knot.address)
    program.store = request.param
    return program


@pytest.fixture
def service(shared):
    """The shared program, without any override."""
    empty(shared.client)
    return shared


@pytest.fixture
def client(service):
    return service.client


def empty(client):
    while keys := [row["lookup_key"] for row in client.get("/overrides?limit=1000").json()["overrides"]]:
        for key in keys:
            assert client.delete(f"/overrides/{key}").status == 204
