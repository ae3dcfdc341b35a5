"""The life of an installation, on a Debian that has nothing else; the tests go on from each other."""
import pytest

from http_client import Client, eventually
from machine import NEW_LINE

SOCKET = "/run/waypost/waypost.sock"
SETTINGS = "/etc/waypost/waypost.env"
DATABASE = "/var/lib/waypost/waypost.db"
EDITED = "WAYPOST_LOG_LEVEL=info\n"


def installed(machine, name):
    done = machine.apt("install", name)
    assert "error" not in (done.stdout + done.stderr).lower(), done.stdout + done.stderr


@pytest.fixture(name="client")
def of_the_socket(machine, contract):
    """A relay's way in, opened anew for each test: restarts make another socket."""
    made = Client(f"unix:{machine.path(SOCKET)}", contract)
    yield made
    made.close()


def is_served(machine, client):
    client.close()
    return machine.path(SOCKET).exists() and client.get("/readyz").status == 200


def lookup(client):
    return client.get("/resolve/example.org?fallback=none").json()


def test_it_is_installed_and_runs(machine, client):
    installed(machine, "/first.deb")
    shown = machine.show("ActiveState", "UnitFileState", "User", "NRestarts", "MainPID")
    assert (shown["ActiveState"], shown["UnitFileState"]) == ("active", "enabled")
    assert machine.run("stat", "-c", "%U", f"/proc/{shown['MainPID']}").stdout == "waypost\n"
    assert machine.run("waypost", "healthcheck").returncode == 0
    eventually(lambda: is_served(machine, client), what="service")
    client.set("example.org", "10.0.0.5")
    assert lookup(client)["target_host"] == "10.0.0.5"
    assert machine.show("NRestarts")["NRestarts"] == "0"


def test_the_socket_is_the_groups(machine):
    assert machine.run("stat", "-c", "%a %U %G", SOCKET).stdout == "660 waypost waypost\n"
    machine.run("useradd", "--groups", "waypost", "relay")
    machine.run("useradd", "stranger")
    connect = ["perl", "-MIO::Socket::UNIX", "-e", f'exit(IO::Socket::UNIX->new(Peer => "{SOCKET}") ? 0 : 1)']
    assert machine.run("runuser", "-u", "relay", "--", *connect, check=False).returncode == 0
    assert machine.run("runuser", "-u", "stranger", "--", *connect, check=False).returncode == 1


def test_others_see_nothing_of_the_overrides(machine):
    assert machine.run("stat", "-c", "%a %U", "/var/lib/waypost").stdout == "750 waypost\n"
    assert machine.run("runuser", "-u", "stranger", "--", "cat", DATABASE, check=False).returncode != 0


def test_its_status_is_shown(machine):
    eventually(lambda: machine.show("StatusText")["StatusText"] == "Serving 1 overrides", what="the status")


def test_a_reload_reads_the_tokens_and_does_not_restart(machine, client):
    before = machine.show("MainPID")
    machine.run("systemctl", "reload", "waypost")
    assert machine.show("MainPID") == before
    eventually(lambda: "event=hangup" in machine.run("journalctl", "-u", "waypost").stdout, what="the hangup")
    assert lookup(client)["target_host"] == "10.0.0.5"


def test_a_secret_url_is_handed_over(machine, client):
    """Credentials work under the unit: the URL stands in a file that only root reads."""
    folder = "/etc/systemd/system/waypost.service.d"
    machine.run("sh", "-euc", 'mkdir "$1"; grep -v SNAPSHOT /usr/share/doc/waypost/examples/mariadb.conf >"$1/a.conf"; '
                'umask 077; echo sqlite:/var/lib/waypost/other.db >/etc/waypost/database', "sh", folder)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "waypost")
    eventually(lambda: is_served(machine, client), what="service")
    assert lookup(client)["override"] is False, "it is another database"
    assert machine.path("/var/lib/waypost/other.db").exists()
    machine.run("rm", "-r", folder)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "waypost")
    eventually(lambda: is_served(machine, client), what="service")
    assert lookup(client)["target_host"] == "10.0.0.5"


def test_settings_that_do_not_parse_are_not_tried_again_and_again(machine, client):
    machine.run("sh", "-c", f"echo WAYPOST_THREADS=many >>{SETTINGS}")
    assert machine.run("systemctl", "restart", "waypost", check=False).returncode != 0
    assert machine.show("ActiveState", "NRestarts") == {"ActiveState": "failed", "NRestarts": "0"}
    machine.run("sed", "-i", "$d", SETTINGS)
    machine.run("systemctl", "restart", "waypost")
    eventually(lambda: is_served(machine, client), what="service")


def test_killed_it_comes_back(machine, client):
    machine.run("systemctl", "kill", "--signal=KILL", "waypost")
    eventually(lambda: machine.show("NRestarts")["NRestarts"] == "1", what="a restart")
    eventually(lambda: machine.show("ActiveState")["ActiveState"] == "active", what="the service")
    eventually(lambda: is_served(machine, client), what="service")
    assert lookup(client)["target_host"] == "10.0.0.5"


def test_an_upgrade_keeps_settings_and_overrides(machine, client):
    machine.run("sh", "-c", f"echo {EDITED.strip()} >>{SETTINGS}")
    before = machine.show("MainPID")
    installed(machine, "/later.deb")
    settings = machine.path(SETTINGS).read_text()
    assert settings.endswith(EDITED) and NEW_LINE not in settings
    assert machine.run("cat", f"{SETTINGS}.dpkg-dist").stdout.endswith(NEW_LINE)
    assert machine.show("MainPID") != before, "the new program runs"
    eventually(lambda: is_served(machine, client), what="service")
    assert lookup(client)["target_host"] == "10.0.0.5"
    assert "level=info" in machine.run("journalctl", "-u", "waypost").stdout


def test_what_was_disabled_stays_disabled(machine):
    machine.run("systemctl", "disable", "waypost")
    machine.apt("install", "--allow-downgrades", "/first.deb")
    assert machine.show("UnitFileState")["UnitFileState"] == "disabled"
    machine.run("systemctl", "enable", "waypost")


def test_removed_it_leaves_settings_and_overrides(machine):
    machine.apt("remove", "waypost")
    assert not machine.path("/usr/bin/waypost").exists()
    assert machine.show("ActiveState", "LoadState") == {"ActiveState": "inactive", "LoadState": "not-found"}
    assert machine.path(SETTINGS).read_text().endswith(EDITED)
    assert machine.path(DATABASE).exists()


def test_installed_again_it_goes_on(machine, client):
    installed(machine, "/later.deb")
    eventually(lambda: is_served(machine, client), what="service")
    assert lookup(client)["target_host"] == "10.0.0.5"
    assert machine.path(SETTINGS).read_text().endswith(EDITED)


def test_purged_it_is_gone(machine):
    machine.apt("purge", "waypost")
    for name in (SETTINGS, "/var/lib/waypost", "/run/waypost", "/etc/systemd/system/multi-user.target.wants/waypost.service"):
        assert not machine.path(name).exists(), name
    assert machine.path("/etc/waypost/database").exists(), "what others made is theirs"


def test_after_a_purge_it_begins_anew(machine, client):
    installed(machine, "/first.deb")
    eventually(lambda: is_served(machine, client), what="service")
    assert lookup(client)["override"] is False
    assert NEW_LINE not in machine.path(SETTINGS).read_text()
