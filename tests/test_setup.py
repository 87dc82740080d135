"""What the set-up promises."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml
from template3d import provenance

REPOSITORY = Path(__file__).resolve().parents[1]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ \n]+)", re.MULTILINE)


def system_libraries():
    spec = importlib.util.spec_from_file_location("system_libraries", REPOSITORY / "envs/system_libraries.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_missing_system_libraries_are_named_by_package():
    def load(library):
        if library in ("libusb-1.0.so.0", "libEGL.so.1"):
            raise OSError(library)

    assert system_libraries().missing(load) == ["libegl1", "libusb-1.0-0"]
    assert system_libraries().missing(lambda library: None) == []


def test_every_requirement_is_pinned_and_the_lock_agrees():
    asked = (REPOSITORY / "envs/requirements.in").read_text()
    locked = {n.lower(): version for n, version in PIN.findall((REPOSITORY / "envs/requirements.txt").read_text())}
    names = [line.split("#")[0].strip() for line in asked.splitlines() if line.split("#")[0].strip()]
    for name in names:
        package, _, version = name.partition("==")
        assert package.lower() in locked
        assert not version or locked[package.lower()] == version
    assert locked["numpy"] == "1.26.4"


def test_no_file_names_a_package_registry():
    text = (REPOSITORY / "envs/requirements.txt").read_text()
    assert "://" not in text


def locked() -> dict[str, str]:
    return {n.lower(): version for n, version in PIN.findall((REPOSITORY / "envs/requirements.txt").read_text())}


def conda_pins(kind: str) -> dict[str, str]:
    conda = yaml.safe_load((REPOSITORY / f"envs/{kind}.yaml").read_text())
    pins = next(entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    return {name.lower(): version for name, _, version in (pin.partition("==") for pin in pins)}


@pytest.mark.parametrize("kind", ["data", "training", "report"])
def test_the_conda_environments_have_the_locks_versions(kind):
    pins = conda_pins(kind)
    assert len(pins) > 10
    assert pins == {name: locked()[name] for name in pins}


@pytest.mark.parametrize("rules", sorted((REPOSITORY / "workflow/rules").glob("*.smk")), ids=lambda file: file.stem)
def test_each_rules_conda_environment_has_what_its_script_imports(rules):
    found = re.findall(r'envs/(\w+)\.yaml".*?scripts/(\w+\.py)"', rules.read_text(), re.DOTALL)
    assert len(found) == rules.read_text().count("script:\n")
    for kind, script in found:
        needed = provenance.package_versions(REPOSITORY / "scripts" / script, REPOSITORY / "envs/requirements.txt")
        assert {name.lower() for name in needed} <= conda_pins(kind).keys()
