"""What the set-up promises."""

import importlib.util
import re
from pathlib import Path

import yaml

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


def test_the_conda_environment_has_the_locks_versions():
    locked = {
        name.lower(): version for name, version in PIN.findall((REPOSITORY / "envs/requirements.txt").read_text())
    }
    conda = yaml.safe_load((REPOSITORY / "envs/template3d.yaml").read_text())
    pins = next(entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    assert len(pins) > 15
    for pin in pins:
        name, _, version = pin.partition("==")
        assert locked[name.lower()] == version
