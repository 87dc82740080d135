"""Checkpoints: a stage's whole state in one file, for the same parameters, code and data only."""

import contextlib
import json
import logging
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from template3d.runtime.errors import InputError
from template3d.runtime.files import whole

log = logging.getLogger(__name__)


class Checkpoint:
    """One stage's checkpoint on disk; what it belongs to decides whether a training may resume from it."""

    def __init__(self, file: Path, minutes: float, **belongs_to: Any) -> None:
        """``minutes`` lie between two checkpoints; ``belongs_to`` describes settings, code and data by name, in JSON's
        types."""
        self.file, self.belongs_to = file, json.loads(json.dumps(belongs_to))
        self._seconds, self._written = 60 * minutes, time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._written >= self._seconds

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Write tensors and facts (what JSON can hold), whole or not at all; raises InputError if it cannot."""
        text = json.dumps({"belongs_to": self.belongs_to, "facts": facts})
        try:
            with whole(self.file) as beside:
                save_file({name: value.contiguous() for name, value in tensors.items()}, beside, {"json": text})
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"{self.file}: cannot be written ({error}); make room and start again: the last checkpoint is kept"
            ) from error
        self._written = time.monotonic()

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and facts of the last checkpoint; None if there is none to resume from, and the log says why."""
        if not self.file.exists():
            return None
        try:
            with safe_open(self.file, framework="pt") as opened:
                held = json.loads(opened.metadata()["json"])
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as damage:
            log.warning("%s: cannot be read (%s); training starts from scratch", self.file, damage)
            return None
        names = sorted(self.belongs_to.keys() | held["belongs_to"].keys())
        if other := [name for name in names if self.belongs_to.get(name) != held["belongs_to"].get(name)]:
            log.info("%s: belongs to other %s; training starts from scratch", self.file, " and ".join(other))
            return None
        return tensors, held["facts"]


class Stop:
    """Whether somebody asked this process to stop, by SIGTERM (a cluster's notice) or SIGINT (Ctrl-C)."""

    def __init__(self) -> None:
        """No signal received yet."""
        self.signal: int | None = None

    @contextlib.contextmanager
    def watched(self) -> Iterator["Stop"]:
        """Take these signals as wishes, to be met between two steps. In a thread, where none arrive, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, number: int, _frame: object) -> None:
        self.signal = number
