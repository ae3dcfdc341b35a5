"""The program that ships is hardened, and each look at it would see when it is not."""
import pathlib
import subprocess

import pytest

import hardening

RELEASE = pathlib.Path(__file__).resolve().parents[2] / "build/release/waypost"
PROGRAM = """
#include <stdio.h>
#include <string.h>
#ifdef RUNS_DATA
__asm__(".section .both, \\"awx\\"\\n.byte 0\\n.text");
#endif
#ifdef MOVES_TEXT
__asm__(".text\\n.quad main");
#endif
int way_f(char *out, const char *in);
int way_f(char *out, const char *in) { char small[32]; strcpy(small, in); return sprintf(out, "%s", small); }
int main(int count, char **arguments) { char out[64]; return count + way_f(out, arguments[0]); }
"""
COMPILE = ["-O2", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong", "-fPIE"]
LINK = ["-pie", "-Wl,-z,relro,-z,now,-z,noexecstack"]
FLOW = {"x86_64": ["-fcf-protection=full", "-Wl,-z,shstk"], "aarch64": ["-mbranch-protection=standard"]}
MACHINE = subprocess.run(["uname", "-m"], check=True, capture_output=True, text=True).stdout.strip()
GOOD = [*COMPILE, *LINK, *FLOW.get(MACHINE, [])]


def build(folder, flags):
    source = folder / "a.c"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", "-w", "-U_FORTIFY_SOURCE", *flags, "-o", "a", "a.c"], cwd=folder, check=True)
    return folder / "a"


def test_the_program_that_ships():
    assert RELEASE.exists(), f"{RELEASE} is missing: ./dev test lint makes it"
    assert not list(hardening.complaints(RELEASE))


def test_a_hardened_program(tmp_path):
    assert not list(hardening.complaints(build(tmp_path, GOOD)))


@pytest.mark.parametrize("flags, words", [
    (["-no-pie", "-fno-pie"], "is no position-independent executable"),
    (["-no-pie", "-fno-pie"], "does not say that it is position-independent"),
    (["-Wl,-z,execstack"], "a stack that can run"),
    (["-Wl,-z,norelro"], "no RELRO"),
    (["-Wl,-z,lazy"], "no BIND_NOW"),
    (["-DRUNS_DATA"], "can be written and run"),
    (["-DMOVES_TEXT", "-Wl,-z,notext"], "has TEXTREL"),
    (["-Wl,-rpath,/opt/lib", "-Wl,--disable-new-dtags"], "has RPATH"),
    (["-Wl,-rpath,/opt/lib", "-Wl,--enable-new-dtags"], "has RUNPATH"),
    (["-fno-stack-protector"], "no canaries"),
    (["-U_FORTIFY_SOURCE"], "libc's checked calls"),
    (["-s"], "has no symbols"),
])
def test_what_is_missing_is_seen(tmp_path, flags, words):
    assert any(words in complaint for complaint in hardening.complaints(build(tmp_path, [*GOOD, *flags])))


@pytest.mark.skipif(MACHINE not in FLOW, reason="no protection of this kind here")
def test_a_function_without_a_landing_is_seen(tmp_path):
    found = list(hardening.complaints(build(tmp_path, [*COMPILE, *LINK, "-fcf-protection=none"]
                                            if MACHINE == "x86_64" else [*COMPILE, *LINK])))
    assert any("way_f() does not begin with" in complaint for complaint in found), found


@pytest.mark.skipif(MACHINE != "x86_64", reason="a mark of x86")
def test_a_missing_mark_is_seen(tmp_path):
    found = list(hardening.complaints(build(tmp_path, [*COMPILE, *LINK, "-fcf-protection=full"])))
    assert any("shadow stack" in complaint for complaint in found), found


def test_libraries_are_found(tmp_path):
    assert hardening.needed(build(tmp_path, GOOD)) == {"libc.so.6"}
