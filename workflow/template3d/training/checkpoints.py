"""Checkpoints: a stage's whole state in one file, valid only for the same settings, code and data."""

import contextlib
import glob
import hashlib
import json
import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from template3d.runtime import seals
from template3d.runtime.errors import InputError
from template3d.runtime.files import check_regular, whole

log = logging.getLogger(__name__)

SHOWN = 3
"""How many differences a log line names."""


class Checkpoint:
    """One stage's checkpoint on disk; a training resumes from it only if the settings, code and data are the same.

    A state of other settings, code or data, or of a later epoch, is never overwritten. It is kept beside the
    checkpoint, as ``<name>.<identity>.epoch-<n>.step-<n>.safetensors``, until ``keep`` newer ones are.
    """

    def __init__(self, file: Path, minutes: float, keep: int = 3, **belongs_to: Any) -> None:
        """Write one every ``minutes``; ``belongs_to`` holds settings, code and data by name, as JSON values."""
        self.file, self.keep, self.belongs_to = file, keep, json.loads(json.dumps(belongs_to))
        self._seconds, self._written = 60 * minutes, time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time to write the next checkpoint."""
        return time.monotonic() - self._written >= self._seconds

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Write tensors and facts (JSON values) atomically; raises InputError if the file cannot be written."""
        tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        content: dict[str, Any] = {"belongs_to": self.belongs_to, "facts": facts}
        text = json.dumps(content | {"digest": _digest(content, tensors)})
        try:
            with whole(self.file) as beside:
                save_file(tensors, beside, {"json": text})
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"{self.file}: cannot be written ({error}); make room and start again: the last checkpoint is kept"
            ) from error
        self._written = time.monotonic()

    def prepare(self, epochs: int) -> None:
        """Make the best state for a training of ``epochs`` the checkpoint, and keep the one that is there.

        The best is the latest that has the same settings, code and data and has not gone beyond ``epochs``. A finished
        state that training will continue stays under its own name, too. The log says what was kept and why.
        """
        current = _read(self.file)
        states = {file: state for file in [*self._kept(), self.file] if (state := _read(file))}
        fit = [file for file, state in states.items() if not self._unfit(state, epochs)]
        best = max(fit, key=lambda file: states[file].step, default=None)
        if current and (best != self.file or (current.finished and current.epochs < epochs)):
            kept = self._kept_name(current)
            _give_name(self.file, kept)
            if best != self.file:
                self.file.unlink()
            if reason := self._unfit(current, epochs):
                log.info("%s, so it is kept as %s; training takes it again if you undo that change", reason, kept.name)
                log.info("%s: training %s", self.file, f"continues from {best.name}" if best else "starts from scratch")
        if best and best != self.file:
            _give_name(best, self.file)
        # another file with such a name may be a user's
        kept_states = [file for file in self._kept() if (state := _read(file)) and self._kept_name(state) == file]
        for file in sorted(kept_states, key=lambda file: file.stat().st_mtime)[: -self.keep or None]:
            file.unlink()
            log.info("%s: deleted, because training.keep_checkpoints is %d", file, self.keep)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and facts of the checkpoint that ``prepare`` left, or None."""
        state = _read(self.file)
        if state is None or self._unfit(state, state.begun):
            return None
        with safe_open(self.file, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        return tensors, state.facts

    def _unfit(self, state: "_State", epochs: int) -> str:
        """The reason, in words, why training for ``epochs`` cannot continue from a state; empty if it can."""
        other = list(_differences(self.belongs_to, state.belongs_to))
        if other:
            more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
            return f"{self.file}: belongs to other {', '.join(other[:SHOWN])}{more}"
        if state.begun > epochs:
            return f"{self.file}: is at epoch {state.begun}, beyond the {epochs} epochs of the configuration"
        return ""

    def _kept_name(self, state: "_State") -> Path:
        identity = hashlib.sha256(json.dumps(state.belongs_to, sort_keys=True).encode()).hexdigest()[:8]
        name = f"{self.file.stem}.{identity}.epoch-{state.epochs}.step-{state.step}{self.file.suffix}"
        return self.file.with_name(name)

    def _kept(self) -> list[Path]:
        return sorted(self.file.parent.glob(f"{glob.escape(self.file.stem)}.*.epoch-*{self.file.suffix}"))


class _State(NamedTuple):
    """What the header of a checkpoint says."""

    belongs_to: dict[str, Any]
    facts: dict[str, Any]

    @property
    def epochs(self) -> int:
        """How many epochs are complete."""
        return self.facts.get("epoch", 1) - 1

    @property
    def begun(self) -> int:
        """How many epochs are complete or have begun."""
        return self.epochs + (self.facts.get("batch", 0) > 0)

    @property
    def step(self) -> int:
        """How many steps are complete."""
        return self.facts.get("step", 0)

    @property
    def finished(self) -> bool:
        """Whether a training ended here."""
        return self.facts.get("finished", False)


def _read(file: Path) -> _State | None:
    """What a checkpoint's header says; None if there is none. A damaged file is set aside, and the log says so."""
    if not os.path.lexists(file):
        return None
    try:
        check_regular(file)
        with safe_open(file, framework="pt") as opened:
            content = json.loads(opened.metadata()["json"])
            written = content.pop("digest")
            if _digest(content, {name: opened.get_tensor(name) for name in opened.keys()}) != written:  # noqa: SIM118
                raise ValueError("it is not what was written")
        return _State(content["belongs_to"], content["facts"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as damage:
        damaged = seals.set_aside(file)
        log.warning("%s: damaged (%s); it is set aside as %s", file, damage, damaged.name)
        return None


def _digest(content: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """The digest of all that a checkpoint holds."""
    total = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(repr((name, str(tensor.dtype), list(tensor.shape))).encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _give_name(file: Path, other: Path) -> None:
    """Let a file have another name, too; copies it where the file system has no links."""
    try:
        os.link(file, other)
    except FileExistsError:  # the same state
        return
    except OSError:
        with whole(other) as beside:
            shutil.copyfile(file, beside)


def _differences(now: Any, before: Any, name: str = "") -> Iterator[str]:
    """The names of the values in which two JSON objects differ, such as ``code.networks.losses.pointwise``."""
    if isinstance(now, dict) and isinstance(before, dict):
        for key in sorted(now.keys() | before.keys()):
            yield from _differences(now.get(key), before.get(key), f"{name}.{key}" if name else key)
    elif now != before:
        yield name


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
