"""What the fault tests share: how many cycles, which random numbers, the contract, a durable MariaDB."""
import os
import pathlib
import secrets
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from contract import Contract  # noqa: E402
from mariadb import MariaDB  # noqa: E402
from program import ROOT, binary  # noqa: E402

CYCLES = 20


@pytest.fixture(scope="session")
def cycles():
    return int(os.environ.get("FAULT_CYCLES", CYCLES))


@pytest.fixture(scope="session")
def seed():
    """What the random numbers come from. With the same one the same writes are made and the same processes are
    killed; which write meets which moment is up to the machine."""
    return int(os.environ.get("FAULT_SEED", secrets.randbelow(2**32)))


@pytest.fixture
def say(capsys):
    """A function that writes a line past pytest's capture."""
    def write(line):
        with capsys.disabled():
            print(line, flush=True)
    return write


@pytest.fixture(scope="session")
def contract():
    """What the program is held to; and the program is there."""
    assert binary().exists(), f"{binary()} is missing: ./dev build makes it"
    return Contract(ROOT / "openapi.yaml")


@pytest.fixture(scope="session")
def durable_maria(tmp_path_factory):
    server = MariaDB(tmp_path_factory.mktemp("mariadb"), durable=True).start()
    yield server
    server.stop()
