"""A Galera cluster of three nodes for all tests here, and programs that use it."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from contract import Contract  # noqa: E402
from galera import Galera  # noqa: E402
from program import ROOT, Waypost, binary  # noqa: E402

NO_DNS = "127.0.0.1:1"


@pytest.fixture(scope="session")
def contract():
    return Contract(ROOT / "openapi.yaml")


@pytest.fixture(scope="session")
def galera():
    assert binary().exists(), f"{binary()} is missing: ./dev build makes it"
    cluster = Galera()
    try:
        yield cluster.start()
    finally:
        cluster.remove()


@pytest.fixture
def cluster(galera):
    """All three nodes take part, also after a test that failed."""
    galera.mend()
    yield galera
    galera.mend()


@pytest.fixture
def database(cluster):
    return cluster.new_database()


@pytest.fixture
def launch(tmp_path_factory, contract, cluster, database):
    """A function that starts a program with the nodes in a given order; all must stop as promised."""
    started = []

    def start(order, *arguments, ready=True):
        program = Waypost(tmp_path_factory.mktemp("waypost"), contract, cluster.url(database, order), NO_DNS, arguments)
        started.append(program)
        return program.wait_ready() if ready else program

    yield start
    complaints = []
    for program in started:
        try:
            program.stop()
        except AssertionError as error:
            complaints.append(str(error))
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def trio(launch):
    """Three programs, each of which prefers another node."""
    return [launch(order) for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
