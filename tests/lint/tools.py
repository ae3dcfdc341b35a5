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


def own_sources(root):
    """What is compiled into the program."""
    return {str(name) for name in repository.sources(root, ".c")}


def all_sources(root):
    """And the tests; what is only measured against (tests/bench) is built where it is used."""
    tests = (str(name) for folder in ("unit", "contract", "fuzz")
             for name in repository.files(root, ".c", under=f"tests/{folder}/"))
    return own_sources(root) | set(tests)


def compiled(root, known):
    """The entries of build/dev/compile_commands.json for the sources `known`, by name; None: no build."""
    try:
        commands = json.loads((pathlib.Path(root) / "build/dev/compile_commands.json").read_text())
    except FileNotFoundError:
        return None
    names = ((os.path.relpath(os.path.join(entry["directory"], entry["file"]), root), entry) for entry in commands)
    return {name: entry for name, entry in names if name in known}


def without_output(entry):
    """The words of a compiler's command, without those that say where its output goes."""
    words = [word for word in shlex.split(entry["command"]) if word != "-MD"]
    for option in ("-o", "-MT", "-MF"):
        if option in words:
            place = words.index(option)
            del words[place:place + 2]
    return words


def each_compiled(root, known, what, settings, check):
    """What check(entry) says of each source of `known`, "" for nothing, as lines. A file of which it said nothing is
    remembered by the hash of all it was made of, so only what changed is looked at again. `what`: the
    folder for that; `settings`: bytes that tell one way of checking from another."""
    entries = compiled(root, known)
    if entries is None:
        yield "build/dev/compile_commands.json is missing: ./dev test lint makes it"
        return
    passed = pathlib.Path(root) / "build/dev" / what
    passed.mkdir(exist_ok=True)

    def fingerprint(entry):
        words = ["-E" if word == "-c" else word for word in without_output(entry)]
        done = subprocess.run([*words, "-C"], cwd=entry["directory"], capture_output=True, check=True)
        return hashlib.sha256(settings + entry["command"].encode() + done.stdout).hexdigest()

    def look(entry):
        mark = passed / fingerprint(entry)
        if mark.exists():
            return ""
        said = check(entry)
        if not said:
            mark.touch()
        return said

    # the largest first, so that no processor waits long at the end
    order = sorted(entries.values(), key=lambda entry: -os.path.getsize(entry["file"]))
    for output in at_once(look, order):
        yield from output.splitlines()


def in_the_build(root):
    """Each source is compiled, or the rules below would not see it."""
    known = all_sources(root)
    entries = compiled(root, known)
    for name in sorted(known):
        if entries is not None and name not in entries:
            yield f"{name}: is not part of the build"


def tidy(root):
    """clang-tidy has nothing to say about any source; tests/.clang-tidy says what tests may do."""
    settings = b"".join((pathlib.Path(root) / name).read_bytes()
                        for name in repository.files(root, ".clang-tidy"))
    settings += run(["clang-tidy", "--version"], root).stdout.encode()

    def check(entry):
        done = run(["clang-tidy", "--quiet", "-p", "build/dev", entry["file"]], root)
        return (done.stdout or done.stderr) if done.returncode else ""

    yield from each_compiled(root, all_sources(root), "tidy", settings, check)


ANALYZER = ["-fanalyzer", "-fdiagnostics-plain-output"]


def analyzer(root):
    """gcc's analyzer follows the paths through each source and finds nothing: no leak, no use after a
    free, no value that was never set. Where it is wrong, the code says so: base/compiler.h has the word."""
    settings = " ".join(ANALYZER).encode() + run(["gcc", "--version"], root).stdout.encode()

    def check(entry):
        words = ["gcc", *without_output(entry)[1:], *ANALYZER, "-Wno-error", "-o", os.devnull]
        done = run(words, entry["directory"])
        return done.stderr if done.returncode or "[-Wanalyzer-" in done.stderr else ""

    yield from each_compiled(root, own_sources(root), "analyzer", settings, check)
