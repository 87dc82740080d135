"""Install a requirement file into .venv: `python3 envs/install.py requirements` (or test, lint, docs, background, app).

`make` calls it. It brings uv, Python 3.11, system libraries and packages, in this order, and stops with one sentence
if a download fails. It runs on any Python from 3.6, so it uses nothing newer before `use_newer_python`.
"""

import ast
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
UV, VENV = PROJECT / ".uv", PROJECT / ".venv"
PYTHON = VENV / "bin/python"
OLDEST_FOR_UV = (3, 8)
OLDEST_GLIBC = (2, 28)
OPTIONS_OF_PIP = {"index-url": "UV_DEFAULT_INDEX", "trusted-host": "UV_INSECURE_HOST", "cert": "SSL_CERT_FILE"}
"""Settings of pip that uv reads from the environment only."""


def main():
    """Install the named requirements."""
    name = sys.argv[1]
    use_newer_python()
    check_platform()
    install_uv()
    if name == "requirements":
        create_environment()
        run([PYTHON, PROJECT / "envs/system_libraries.py"])
        uv("pip", "sync", "--compile-bytecode", "--python", PYTHON, f"envs/{name}.txt")
        uv("pip", "install", "--python", PYTHON, "--no-deps", "--editable", ".")
    else:
        # the pins are complete, and some exceed a package's own bound (envs/*_overrides.txt)
        uv("pip", "install", "--python", PYTHON, "--no-deps", "--requirement", f"envs/{name}.txt")


def use_newer_python():
    """Start again in another Python of this machine if this one is too old for uv."""
    if sys.version_info < OLDEST_FOR_UV:
        for minor in (11, 12, 13, 14, 10, 9, 8):
            other = shutil.which(f"python3.{minor}")
            if other:
                os.execv(other, [other, *sys.argv])
        sys.exit("The set-up needs Python 3.8 or newer, and none is on PATH; install python3.11 and run make again.")


def check_platform():
    """Stop where the packages have no builds, or in a folder that they cannot work in."""
    libc, version = platform.libc_ver()
    found = f"{platform.system()} {platform.machine()} with {libc or 'an unknown C library'} {version}".strip()
    glibc = tuple(map(int, version.split(".")[:2])) if libc == "glibc" else (0, 0)
    if (platform.system(), platform.machine()) != ("Linux", "x86_64") or glibc < OLDEST_GLIBC:
        sys.exit(f"The environment is for Linux on x86-64 with glibc 2.28 or newer, and this is {found}.")
    expanded = set("{}:$%") & set(str(PROJECT))
    if expanded:
        what = " ".join(sorted(expanded))
        sys.exit(f"{PROJECT}: Snakemake or Blender would expand the {what} in this path; rename the folder.")


def install_uv():
    """Install the pinned uv into a virtual environment of its own."""
    pins = PROJECT / "envs/uv.txt"
    stamp = UV / "installed.txt"
    if stamp.is_file() and stamp.read_text() == pins.read_text():
        return
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", UV], capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(
            f"{sys.executable} cannot make a virtual environment; install its module venv "
            f"(apt-get install python3-venv on Debian and Ubuntu) and run make again."
        )
    installed = pip("install", "--quiet", "--requirement", pins)
    if installed.returncode:
        sys.exit(f"{installed.stderr}pip cannot install uv; is there a network, or a mirror in pip's configuration?")
    stamp.write_text(pins.read_text())


def pip(*arguments):
    """Run the pip that installs uv, without settings that lead it elsewhere."""
    elsewhere = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
    command = [UV / "bin/python", "-I", "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def uv_environment():
    """This process's environment with what uv needs: pip's settings, and folders that can be written."""
    listing = pip("config", "list")
    if listing.returncode:
        sys.exit(f"{listing.stderr}pip in .uv does not start; delete the folder .uv and run make again.")
    settings = {**pip_settings(listing.stdout), "UV_PYTHON_INSTALL_DIR": str(UV / "python")}
    if os.environ.get("UV_INDEX_URL"):  # uv's older name for its index
        settings.pop("UV_DEFAULT_INDEX", None)
    if not writable(Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME", "/dev/null") + "/.cache")):
        settings["UV_CACHE_DIR"] = str(UV / "cache")
    foreign = ("UV_CONSTRAINT", "UV_OVERRIDE")
    return {**settings, **{name: value for name, value in os.environ.items() if name not in foreign}}


def pip_settings(listing):
    """What uv has to know of pip's configuration, from the output of `pip config list`, as environment variables."""
    settings = {}
    for scope in ("global", "install", ":env:"):  # the later ones win
        for option, value in re.findall(rf"^{scope}\.([\w-]+)=(['\"].*['\"])$", listing, re.MULTILINE):
            if option in OPTIONS_OF_PIP:
                settings[OPTIONS_OF_PIP[option]] = " ".join(ast.literal_eval(value).split())
    return settings


def writable(folder):
    """Whether files can be made in a folder; it is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def create_environment():
    """Make .venv with Python 3.11, whose `python` is python.sh; it starts `interpreter/python`."""
    interpreter = VENV / "interpreter/python"
    if not interpreter.exists():
        made = uv("venv", "--clear", "--python", "3.11", VENV, check=False)
        if made.returncode:
            sys.exit(
                "Python 3.11 is neither here nor could uv download it; install python3.11, or name a mirror in "
                "UV_PYTHON_INSTALL_MIRROR, and run make again."
            )
        interpreter.parent.mkdir()
        PYTHON.rename(interpreter)
    copy = PYTHON.with_suffix(".new")
    shutil.copyfile(PROJECT / "envs/python.sh", copy)
    copy.chmod(0o755)
    copy.rename(PYTHON)


def uv(*arguments, check=True):
    """Run uv; where it must not fail, its failure is this program's."""
    return run([UV / "bin/uv", "--quiet", *arguments], check, uv_environment())


def run(command, check=True, environment=None):
    """Run a command in the project's folder; its output is shown."""
    done = subprocess.run(command, cwd=PROJECT, env=environment, check=False)
    if check and done.returncode:
        sys.exit(done.returncode)
    return done


if __name__ == "__main__":
    main()
