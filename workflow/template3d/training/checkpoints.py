"""Checkpoints: a stage's whole state in one file, valid only for the same settings, code and data."""

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
    """One stage's checkpoint on disk; a training resumes from it only if the settings, code and data are the same."""

    def __init__(self, file: Path, minutes: float, **belongs_to: Any) -> None:
        """Write one every ``minutes``; ``belongs_to`` holds settings, code and data by name, as JSON values."""
        self.file, self.belongs_to = file, json.loads(json.dumps(belongs_to))
        self._seconds, self._written = 60 * minutes, time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time to write the next checkpoint."""
        return time.monotonic() - self._written >= self._seconds

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Write tensors and facts (JSON values) atomically; raises InputError if the file cannot be written."""
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
        """Tensors and facts of the last checkpoint; None if training cannot resume from it, and the log says why."""
        if not self.file.exists():
            return None
        try:
            with safe_open(self.file, framework="pt") as opened:
                content = json.loads(opened.metadata()["json"])
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as damage:
            log.warning("%s: cannot be read (%s); training starts from scratch", self.file, damage)
            return None
        names = sorted(self.belongs_to.keys() | content["belongs_to"].keys())
        if other := [name for name in names if self.belongs_to.get(name) != content["belongs_to"].get(name)]:
            log.info("%s: belongs to other %s; training starts from scratch", self.file, " and ".join(other))
            return None
        return tensors, content["facts"]


class Stop:
    """Records the signal to stop: SIGTERM (a cluster's notice) or SIGINT (Ctrl-C)."""

    def __init__(self) -> None:
        """No signal received yet."""
        self.signal: int | None = None

    @contextlib.contextmanager
    def watched(self) -> Iterator["Stop"]:
        """Record these signals, so the loop can stop between two steps. Outside the main thread, does nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._record) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _record(self, number: int, _frame: object) -> None:
        self.signal = number
