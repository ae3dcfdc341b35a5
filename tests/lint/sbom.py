#!/usr/bin/env python3
"""The libraries of the program: docs/sbom.md names those that it is linked with, and why; `./dev sbom`
prints these and those behind them, with the versions that are installed here, as CycloneDX JSON."""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

import hardening
import repository

PAGE = "docs/sbom.md"
ROW = re.compile(r"^\| `(?P<soname>[^`]+)` \| `(?P<package>[^`]+)` \| (?P<licence>[^|]+?) \| (?P<purpose>[^|]+?) \|$",
                 re.M)
Package = collections.namedtuple("Package", "name version architecture")


def release(root):
    return pathlib.Path(root) / "build/release/waypost"


def rows(root):
    """soname -> row of the page"""
    return {match["soname"]: match.groupdict() for match in ROW.finditer(repository.text(root, PAGE))}


def complaints(page, linked):
    """`page`, `linked`: sonames."""
    yield from (f"{PAGE}: {soname} is missing: the program is linked with it" for soname in sorted(linked - page))
    yield from (f"{PAGE}: the program is not linked with {soname}" for soname in sorted(page - linked))


# --- what is installed ----------------------------------------------------------------------------

def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def loaded(program):
    """soname -> path, of everything that the loader would load."""
    return dict(re.findall(r"^\s*(\S+) => (/\S+)", output("ldd", str(program)), re.M))


def package_of(path):
    """The Debian package of a file; None: it is from none."""
    # Where /lib is a link to /usr/lib, dpkg knows the name under which the package brought it.
    names = {path, os.path.realpath(path)}
    names |= {name.removeprefix("/usr") for name in names} | {f"/usr{name}" for name in names}
    for name in sorted(names):
        done = subprocess.run(["dpkg-query", "--search", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            package = done.stdout.split(": /")[0]
            return Package(*output("dpkg-query", "--show", "--showformat", "${Package}\n${Version}\n${Architecture}",
                                   package).split("\n"))
    return None


def licence_by_debian(package):
    """What the package's copyright file says of most files; None: it does not say it in a way to be read."""
    path = pathlib.Path("/usr/share/doc") / package / "copyright"
    content = path.read_text("utf-8", "replace") if path.exists() else ""
    match = re.search(r"^Files: *\*\n(?:.+\n)*?License: *(\S.*)$", content, re.M)
    return match.group(1) if match else None


def component(soname, path, row):
    package = package_of(path)
    made = {"type": "library", "bom-ref": soname, "name": package.name if package else soname}
    if package:
        made |= {"version": package.version,
                 "purl": f"pkg:deb/debian/{package.name}@{urllib.parse.quote(package.version)}?arch={package.architecture}"}
    licence = licence_by_debian(package.name) if package else None
    if row:
        made |= {"description": row["purpose"].replace("`", ""), "licenses": [{"expression": row["licence"]}]}
    elif licence:
        made["licenses"] = [{"license": {"name": licence}}]
    made["properties"] = [{"name": "waypost:linked", "value": "directly" if row else "by another library"}]
    return made


def document(root, program):
    """CycloneDX 1.5."""
    known, paths = rows(root), loaded(program)
    version = output(str(program), "--version").split()[1]
    needs = {"waypost": hardening.needed(program)}
    needs |= {soname: hardening.needed(path) for soname, path in paths.items()}
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "waypost", "name": "waypost",
                                   "version": version, "licenses": [{"license": {"id": "MIT"}}]}},
        "components": [component(soname, path, known.get(soname)) for soname, path in sorted(paths.items())],
        "dependencies": [{"ref": name, "dependsOn": sorted(on & set(paths))} for name, on in sorted(needs.items())],
    }


if __name__ == "__main__":
    top = pathlib.Path(__file__).resolve().parents[2]
    json.dump(document(top, release(top)), sys.stdout, indent=2)
    print()
