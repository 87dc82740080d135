"""What the set-up promises."""

import importlib.util
import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import template3d
import yaml
from packaging.requirements import Requirement
from template3d.runtime import provenance

REPOSITORY = Path(__file__).resolve().parents[1]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ \n]+)", re.MULTILINE)


def script(name: str):
    """A script of envs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / f"envs/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Machine:
    """A machine where some programs are there and some libraries are missing until they are brought."""

    def __init__(
        self, monkeypatch, programs: set[str], root: bool = False, brings: str = "install", setting: str = "on"
    ) -> None:
        monkeypatch.setenv("TEMPLATE3D_SYSTEM", setting)
        self.module, self.done, self.lacking = script("system_libraries"), [], ["libEGL.so.1", "libSM.so.6"]
        monkeypatch.setattr(self.module.shutil, "which", lambda name: name if name in programs else None)
        monkeypatch.setattr(self.module, "missing_now", lambda: self.lacking)
        monkeypatch.setattr(self.module, "root_prefix", lambda: [] if root else None)
        for name in ("install", "unpack"):
            monkeypatch.setattr(self.module, name, self.bringing(name, name == brings))

    def bringing(self, name: str, works: bool):
        def bring(*arguments):
            self.done.append((name, *arguments))
            self.lacking = [] if works else self.lacking

        return bring


def test_missing_libraries_are_installed_where_make_may(monkeypatch):
    for manager, packages in (("apt-get", ["libegl1", "libsm6"]), ("dnf", ["libglvnd-egl", "libSM"])):
        machine = Machine(monkeypatch, {manager}, root=True)
        machine.module.provide()
        assert machine.done == [("install", [manager], packages)]


@pytest.mark.parametrize(("root", "setting"), [(False, "on"), (True, "off")])
def test_else_they_are_unpacked_on_debian(monkeypatch, root, setting):
    machine = Machine(monkeypatch, {"apt-get"}, root, brings="unpack", setting=setting)
    machine.module.provide()
    assert machine.done == [("unpack", [package for package, _ in machine.module.PACKAGES.values()])]


def test_else_a_sentence_names_the_packages_of_this_distribution(monkeypatch):
    for programs, words in (({"dnf"}, "dnf install libglvnd-egl libSM"), (set(), "libEGL.so.1, libSM.so.6")):
        machine = Machine(monkeypatch, programs)
        with pytest.raises(SystemExit, match=words):
            machine.module.provide()
        assert machine.done == []
    machine = Machine(monkeypatch, {"apt-get"}, root=True, brings="nothing")  # no network
    with pytest.raises(SystemExit, match="apt-get install libegl1 libsm6"):
        machine.module.provide()
    assert [name for name, *_ in machine.done] == ["install", "unpack"]


def test_an_unknown_setting_is_an_error(monkeypatch):
    monkeypatch.setenv("TEMPLATE3D_SYSTEM", "no")
    with pytest.raises(SystemExit, match="TEMPLATE3D_SYSTEM is 'no'"):
        script("system_libraries").provide()


def test_nothing_is_missing_here():
    assert script("system_libraries").missing() == []


def test_a_mirror_that_only_pip_knows_is_passed_on_to_uv():
    listing = """global.index-url='https://one/simple'
global.extra-index-url='https://other/simple'
install.trusted-host='\\none\\ntwo'
:env:.index-url='https://two/simple'
"""
    settings = script("install").pip_settings(listing)
    assert settings == {"UV_DEFAULT_INDEX": "https://two/simple", "UV_INSECURE_HOST": "one two"}


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ({"machine": "aarch64"}, "Linux aarch64"),
        ({"libc_ver": ("glibc", "2.17")}, "2.17"),
        ({"libc_ver": ("", "")}, ""),
    ],
)
def test_a_machine_without_builds_is_refused_before_anything_is_downloaded(monkeypatch, where, what):
    install = script("install")
    for name, value in where.items():
        monkeypatch.setattr(install.platform, name, lambda value=value: value)
    with pytest.raises(SystemExit, match=f"x86-64 with glibc 2.28 or newer, and this is .*{what}"):
        install.check_platform()


@pytest.mark.parametrize("path", ["/home/me/{x}", "/a:b", "/home/$HOME", "/100 %"])
def test_a_folder_whose_name_would_be_expanded_is_refused(monkeypatch, path):
    install = script("install")
    monkeypatch.setattr(install, "PROJECT", Path(path))
    with pytest.raises(SystemExit, match="rename the folder"):
        install.check_platform()


def pins(name: str) -> dict[str, str]:
    return {n.lower(): version for n, version in PIN.findall((REPOSITORY / f"envs/{name}.txt").read_text())}


@pytest.mark.parametrize("name", ["requirements", "background", "app", "test", "lint", "docs"])
def test_every_requirement_is_pinned_and_no_two_files_disagree(name):
    lines = (line.split("#")[0].strip() for line in (REPOSITORY / f"envs/{name}.in").read_text().splitlines())
    for line in filter(None, lines):
        package, _, version = re.sub(r"\[.*\]", "", line).partition("==")
        assert package.lower() in pins(name)
        assert not version or pins(name)[package.lower()] == version
    assert agree(name, "requirements")


def agree(name: str, other: str) -> bool:
    """Whether two files pin the same versions of the packages that both have."""
    shared = pins(name).keys() & pins(other).keys()
    return all(pins(name)[package] == pins(other)[package] for package in shared)


def test_the_app_and_the_removal_of_backgrounds_can_be_installed_together():
    assert agree("app", "background")


def test_numpy_is_what_blender_needs():
    assert locked()["numpy"] == "1.26.4"


def test_the_package_asks_for_no_version_that_is_not_pinned():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    for requirement in map(Requirement, requirements):
        pinned = locked() | pins("background") | pins("app")
        assert requirement.specifier.contains(pinned[requirement.name.lower()])


def test_inference_needs_nothing_but_the_packages_dependencies():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    imported = pinned_imports(provenance.PACKAGE / "reconstruct.py") | pinned_imports(provenance.PACKAGE / "fit.py")
    assert imported == {Requirement(name).name for name in project["dependencies"]}


def test_the_app_needs_nothing_but_gradio_besides():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    imported = pinned_imports(provenance.PACKAGE / "app/command.py")
    assert imported <= {Requirement(name).name for name in project["dependencies"]}


def test_one_version_everywhere():
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert template3d.__version__ == version
    assert yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())["version"] == version
    shown = subprocess.run(
        [Path(sys.prefix) / "bin/template3d", "--version"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"template3d {version}\n"


def test_no_file_names_a_package_registry():
    for file in (REPOSITORY / "envs").glob("*.txt"):
        assert "://" not in file.read_text()


def pinned_imports(program: Path) -> set[str]:
    """The pinned packages that a program imports."""
    imported = provenance.Program().code_of(program).imported
    return set(provenance.package_versions(imported, REPOSITORY / "envs/requirements.txt"))


def locked() -> dict[str, str]:
    return pins("requirements")


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
        needed = pinned_imports(REPOSITORY / "scripts" / script)
        assert {name.lower() for name in needed} <= conda_pins(kind).keys()
