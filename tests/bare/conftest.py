"""A minimal Debian in which the project is set up; needs root, debootstrap and a package mirror."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
INCLUDED = "git,make,python3-venv,ca-certificates"
"""What the README asks for, and nothing else."""
SHARED = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
"""How this machine reaches its network."""

MOUNTS = """
mount --types proc proc "$1/proc"
mount --bind /dev "$1/dev"
mount --types tmpfs --options mode=1777 shm "$1/dev/shm"
mount --bind "$2" "$1/cache"
root=$1 user=$3
shift 3
exec chroot "$root" runuser -u "$user" -- "$@"
"""


class Bare:
    """A Debian in a folder, with a user `ordinary` who has no sudo."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        urls = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
        mirror = subprocess.run(urls, capture_output=True, text=True, check=True).stdout.split()[0]
        command = ["debootstrap", "--variant=minbase", f"--include={INCLUDED}", "bookworm", root, mirror]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        subprocess.run(["chroot", root, "useradd", "--create-home", "ordinary"], check=True)
        for file in map(Path, SHARED):
            if file.exists():
                shutil.copyfile(file, root / file.relative_to("/"))
        (root / "cache").mkdir()

    def run(self, command: str, user: str, folder: str = "/", **variables: str) -> subprocess.CompletedProcess:
        """Run a shell command there as a user in a folder, with no variables of this machine but the given ones."""
        home = "/root" if user == "root" else f"/home/{user}"
        kept = {name: os.environ[name] for name in ("PIP_CERT", "SSL_CERT_FILE", "PIP_INDEX_URL") if name in os.environ}
        variables = {
            "HOME": home,
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "UV_CACHE_DIR": "/cache",
            **kept,
            **variables,
        }
        pairs = [f"{name}={value}" for name, value in variables.items()]
        inside = ["env", "-i", *pairs, "bash", "-c", f"cd '{folder}' && {command}"]
        # mounts of this process alone: they end with it, so that nothing can delete what is mounted
        outside = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", MOUNTS, "sh", self.root, self.cache]
        return subprocess.run([*outside, user, *inside], capture_output=True, text=True, timeout=3000)


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Iterator[Bare]:
    """The system, which shares this user's cache of uv's packages."""
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("a bare Debian needs root and debootstrap")
    cache = Path(os.environ.get("UV_CACHE_DIR", Path.home() / ".cache/uv"))
    cache.mkdir(parents=True, exist_ok=True)
    system = Bare(tmp_path_factory.mktemp("bare") / "root", cache)
    yield system
    shutil.rmtree(system.root)
