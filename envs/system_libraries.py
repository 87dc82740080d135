"""Stop the set-up with one sentence if a system library is missing that Blender or Open3D loads."""

import ctypes
import sys
from collections.abc import Callable

# What `ldd` shows for bpy 5.0.1 and open3d-cpu 0.20.0 beyond the C and C++ runtimes, and Debian's packages for it.
PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXrender.so.1": "libxrender1",
    "libidn2.so.0": "libidn2-0",
    "libudev.so.1": "libudev1",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}


def missing(load: Callable[[str], object] = ctypes.CDLL) -> list[str]:
    """The packages whose library cannot be loaded."""
    absent = []
    for library, package in PACKAGES.items():
        try:
            load(library)
        except OSError:
            absent.append(package)
    return absent


if __name__ == "__main__" and (absent := missing()):
    sys.exit(
        f"System libraries for Blender and Open3D are missing; install them with: "
        f"sudo apt-get install --no-install-recommends {' '.join(absent)}"
    )
