"""Provide the system libraries that Blender and mesh_to_sdf load: `.venv/bin/python envs/system_libraries.py`.

Where some are missing, apt-get or dnf installs them, as root or by `sudo -n`. Else, on Debian and Ubuntu, their
packages are downloaded and unpacked below .venv, where envs/python.sh finds them. Otherwise one sentence names them.
With TEMPLATE3D_SYSTEM=off nothing is installed, only unpacked.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libEGL_mesa.so.0": ("libegl-mesa0", "mesa-libEGL"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libGLX_mesa.so.0": ("libglx-mesa0", "mesa-libGL"),
    "libICE.so.6": ("libice6", "libICE"),
    "libSM.so.6": ("libsm6", "libSM"),
    "libX11.so.6": ("libx11-6", "libX11"),
    "libXext.so.6": ("libxext6", "libXext"),
    "libXfixes.so.3": ("libxfixes3", "libXfixes"),
    "libXi.so.6": ("libxi6", "libXi"),
    "libXrender.so.1": ("libxrender1", "libXrender"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon"),
}
"""What `ldd` shows for bpy 5.0.1, and Mesa's EGL, in which mesh_to_sdf renders: the package of Debian and Ubuntu, and
that of Fedora and RHEL."""
MANAGERS = ("apt-get", "dnf")
SYSTEM = Path(sys.prefix) / "system"


def missing() -> list[str]:
    """The libraries that a process of this environment cannot load."""
    absent = []
    for library in PACKAGES:
        try:
            ctypes.CDLL(library)
        except OSError:
            absent.append(library)
    return absent


def missing_now() -> list[str]:
    """The missing libraries as a new process finds them, after something was installed."""
    listing = subprocess.run([sys.executable, __file__, "--list"], stdout=subprocess.PIPE, text=True, check=True)
    return listing.stdout.split()


def provide() -> None:
    """Install or unpack what is missing; stop with a sentence where that fails."""
    setting = os.environ.get("TEMPLATE3D_SYSTEM", "on")
    if setting not in ("on", "off"):
        sys.exit(f"TEMPLATE3D_SYSTEM is {setting!r}; it may be on (install missing system libraries) or off")
    libraries = missing_now()
    manager = next(filter(shutil.which, MANAGERS), None)
    if libraries and manager and setting == "on" and (prefix := root_prefix()) is not None:
        install([*prefix, manager], names(libraries, manager))
        libraries = missing_now()
    if libraries and manager == "apt-get":
        unpack(names(list(PACKAGES), manager))  # all of them, because this replaces what was unpacked before
        libraries = missing_now()
    if libraries:
        wanted = " ".join(names(libraries, manager)) if manager else f"the packages that contain {', '.join(libraries)}"
        how = f"{manager} install {wanted}" if manager else f"install {wanted}"
        sys.exit(f"System libraries for Blender are missing. Ask an administrator for: {how}")


def names(libraries: list[str], manager: str) -> list[str]:
    """The packages of a manager that bring these libraries."""
    return [PACKAGES[library][MANAGERS.index(manager)] for library in libraries]


def root_prefix() -> list[str] | None:
    """What to put before a command that only root may run; None if this user may not."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    allowed = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    return sudo if allowed else None


def install(command: list[str], packages: list[str]) -> None:
    """Install packages for the whole machine; a failure is shown, and left to the caller to notice."""
    print(f"Installing system libraries ({' '.join(command)}; TEMPLATE3D_SYSTEM=off forbids it): {' '.join(packages)}")
    *prefix, manager = command
    # sudo clears the environment, so the settings that keep apt-get from asking come behind it
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_MODE=l", manager]
    if manager == "apt-get":
        _run([*command, "update"])
        command += ["-oDPkg::Lock::Timeout=60", "--no-install-recommends"]
    _run([*command, "install", "-y", *packages])


def unpack(packages: list[str]) -> None:
    """Download packages and what they depend on, and unpack them into .venv/system; needs no rights.

    What was unpacked before is replaced only if everything worked.
    """
    print(f"Unpacking system libraries below {SYSTEM}: {' '.join(packages)}")
    unpacked, work = SYSTEM.with_suffix(".new"), SYSTEM.with_suffix(".apt")
    for folder in (unpacked, work / "lists/partial", work / "archives/partial"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    environment = os.environ | {"APT_CONFIG": str(apt_configuration(work))}
    apt = ["apt-get", "-oDebug::NoLocking=1", "-oAPT::Sandbox::User="]
    _run([*apt, "update"], environment)
    worked = _run([*apt, "install", "-y", "--no-install-recommends", "--download-only", *packages], environment)
    for package in sorted(work.glob("archives/*.deb")):
        if not package.name.startswith("libc6"):  # a second C library beside the machine's would break everything
            worked = _run(["dpkg", "-x", package, unpacked]) and worked
    for library in ("libEGL.so.1", "libGL.so.1"):  # PyOpenGL loads `EGL` and `GL` where ldconfig does not list them
        for file in unpacked.rglob(library):
            file.with_name(library[3:].partition(".")[0]).symlink_to(library)
    shutil.rmtree(work)
    if worked:
        shutil.rmtree(SYSTEM, ignore_errors=True)
        unpacked.rename(SYSTEM)


def apt_configuration(work: Path) -> Path:
    """A file that is all of apt's configuration: the machine's without its hooks, and folders that need no root."""
    dump = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = [line for line in dump.splitlines() if "-Invoke" not in line]
    folders = {"State::lists": "lists", "State::extended_states": "states", "Cache": "", "Cache::archives": "archives"}
    lines += [f'Dir::{option} "{work / folder}";' for option, folder in folders.items()]
    lines += ['Dir::Etc::main "/dev/null";', 'Dir::Etc::parts "/dev/null";']
    file = work / "apt.conf"
    file.write_text("\n".join(lines))
    return file


def _run(command: list, environment: dict | None = None) -> bool:
    """Run a command that must not ask anything; whether it worked. Its output is shown if it did not."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, env=environment, check=False, **pipes)
    if done.returncode:
        print(f"{' '.join(map(str, command))} failed with exit code {done.returncode}:\n{done.stdout}", file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(missing()))
    else:
        provide()
