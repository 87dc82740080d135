"""The progress of a training: lines in the log, curves and images for TensorBoard."""

import logging
import time
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 15
SECONDS_BETWEEN_PICTURES = 300


class Progress:
    """Reports the progress of one training process at intervals."""

    def __init__(self, name: str, epochs: int, unit: str, board: Path | None) -> None:
        """Set up; ``unit`` is the counted unit, ``points`` or ``images``; ``board`` is a folder for TensorBoard."""
        self.name, self.epochs, self.unit = name, epochs, unit
        self.board: SummaryWriter | None = None
        self._folder = board
        self.waited = 0.0
        """Seconds spent waiting for data."""
        self._start = time.monotonic()
        self._logged = self._pictured = 0.0
        self._units = self._steps = 0

    def begin(self, epoch: int) -> None:
        """Open TensorBoard's files and hide the points that an earlier run wrote from ``epoch`` on."""
        if self._folder:
            self.board = SummaryWriter(self._folder, purge_step=epoch)

    def step(self, units: int) -> bool:
        """Count a step and its ``units``; return whether a line is due."""
        self._steps, self._units = self._steps + 1, self._units + units
        return self._seconds() - self._logged > SECONDS_BETWEEN_LINES

    def log(self, epoch: int, step: int, values: dict[str, float], last: dict[str, float] | None) -> None:
        """Log epoch, step, ``values``, speed, and the time left; ``last`` is the row of the last complete epoch."""
        self._logged = seconds = self._seconds()
        left = "?"
        if last:
            steps = self.epochs * last["step"] / last["epoch"]
            left = f"{seconds / max(1, self._steps) * (steps - step):.0f}"
        log.info(
            "%s: epoch %d of %d, step %d: %s; %s %s a second, %.1f %% of the time waiting for data; %s s to go",
            self.name,
            min(epoch, self.epochs),
            self.epochs,
            step,
            ", ".join(f"{term} {value:.4g}" for term, value in values.items()),
            f"{self._units / max(seconds, 1e-9):,.0f}",
            self.unit,
            100 * self.waited / max(seconds, 1e-9),
            left,
        )

    def curve(self, row: dict[str, float]) -> None:
        """Add an epoch's row to the curves."""
        if self.board:
            for key in row.keys() - {"epoch", "step"}:
                self.board.add_scalar(key, row[key], row["epoch"])

    def pictures_due(self, epoch: int) -> bool:
        """Whether pictures are due: at intervals, and after the last epoch."""
        late = self._seconds() - self._pictured > SECONDS_BETWEEN_PICTURES or epoch == self.epochs
        return self.board is not None and late

    def picture(self, epoch: int, pictures: dict[str, np.ndarray]) -> None:
        """Add pictures (H, W) or (H, W, 3) uint8, by name."""
        assert self.board is not None  # else no pictures are due
        self._pictured = self._seconds()
        for name, picture in pictures.items():
            self.board.add_image(name, picture, epoch, dataformats="HW" if picture.ndim == 2 else "HWC")
        self.board.flush()

    def close(self) -> None:
        """Flush and close TensorBoard's files."""
        if self.board:
            self.board.close()

    def _seconds(self) -> float:
        return time.monotonic() - self._start
