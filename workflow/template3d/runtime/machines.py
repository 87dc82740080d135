"""Who wrote a lock or a temporary file, and whether that process may still run; the file systems that locks hold on."""

import json
import os
import re
import socket
from pathlib import Path
from typing import NamedTuple

import psutil

LOCAL = frozenset({"bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfsplus", "jfs", "nilfs2", "ntfs3"})
LOCAL |= {"overlay", "ramfs", "reiserfs", "tmpfs", "ubifs", "vfat", "xfs", "zfs"}
"""Types of file systems that one kernel mounts at a time, so that its locks hold for every process, in containers too.

All other types (nfs4, cifs, lustre, gpfs, ceph, 9p, fuse.sshfs, ...) may be mounted by several machines.
"""
SAME_START = 10.0
"""Tolerance in seconds when process start times are compared; setting the clock shifts them."""
INITIALIZED = re.compile("[0-9a-f]{32}")
"""A machine id as systemd writes it; an image of a container has none, or an empty one."""


class Writer(NamedTuple):
    """The process that wrote a file: its machine, and itself there.

    A host's name identifies neither: every container may have another one, and two machines may have the same.
    """

    boot: str
    """The kernel's id, new at each boot and the same in all containers; "" if it is unknown."""
    machine: str
    """The id and host name of the installation, which outlast a reboot; "" if it has no id, as in a container."""
    host: str
    """For messages only."""
    pid_namespace: int
    pid: int
    began: float
    local: bool
    """Whether it wrote the file through a file system in LOCAL."""

    @classmethod
    def here(cls, folder: Path) -> "Writer":
        """This process, as the writer of a file in ``folder``."""
        me, host, installation = psutil.Process(), socket.gethostname(), _text("/etc/machine-id")
        machine = f"{installation} {host}" if INITIALIZED.fullmatch(installation) else ""
        local = file_system(folder) in LOCAL
        return cls(_boot(), machine, host, _pid_namespace(), me.pid, me.create_time(), local)

    @classmethod
    def parse(cls, text: str) -> "Writer | None":
        """The writer that ``line`` described; None for any other text."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(self._asdict())

    def shares_locks_with(self, other: "Writer") -> bool:
        """Whether file locks surely show each of both whether the other runs.

        So it is if both have the file from a local file system, or if they ran on one machine, before a reboot or
        after. Between machines, file locks may not work.
        """
        same_boot = self.boot != "" and self.boot == other.boot
        same_machine = self.machine != "" and self.machine == other.machine
        return (self.local and other.local) or same_boot or same_machine

    def is_visible(self) -> bool:
        """Whether this process could see the writer: in the same boot and the same PID namespace."""
        return self.boot != "" and (self.boot, self.pid_namespace) == (_boot(), _pid_namespace())

    def process(self) -> psutil.Process | None:
        """The writer as a process, if it runs and is visible."""
        try:
            process = psutil.Process(self.pid) if self.is_visible() else None
            return process if process and abs(process.create_time() - self.began) <= SAME_START else None
        except psutil.NoSuchProcess:
            return None


def file_system(folder: Path) -> str:
    """The type of the mounted file system that holds a folder, such as ``ext4``; "" if the kernel does not say."""
    try:
        handle = os.open(folder, os.O_PATH)
        try:
            facts = _text(f"/proc/self/fdinfo/{handle}")
        finally:
            os.close(handle)
    except OSError:  # the folder's own reader reports it
        return ""
    mount = re.search(r"^mnt_id:\s*(\d+)$", facts, re.MULTILINE)
    for line in _text("/proc/self/mountinfo").splitlines():
        fields = line.split(" ")
        if mount and fields[0] == mount[1]:
            return fields[fields.index("-", 6) + 1]  # optional fields end with a hyphen
    return ""


def _boot() -> str:
    return _text("/proc/sys/kernel/random/boot_id")


def _pid_namespace() -> int:
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # no /proc; then the boot's id is unknown, too
        return 0


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # not every container has this file
        return ""
