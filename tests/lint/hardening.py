"""What the built program says of its own protection, as readelf and its bytes tell it. cmake/Harden.cmake
asks for all of it; a compiler or linker may leave a wish out without a word."""
import re
import subprocess

# What our functions may begin with, so that calls by pointer land there and nowhere else.
LANDINGS = {
    "Advanced Micro Devices X86-64": ("endbr64", {bytes.fromhex("f30f1efa")}),
    "AArch64": ("bti c or paciasp", {bytes.fromhex("5f2403d5"), bytes.fromhex("3f2303d5")}),
}
SHADOW_STACK = "Advanced Micro Devices X86-64"  # where the program is marked for it
OURS = re.compile(r"(way_|api_)\w+|main")


def readelf(path, *options):
    return subprocess.run(["readelf", "--wide", *options, str(path)], check=True, capture_output=True, text=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def segments(path):
    """type -> flags (of several the union): {"LOAD": "RWE"}"""
    found = {}
    for name, flags in re.findall(r"^\s+([A-Z_]+)(?:\s+0x[0-9a-f]+){5}\s+([RWE ]{3})\s", readelf(path, "--segments"),
                                  re.M):
        found.setdefault(name, set()).add(flags.replace(" ", ""))
    return found


def dynamic(path):
    """tag -> values"""
    found = {}
    for tag, value in re.findall(r"^\s*0x[0-9a-f]+ \((\w+)\)\s*(.*?)\s*$", readelf(path, "--dynamic"), re.M):
        found.setdefault(tag, []).append(value)
    return found


def needed(path):
    """The libraries that the program itself is linked with."""
    return {re.search(r"\[(.+)\]", value).group(1) for value in dynamic(path).get("NEEDED", [])}


def layout(path):
    """The program can be put anywhere, and what may be written never runs."""
    if "Position-Independent Executable" not in readelf(path, "--file-header"):
        yield "is no position-independent executable"
    found = segments(path)
    if any("W" in flags and "E" in flags for flags in found["LOAD"]):
        yield "has memory that can be written and run"
    if any("E" in flags for flags in found.get("GNU_STACK", {"E"})):
        yield "has a stack that can run"
    if "GNU_RELRO" not in found:
        yield "leaves the loader's tables writable (no RELRO)"


def loading(path):
    """Everything is bound before main(), and comes from where the system keeps it."""
    found = dynamic(path)
    if not any("NOW" in value for tag in ("FLAGS", "FLAGS_1") for value in found.get(tag, [])):
        yield "binds symbols late, so RELRO is half (no BIND_NOW)"
    if "PIE" not in " ".join(found.get("FLAGS_1", [])):
        yield "does not say that it is position-independent"
    for tag in ("RPATH", "RUNPATH", "TEXTREL"):
        if tag in found or tag in " ".join(found.get("FLAGS", [])):
            yield f"has {tag}"


def checks(path):
    """The compiler's own checks are in it."""
    undefined = set(re.findall(r"\bUND (\w+)", readelf(path, "--dyn-syms")))
    if "__stack_chk_fail" not in undefined:
        yield "has no canaries (-fstack-protector-strong)"
    if not any(name.endswith("_chk") for name in undefined):
        yield "uses none of libc's checked calls (_FORTIFY_SOURCE)"


def sections(path):
    """Of sections with content: (address, offset, size)"""
    for address, offset, size in re.findall(r"^\s*\[ *\d+\] \S+\s+PROGBITS\s+([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)",
                                            readelf(path, "--sections"), re.M):
        yield int(address, 16), int(offset, 16), int(size, 16)


def functions(path):
    """Those of ours that others may call: name -> its first four bytes."""
    content = open(path, "rb").read()
    places = list(sections(path))
    found = {}
    for address, name in re.findall(r"^\s*\d+: ([0-9a-f]+)\s+\d+ FUNC\s+GLOBAL \w+\s+\d+ (\S+)$",
                                    readelf(path, "--symbols"), re.M):
        if OURS.fullmatch(name):
            offset = next(int(address, 16) - begin + offset for begin, offset, size in places
                          if begin <= int(address, 16) < begin + size)
            found[name] = content[offset:offset + 4]
    return found


def flow(path):
    """Calls by pointer and returns are held to where they may go."""
    machine = re.search(r"Machine:\s+(.+)", readelf(path, "--file-header")).group(1).strip()
    if machine not in LANDINGS:
        return
    word, marks = LANDINGS[machine]
    ours = functions(path)
    if "main" not in ours:
        yield "has no symbols, so its functions cannot be looked at"
    for name, begin in sorted(ours.items()):
        if begin not in marks:
            yield f"{name}() does not begin with {word}"
    if machine == SHADOW_STACK and "SHSTK" not in readelf(path, "--notes"):
        yield "is not marked for the shadow stack"


def complaints(path):
    for look in (layout, loading, checks, flow):
        yield from (f"{path}: {complaint}" for complaint in look(path))
