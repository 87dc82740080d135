"""Pin what the requirement files name: `make lock`. With --check, say whether the pins can be had and still agree.

Each pin is a wheel that installs on glibc 2.28, which RHEL 8 has. Versions pinned before stay where they can. What
other packages ask of those in <name>_overrides.txt is ignored.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from install import PROJECT, install_uv, uv_environment

NAMES = ("requirements", "background", "app", "test", "lint", "docs")
BESIDE = {"app": ("requirements", "background")}
"""Files that are installed together, and so agree; every file agrees with the pipeline's."""
SOURCES = ("pyopengl", "connection-pool")
"""Two packages of Python files alone, which are published without wheels."""
OPTIONS = ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:"]


def lock(folder: Path) -> None:
    """Write the pins of all requirement files in ``folder``, beside them."""
    for name in NAMES:
        command = [PROJECT / ".uv/bin/uv", "pip", "compile", "--quiet", *OPTIONS]
        command += [word for source in SOURCES for word in ("--no-binary", source)]
        command += ["--no-emit-index-url", "--custom-compile-command", "make lock"]
        others = () if name == NAMES[0] else BESIDE.get(name, NAMES[:1])
        command += [word for other in others for word in ("--constraint", f"{other}.txt")]
        overrides = f"{name}_overrides.txt"
        command += ["--override", overrides] if (folder / overrides).exists() else []
        command += [f"{name}.in", "--output-file", f"{name}.txt"]
        if subprocess.run(command, cwd=folder, env=uv_environment(), check=False).returncode:
            sys.exit(f"envs/{name}.in cannot be resolved; is there a network, and does every pin still have a wheel?")


def check() -> None:
    """Stop with a sentence if the pins are not what `make lock` would make of the names and of themselves."""
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            for kind in ("in", "txt"):
                shutil.copy(PROJECT / f"envs/{name}.{kind}", folder)
        for overrides in (PROJECT / "envs").glob("*_overrides.txt"):
            shutil.copy(overrides, folder)
        lock(Path(folder))
        for name in NAMES:
            if Path(folder, f"{name}.txt").read_text() != (PROJECT / f"envs/{name}.txt").read_text():
                sys.exit(f"envs/{name}.txt is not what envs/{name}.in asks for; run `make lock`")


if __name__ == "__main__":
    install_uv()
    check() if sys.argv[1:] == ["--check"] else lock(PROJECT / "envs")
