"""The package that `./dev package` made, a later version of it, and a machine to install them on."""
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from contract import Contract  # noqa: E402
from machine import NEW_LINE, Impossible, Machine, check_possible  # noqa: E402
from program import ROOT  # noqa: E402


@pytest.fixture(scope="session")
def package():
    made = list((ROOT / "build/package").glob("*.deb"))
    assert len(made) == 1, "./dev package makes one"
    return made[0]


@pytest.fixture(scope="session")
def later_package(package, tmp_path_factory):
    """The same with a higher version, and with another settings file."""
    tree = tmp_path_factory.mktemp("later") / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", "Version: 99.0-1", control.read_text(), flags=re.M))
    with open(tree / "etc/waypost/waypost.env", "a", encoding="utf-8") as settings:
        settings.write(NEW_LINE)
    made = tree.parent / "later.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, made], check=True, capture_output=True)
    return made


@pytest.fixture(scope="session")
def contract():
    return Contract(ROOT / "openapi.yaml")


@pytest.fixture(scope="module")
def machine(package, later_package, tmp_path_factory):
    """Booted; the packages lie in its /, and what they need is there to be installed."""
    made = Machine(tmp_path_factory.mktemp("machine"))
    try:
        check_possible()
        made.make("systemd")
        for name, source in (("first.deb", package), ("later.deb", later_package)):
            (made.root / name).write_bytes(source.read_bytes())
        made.apt("install", "--download-only", "/first.deb")
        made.boot()
        yield made
    except Impossible as why:
        pytest.skip(str(why))
    finally:
        made.stop()
