"""docs/sbom.md names the libraries of the program that ships, and `./dev sbom` knows them all."""
import pathlib
import re

import pytest

import hardening
import sbom

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = set(sbom.rows(ROOT))


@pytest.fixture(scope="module")
def program():
    path = sbom.release(ROOT)
    assert path.exists(), f"{path} is missing: ./dev test lint makes it"
    return path


@pytest.fixture(scope="module")
def document(program):
    return sbom.document(ROOT, program)


def test_the_page_has_what_is_linked(program):
    assert not list(sbom.complaints(PAGE, hardening.needed(program)))


def test_a_difference_is_told():
    assert list(sbom.complaints({"a.so", "b.so"}, {"b.so", "c.so"})) == [
        "docs/sbom.md: c.so is missing: the program is linked with it",
        "docs/sbom.md: the program is not linked with a.so"]


def test_each_package_of_the_page_is_installed_to_run():
    """dev's list of what the program needs to run, and the C library, which is everywhere."""
    runtime = re.search(r"^RUNTIME='([^']+)'", (ROOT / "dev").read_text(), re.M).group(1).split()
    assert {row["package"] for row in sbom.rows(ROOT).values()} - {"libc6"} == set(runtime) - {"ca-certificates"}


def test_each_component_has_a_version(document):
    for component in document["components"]:
        assert component.get("version") and component["purl"].startswith("pkg:deb/debian/"), component


def test_what_is_linked_directly_has_the_licence_of_the_page(document):
    direct = {component["bom-ref"]: component["licenses"][0]["expression"] for component in document["components"]
              if component["properties"][0]["value"] == "directly"}
    assert direct == {soname: row["licence"] for soname, row in sbom.rows(ROOT).items()}


def test_what_is_linked_directly_comes_from_the_package_of_the_page(document):
    names = {component["bom-ref"]: component["name"] for component in document["components"]}
    assert {soname: names[soname] for soname in PAGE} == {soname: row["package"]
                                                         for soname, row in sbom.rows(ROOT).items()}


def test_each_component_is_needed_by_another(document):
    """Nothing stands in it by accident, and whoever is needed is in it."""
    known = {component["bom-ref"] for component in document["components"]}
    needed = {name for entry in document["dependencies"] for name in entry["dependsOn"]}
    assert needed == known
    assert known > PAGE, "libraries need others"
