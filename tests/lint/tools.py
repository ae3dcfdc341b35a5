"""Rules that other programs know: clang-format, clang-tidy, the compiler, shellcheck."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess

import repository


def run(command, root, **more):
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, **more)


def at_once(function, items):
    """function(item) for each, as many at once as there are processors; results in order."""
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(function, items))


def shell(root):
    """shellcheck has nothing to say about any shell script."""
    scripts = [str(name) for name in repository.files(root)
               if re.match(rb"#!\s*/(usr/)?bin/(env )?(ba|da)?sh\b", (pathlib.Path(root) / name).read_bytes()[:64])]
    if scripts:
        done = run(["shellcheck", "--format=gcc", "--external-sources", *scripts], root)
        yield from (done.stdout + done.stderr).splitlines()


def layout(root):
    """clang-format would change nothing."""
    names = [str(name) for name in repository.files(root, ".c", ".h")]
    if names:
        done = run(["clang-format", "--dry-run", "--Werror", *names], root)
        yield from (line for line in done.stderr.splitlines() if ": error: " in line)
        if done.returncode and ": error: " not in done.stderr:
            yield done.stderr


def headers_alone(root):
    """Each header compiles by itself, and twice."""
    def compile_one(name):
        done = run(["cc", "-std=c17", "-D_GNU_SOURCE", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Wpedantic",
                    "-Werror", "-fsyntax-only", "-Iserver", "-I.", "-x", "c", "-"], root,
                   input=f'#include "{name}"\n#include "{name}"\nint not_empty;\n')
        return f"{name}: does not compile by itself:\n{done.stderr}" if done.returncode else None
    yield from filter(None, at_once(compile_one, repository.sources(root, ".h")))


def tidy(root):
    """clang-tidy has nothing to say about any source. A file that passed is remembered by the hash
    of all it was made of, so only what changed is looked at again."""
    build = pathlib.Path(root) / "build/dev"
    try:
        commands = json.loads((build / "compile_commands.json").read_text())
    except FileNotFoundError:
        yield f"{build}/compile_commands.json is missing: ./dev test lint makes it"
        return
    passed = build / "tidy"
    passed.mkdir(exist_ok=True)
    settings = (pathlib.Path(root) / ".clang-tidy").read_bytes()
    settings += run(["clang-tidy", "--version"], root).stdout.encode()
    known = {str(name) for name in repository.sources(root, ".c")}

    def fingerprint(entry):
        words = shlex.split(entry["command"])
        for option in ("-o", "-MT", "-MF"):
            if option in words:
                place = words.index(option)
                del words[place:place + 2]
        words = [{"-c": "-E", "-MD": "-C"}.get(word, word) for word in words]
        done = subprocess.run([*words, "-C"], cwd=entry["directory"], capture_output=True, check=True)
        return hashlib.sha256(settings + entry["command"].encode() + done.stdout).hexdigest()

    def check(entry):
        mark = passed / fingerprint(entry)
        if mark.exists():
            return ""
        done = run(["clang-tidy", "--quiet", "-p", str(build), entry["file"]], root)
        if done.returncode == 0:
            mark.touch()
            return ""
        return done.stdout or done.stderr

    entries = {}
    for entry in commands:
        name = os.path.relpath(os.path.join(entry["directory"], entry["file"]), root)
        if name in known:
            entries[name] = entry
    for name in sorted(known - set(entries)):
        yield f"{name}: is not part of the build"
    # the largest first, so that no processor waits long at the end
    order = sorted(entries.values(), key=lambda entry: -os.path.getsize(entry["file"]))
    for output in at_once(check, order):
        yield from output.splitlines()
