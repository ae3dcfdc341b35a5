"""What is in the package, as other programs see it; no machine is needed."""
import pathlib
import re
import shutil
import subprocess

import pytest

import program as programs
from program import ROOT

EXPOSURE_MAX = 15  # of systemd-analyze security, in tenths
DROP_IN = ROOT / "package/mariadb.conf"


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)


@pytest.fixture(name="tree", scope="module")
def unpacked(package, tmp_path_factory):
    tree = tmp_path_factory.mktemp("package") / "tree"
    subprocess.run(["dpkg-deb", "--extract", package, tree], check=True)
    return tree


@pytest.fixture(name="unit")
def unit_with_its_program(tree, tmp_path):
    """systemd-analyze wants to see the program where the unit says it is."""
    text = (tree / "lib/systemd/system/waypost.service").read_text()
    unit = tmp_path / "waypost.service"
    unit.write_text(text.replace("=/usr/bin/waypost", f"={tree}/usr/bin/waypost"))
    return unit


def test_the_version_is_the_programs(package):
    version = run("dpkg-deb", "--field", package, "Version").stdout.strip()
    assert f"waypost {version.rpartition('-')[0]}" == programs.run("--version").stdout.strip()
    assert package.name == f"waypost_{version}_{run('dpkg', '--print-architecture').stdout.strip()}.deb"


def test_its_dependencies_are_the_libraries_it_is_linked_with(package):
    depends = run("dpkg-deb", "--field", package, "Depends").stdout
    runtime = re.search(r"RUNTIME='(.*?)'", (ROOT / "dev").read_text(), re.S).group(1).split()
    # certificates are the administrator's matter; xxHash is compiled in
    wanted = set(runtime) - {"ca-certificates", "libxxhash0"}
    assert wanted <= set(re.findall(r"[a-z0-9.+-]+", depends)), depends


def test_lintian_has_nothing_to_say(package):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    done = run("lintian", "--fail-on", "error,warning", package)
    assert done.returncode == 0, done.stdout


def test_systemd_understands_the_unit(unit, tree):
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_understands_the_example_of_a_credential(unit):
    folder = pathlib.Path(f"{unit}.d")
    folder.mkdir()
    shutil.copy(DROP_IN, folder)
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_may_do_little(unit):
    done = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", unit)
    assert done.returncode == 0, done.stdout


def test_the_settings_are_read_by_a_shell_and_by_the_program_alike(tree, tmp_path):
    """systemd's own reading is the machine's test."""
    settings = tree / "etc/waypost/waypost.env"
    every = re.sub(r"^#(WAYPOST_)", r"\1", settings.read_text(), flags=re.M)
    every = every.replace("/etc/waypost/tokens", str(tmp_path / "tokens"))
    (tmp_path / "tokens").write_text(programs.run("token", "a", "reader").stdout.splitlines()[-1] + "\n")
    (tmp_path / "all.env").write_text(every)
    done = run("sh", "-c", 'set -a; . "$1"; exec "$2" --check-config', "sh", tmp_path / "all.env", programs.binary(),
               env=programs.environment())
    assert done.returncode == 0, done.stderr
    assert "unix:/run/waypost/waypost.sock?mode=0660&group=waypost" in done.stdout


def test_the_manual_can_be_shown():
    done = run("man", "--warnings", "--local-file", ROOT / "docs/waypost.8", env=programs.environment(MANWIDTH="80"))
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--listen", "migrate", "WAYPOST_DNS_TIMEOUT", "/etc/waypost/waypost.env"):
        assert word in done.stdout


# --- completion -------------------------------------------------------------------------------------

COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_waypost "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words):
    done = run("bash", "-c", COMPLETE, "bash", ROOT / "package/waypost.bash", programs.binary(), *words)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.split("\n") if line]


def test_completion_knows_every_option():
    documented = re.findall(r"^\| `(--[a-z-]+)`", (ROOT / "docs/configuration.md").read_text(), re.M)
    assert set(completed("serve", "--")) >= {*documented, "--help", "--version", "--check-config"}
    assert completed("--log-lev") == ["--log-level"]


def test_completion_knows_the_commands():
    assert set(completed("")) == {"serve", "migrate", "reload", "token", "healthcheck"}
    assert completed("mi") == ["migrate"]


def test_completion_knows_the_words_of_an_option():
    assert completed("--log-level", "") == ["error", "warn", "notice", "info", "debug"]
    assert completed("--when-empty", "=", "d") == ["dns"]
    assert completed("--when-empty", "=") == ["fail", "dns"]
    assert completed("--database", "") == []
