"""A fresh Debian in a folder, with packages from where this machine has its own; systemd runs in it."""
import os
import pathlib
import re
import subprocess
import sys

from http_client import eventually

HERE = pathlib.Path(__file__).resolve().parent
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
BOOT_SECONDS = 60
NEW_LINE = "# a line that only the later version's settings have\n"
UNREACHABLE = re.compile(r"Could not resolve|Could not connect|Unable to connect|Temporary failure|"
                         r"Connection (failed|refused|timed out)|Network is unreachable", re.I)


class Impossible(Exception):
    """This machine cannot do it; says why."""


def sources():
    """What apt knows of Debian here, and the settings by which it reaches it."""
    lines = subprocess.run(["apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                            "Identifier: Packages", "Origin: Debian"],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    if not lines:
        raise Impossible("apt has no lists of Debian (apt-get update)")
    settings = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return sorted(set(lines)), re.findall(r"^(Acquire::(?:http|https|Check-)[^ ]* .*)$", settings, re.M)


def check_possible():
    if os.geteuid() != 0:
        raise Impossible("only root can make a machine")
    done = subprocess.run(["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child",
                           "sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt"],
                          capture_output=True, text=True)
    if done.returncode:
        raise Impossible(f"no namespaces here: {done.stderr.strip()}")


class Machine:
    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "root"
        self.cgroup = f"waypost-test-{os.getpid()}"
        self.process = None
        self.systemd = None  # its process number, as we see it

    def make(self, *packages):
        """Debian's least, and these."""
        lines, settings = sources()
        suite = (self.folder / "sources")
        suite.write_text("".join(f"{line}\n" for line in lines))
        release = re.search(r"^VERSION_CODENAME=(\w+)$", pathlib.Path("/etc/os-release").read_text(), re.M).group(1)
        options = [f"--aptopt={setting}" for setting in
                   (*settings, 'Acquire::Languages "none"', 'APT::Install-Recommends "false"')]
        with open(suite, encoding="ascii") as stdin:
            done = subprocess.run(
                ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", f"--include={','.join(packages)}",
                 "--skip=cleanup/apt/lists", "--dpkgopt=force-unsafe-io",
                 *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("locale", "info")),
                 *options, release, str(self.root), "-"], stdin=stdin, capture_output=True, text=True)
        if done.returncode and UNREACHABLE.search(done.stderr):
            raise Impossible(f"no packages can be had: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr[-4000:]

    def boot(self):
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child",
             str(HERE / "boot.sh"), str(self.root), self.cgroup],
            stdin=subprocess.DEVNULL, stdout=open(self.folder / "boot.log", "wb"), stderr=subprocess.STDOUT)
        eventually(self._is_up, BOOT_SECONDS, "systemd")

    def _is_up(self):
        if self.process.poll() is not None:
            raise Impossible(f"systemd cannot be booted: {(self.folder / 'boot.log').read_text()[-300:]}")
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        if not children or pathlib.Path(f"/proc/{children[0]}/comm").read_text() != "systemd\n":
            return False
        self.systemd = int(children[0])
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def run(self, *command, check=True, text=None):
        """Runs a command in it: with its network once it is booted, with ours before."""
        if self.systemd:
            enter = ["nsenter", "--all", "--target", str(self.systemd)]
        else:
            enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                     'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$@"',
                     "sh", str(self.root)]
        done = subprocess.run([*enter, "env", "-i", f"PATH={PATH}", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                               *command], input=text or "", capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def apt(self, *arguments):
        return self.run("apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "Dpkg::Options::=--force-confold",
                        *arguments)

    def path(self, name):
        """A file of the running machine, /run and all."""
        top = pathlib.Path(f"/proc/{self.systemd}/root") if self.systemd else self.root
        return top / name.lstrip("/")

    def show(self, *names):
        """Properties of the service."""
        done = self.run("systemctl", "show", "waypost", *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()  # takes all that runs in it with it
            self.process.wait()
        if self.systemd:
            script = ('mount -t cgroup2 cgroup2 /mnt && find "/mnt/$1" -depth -type d -exec rmdir {} +')
            eventually(lambda: not pathlib.Path(f"/proc/{self.systemd}").exists(), what="the end of systemd")
            done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", self.cgroup],
                                  capture_output=True, text=True)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
