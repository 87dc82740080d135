"""The training loop of all stages: devices, precision, learning rates, checkpoints, progress, history."""

import ctypes
import itertools
import logging
import math
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from torch import Tensor, nn
from tqdm import tqdm

from template3d.runtime.errors import InputError
from template3d.training.checkpoints import Checkpoint, Stop
from template3d.training.progress import Progress
from template3d.training.stage import Schedule, Stage

log = logging.getLogger(__name__)

COMPILER: dict[str, Any] = {"cpp.use_decompose_tanh": True}
"""Options of torch.compile: on a CPU, tanh as a sigmoid, which makes a step of the paper's sizes 6 % faster."""
PR_SET_PDEATHSIG = 1
"""Linux's option for the signal that a process gets when its parent ends."""
EXPLODED = 100.0
"""Training stops if the loss exceeds this factor times the loss of the first step."""


class HostTerms(NamedTuple):
    """The names of a step's terms, their values (terms,) as copied to the host, and the event of that copy."""

    terms: list[str]
    values: Tensor
    copied: torch.cuda.Event | None


def fit(
    stage: Stage, schedule: Schedule, name: str, checkpoint: Checkpoint | None = None, board: Path | None = None
) -> list[dict[str, float]]:
    """Train a stage in place with Adam, the learning rates halved every ``halve_learning_rate_every`` epochs.

    Resumes from ``checkpoint`` if it fits, also if it ended after fewer epochs. Writes it when it is due, at the end,
    and on SIGTERM or SIGINT, and then raises SystemExit (128 + the signal). The caller must hold the checkpoint's lock.
    ``board`` is a folder for TensorBoard.

    Returns one row per epoch: ``epoch``, ``step``, the mean of each term of the loss, the terms of the held-out shapes
    (``validation_total`` and so on), and each group's learning rate.
    Of several processes, only the first one returns. Raises FloatingPointError if the loss explodes, or if the loss or
    a weight is not finite; the last good checkpoint is kept.
    """
    fabric = Fabric(
        accelerator=schedule.accelerator,
        devices=schedule.devices,
        strategy="ddp" if schedule.devices > 1 else "auto",
        plugins=[LightningEnvironment()],  # this program starts its processes itself, also under SLURM
    )
    fabric.launch()
    if not fabric.is_global_zero:  # else it would wait for the first process forever and keep its GPU
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    torch.set_float32_matmul_precision("high" if schedule.precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = schedule.precision == "tf32"
    return _Run(fabric, stage, schedule, name, checkpoint, board).train()


class _Run:
    """One run of the loop over a stage, with the state that a checkpoint holds."""

    def __init__(
        self,
        fabric: Fabric,
        stage: Stage,
        schedule: Schedule,
        name: str,
        checkpoint: Checkpoint | None,
        board: Path | None,
    ) -> None:
        torch.manual_seed(schedule.seed + fabric.global_rank)
        self.fabric, self.stage, self.schedule, self.name = fabric, stage, schedule, name
        self.checkpoint = checkpoint
        self.progress = Progress(name, schedule.epochs, stage.unit, board if fabric.is_global_zero else None)
        self.generator = torch.Generator().manual_seed(schedule.seed)
        groups = stage.parameter_groups()
        self.start_rates = [group["lr"] for group in groups]
        if fabric.world_size > 1 and fabric.device.type == "cuda":
            stage = nn.SyncBatchNorm.convert_sync_batchnorm(stage)
        # of a module, torch.compile makes a module; its annotation says a function
        compiled = cast(nn.Module, torch.compile(stage, options=COMPILER)) if schedule.compile else stage
        self.model, self.optimizer = fabric.setup(compiled, torch.optim.Adam(groups, fused=True))
        self.model.train()
        self.epoch, self.batch, self.step = 1, 0, 0  # the current epoch, its finished batches, all finished steps
        self.sums: dict[str, float] = {}
        self.first: float | None = None
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}  # with patience, the weights after the best epoch
        self.start = time.monotonic()  # less the seconds of the training before the checkpoint
        self.epoch_start = self.generator.get_state()

    def train(self) -> list[dict[str, float]]:
        """Train to the last epoch, from scratch or from the checkpoint."""
        schedule = self.schedule
        what = f"{self.name}: {schedule.epochs} epochs on {schedule.devices} x {self.fabric.device}"
        log.info("%s, precision %s%s", what, schedule.precision, ", compiled" * schedule.compile)
        if self.checkpoint is not None:
            if self.fabric.is_global_zero:
                self.checkpoint.prepare(schedule.epochs)
            self.fabric.barrier()
            if state := self.checkpoint.load():
                self._restore(*state)
                log.info("%s: resumes from epoch %d, step %d", self.name, self.epoch, self.step)
        first_epoch = self.epoch
        self.progress.begin(first_epoch)
        with Stop().watched() as stop:
            # the bar appears on a terminal only; a log gets a line at intervals
            for epoch in tqdm(
                range(first_epoch, schedule.epochs + 1),
                desc=self.name,
                unit="epoch",
                initial=first_epoch - 1,
                total=schedule.epochs,
                disable=None if self.fabric.is_global_zero else True,
            ):
                if self._ran_out_of_patience():
                    break
                self._run_epoch(epoch, stop)
                if self.progress.pictures_due(epoch):
                    self.stage.eval()
                    self.progress.picture(epoch, self.stage.pictures())
                    self.stage.train()
            self._check_weights()
            if self.checkpoint is not None and first_epoch <= schedule.epochs:
                self._save(finished=True)
        self.progress.close()
        if self.best:
            self.stage.load_state_dict(self.best)
            log.info("%s: has the weights of epoch %d, the best on held-out shapes", self.name, self._best_epoch())
        self.stage.cpu().eval()
        if not self.fabric.is_global_zero:
            sys.exit(0)  # the first process writes the results
        return self.history

    def _run_epoch(self, epoch: int, stop: Stop) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.start_rates, strict=True):
            group["lr"] = rate * 0.5 ** (epoch // self.schedule.halve_learning_rate_every)
        self.epoch_start = self.generator.get_state()
        pending = None  # the previous step's terms, checked while the next step runs
        for batch in self._data(epoch):
            rank, ranks = self.fabric.global_rank, self.fabric.world_size
            if len(batch[0]) % ranks:
                raise InputError(f"{self.name}: a batch of {len(batch[0])} cannot be shared evenly by {ranks} devices")
            device_batch = [part[rank::ranks] for part in self.stage.augment(*batch)]
            while (terms := self._step(epoch, device_batch)) is None:
                self._compute_in_smaller_parts(len(device_batch[0]))
            copied = self._copy_to_host(terms)
            self._check_terms(pending)
            pending = copied
            self.batch, self.step = self.batch + 1, self.step + 1
            if self.progress.step(batch[-1].numel() if self.stage.unit == "points" else len(batch[0])):
                # the last step's terms are not in the sums yet
                self._log_progress({term: value / (self.batch - 1) for term, value in self.sums.items()})
            if reason := self._stop_reason(stop):
                self._check_terms(pending)
                pending = None
                self._save()
                if reason > 0:
                    log.info("%s: stopped by signal %d at step %d", self.name, reason, self.step)
                    self.fabric.barrier()  # no process ends while the first one writes
                    sys.exit(128 + reason if self.fabric.is_global_zero else 0)
        self._check_terms(pending)
        means = {term: value / self.batch for term, value in self.sums.items()}
        rates = {f"learning_rate_{name}": rate for name, rate in self._rates().items()}
        self.history.append({"epoch": epoch, "step": self.step} | means | self._validated() | rates)
        self.progress.curve(self.history[-1])
        if self.schedule.patience and self._best_epoch() == epoch:
            self.best = {name: value.detach().clone() for name, value in self.stage.state_dict().items()}
        self.epoch, self.batch, self.sums = epoch + 1, 0, {}
        self.epoch_start = self.generator.get_state()
        if epoch == self.schedule.epochs:
            self._log_progress(means)

    def _validated(self) -> dict[str, float]:
        """The terms of the held-out shapes."""
        self.stage.eval()
        with (
            torch.no_grad(),
            torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.schedule.precision == "bf16"),
        ):
            terms = self.stage.validation()
        self.stage.train()
        return {f"validation_{term}": float(value) for term, value in terms.items()}

    def _best_epoch(self) -> int | None:
        """The first epoch with the lowest loss on the held-out shapes; None without such a loss."""
        validated = [row for row in self.history if "validation_total" in row]
        return int(min(validated, key=lambda row: row["validation_total"])["epoch"]) if validated else None

    def _ran_out_of_patience(self) -> bool:
        best = self._best_epoch() if self.schedule.patience else None
        if best is None or self.history[-1]["epoch"] - best < self.schedule.patience:
            return False
        log.info("%s: stops after epoch %d, as good as epoch %d at best", self.name, self.history[-1]["epoch"], best)
        return True

    def _step(self, epoch: int, batch: list[Tensor]) -> dict[str, Tensor] | None:
        """The terms of one step of the optimizer; None if the GPU ran out of memory, and then nothing has changed."""
        try:
            # Fabric's precision would also round the batch, its coordinates by up to 0.002
            with torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.schedule.precision == "bf16"):
                terms = self.model(epoch, *batch)
            self.optimizer.zero_grad()
            # DDP averages the gradients of the devices
            ranks = self.fabric.world_size
            self.fabric.backward(terms["total"] * ranks if self.stage.summed else terms["total"])
        except torch.OutOfMemoryError:
            return None
        self.optimizer.step()
        return terms

    def _compute_in_smaller_parts(self, size: int) -> None:
        """Halve the parts in which a step of ``size`` shapes is computed; raise InputError if that is impossible."""
        now = min(self.stage.micro_batch or size, size)
        if not self.stage.splits or now == 1 or self.fabric.world_size > 1:  # other processes wait for this one's step
            raise InputError(
                f"{self.name}: the GPU's memory is too small for a step; make it smaller (scenes_per_batch, "
                "points_per_scene or batch_size of this stage), set its precision: bf16, training.micro_batch: 1 or "
                "training.gpu_gb: 0; the last checkpoint is kept"
            )
        self.stage.micro_batch = now // 2
        torch.cuda.empty_cache()
        log.warning("%s: the GPU's memory is short; a step goes in parts of %d shapes", self.name, now // 2)

    def _data(self, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        """The remaining batches of an epoch, on the device; counts the time spent waiting for them."""
        remaining = itertools.islice(self.stage.batches(epoch, self.generator), self.batch, None)
        batches = _ahead(remaining, pinned=self.fabric.device.type == "cuda")
        while True:
            start = time.monotonic()
            batch = next(batches, None)
            if batch is None:
                return
            moved = tuple(part.to(self.fabric.device, non_blocking=True) for part in batch)
            self.progress.waited += time.monotonic() - start
            yield moved

    def _copy_to_host(self, terms: dict[str, Tensor]) -> HostTerms:
        """Copy a step's terms, their mean over the devices, to the host, without waiting for a single GPU."""
        together = torch.stack([value.detach() for value in terms.values()]).float()
        values = self._reduced(together, "mean").to("cpu", non_blocking=True)
        cuda = self.fabric.device.type == "cuda"
        return HostTerms(list(terms), values, torch.cuda.current_stream().record_event() if cuda else None)

    def _reduced(self, values: Tensor, operation: str) -> Tensor:
        """The ``mean`` or ``max`` of a tensor over the devices."""
        reduced = self.fabric.all_reduce(values, reduce_op=operation)
        assert isinstance(reduced, Tensor)  # all_reduce keeps the type of its argument
        return reduced

    def _check_terms(self, copied: HostTerms | None) -> None:
        """Add a step's terms to the epoch's sums; raise FloatingPointError if one is not finite or explodes."""
        if copied is None:
            return
        if copied.copied is not None:
            copied.copied.synchronize()
        values = dict(zip(copied.terms, copied.values.tolist(), strict=True))
        if self.stage.summed:
            values["total"] *= self.fabric.world_size
        self.first = values["total"] if self.first is None else self.first
        broken = [term for term, value in values.items() if not math.isfinite(value)]
        if broken or values["total"] > EXPLODED * abs(self.first):
            what = f"{', '.join(broken)} is not finite" if broken else f"it began at {self.first:.4g} and exploded"
            raise FloatingPointError(
                f"{self.name}: the loss broke at about step {self.step}: {what} ({values}); the learning rates were "
                f"{self._rates()}: lower them, or try precision 32"
            )
        for term, value in values.items():
            self.sums[term] = self.sums.get(term, 0.0) + value

    def _rates(self) -> dict[str, float]:
        return {group.get("name", "all"): group["lr"] for group in self.optimizer.param_groups}

    def _log_progress(self, means: dict[str, float]) -> None:
        rates = {f"learning_rate_{name}": rate for name, rate in self._rates().items()}
        last = self.history[-1] if self.history else {}
        if not means:  # in an epoch's first step, show the previous epoch's means
            means = {term: value for term, value in last.items() if term not in {"epoch", "step", *rates}}
        self.progress.log(self.epoch, self.step, means | rates, last)

    def _stop_reason(self, stop: Stop) -> int:
        """The signal to stop that any process received; -1 if only a checkpoint is due; else 0."""
        due = self.checkpoint is not None and self.fabric.is_global_zero and self.checkpoint.due
        reason = stop.signal or -int(due)
        if self.fabric.world_size > 1:
            reasons = torch.tensor([float(stop.signal or 0), float(due)], device=self.fabric.device)
            signal, due = self._reduced(reasons, "max").int().tolist()
            reason = signal or -due
        return reason

    def _check_weights(self) -> None:
        """Raise FloatingPointError if a weight is not finite; a finite loss may have a gradient that is not."""
        for name, value in self.stage.state_dict().items():
            if not value.isfinite().all():
                raise FloatingPointError(
                    f"{self.name}: the weights of {name} are not finite after step {self.step}; lower the learning "
                    "rates, or try precision 32"
                )

    def _save(self, finished: bool = False) -> None:
        if self.checkpoint is None or not self.fabric.is_global_zero:
            return
        self._check_weights()
        tensors = {f"model.{name}": value for name, value in self.stage.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        tensors |= {"random.data": self.epoch_start, "random.cpu": torch.get_rng_state()}
        if self.fabric.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.fabric.device)
        position = {"epoch": self.epoch, "batch": self.batch, "step": self.step}
        so_far = {"finished": finished, "seconds": time.monotonic() - self.start, "history": self.history}
        self.checkpoint.save(tensors, position | so_far | {"sums": self.sums, "first": self.first})

    def _restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        model = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
        self.stage.load_state_dict(model)
        self.best = {name.removeprefix("best."): value for name, value in tensors.items() if name.startswith("best.")}
        state = self.optimizer.state_dict()
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        for index, parameter in enumerate(parameters):
            start = f"optimizer.{index}."
            saved = {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
            # in the parameter's memory layout, which the fused Adam assumes
            state["state"][index] = {
                name: torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
                for name, value in saved.items()
            }
        self.optimizer.load_state_dict(state)
        self.generator.set_state(tensors["random.data"])
        if self.fabric.is_global_zero:
            torch.set_rng_state(tensors["random.cpu"])
            if "random.cuda" in tensors and self.fabric.device.type == "cuda":
                torch.cuda.set_rng_state(tensors["random.cuda"], self.fabric.device)
        else:  # only the first process's state is saved; the others must not repeat its random numbers
            torch.manual_seed(self.schedule.seed + self.fabric.global_rank + facts["step"])
        self.epoch, self.batch, self.step = (facts[name] for name in ("epoch", "batch", "step"))
        self.sums, self.first, self.history = facts["sums"], facts["first"], facts["history"]
        self.start -= facts["seconds"]


def _ahead(batches: Iterable[tuple[Tensor, ...]], pinned: bool) -> Iterator[tuple[Tensor, ...]]:
    """The same batches; a thread draws each one, and pins it for a GPU, while the previous one is in use."""
    iterator = iter(batches)

    def draw() -> tuple[Tensor, ...] | None:
        batch = next(iterator, None)
        if batch is None or not pinned:
            return batch
        return tuple(part if part.is_cuda else part.pin_memory() for part in batch)

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(draw)
        while (batch := waiting.result()) is not None:
            waiting = thread.submit(draw)
            yield batch
