"""Authorities and what they sign, made by openssl."""
import dataclasses
import pathlib
import subprocess

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
ENDED = -1  # days


@dataclasses.dataclass(frozen=True)
class Certificate:
    cert: pathlib.Path
    key: pathlib.Path

    def put(self, folder):
        """Takes the place of what is in a folder, each file at once."""
        for source, name in ((self.cert, "cert.pem"), (self.key, "key.pem")):
            put(source.read_bytes(), folder / name)
        return Certificate(folder / "cert.pem", folder / "key.pem")

    @property
    def options(self):
        return ["--tls-cert", str(self.cert), "--tls-key", str(self.key)]


def put(content, path):
    """A file that is never seen half written, and that others may not read."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.chmod(0o600)
    fresh.rename(path)


class Authority:
    def __init__(self, folder, name):
        self.folder, self.name, self.count = folder, name, 0
        self.cert, self.key = folder / f"{name}.pem", folder / f"{name}-key.pem"
        openssl("req", "-x509", *NEW_KEY, "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def sign(self, name, days=2, *extensions):
        """A certificate for `name`; an extension is a line of openssl's configuration."""
        self.count += 1
        stem = self.folder / f"{self.name}-{self.count}"
        made = Certificate(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        request, lines = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        lines.write_text("".join(f"{line}\n" for line in extensions))
        openssl("req", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", made.key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial",
                "-days", days, "-extfile", lines, "-out", made.cert)
        made.key.chmod(0o600)
        return made

    def server(self, address="127.0.0.1", days=2):
        return self.sign("server", days, f"subjectAltName = IP:{address}")

    def client(self, days=2, usage="clientAuth"):
        return self.sign("relay", days, f"extendedKeyUsage = {usage}")


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
