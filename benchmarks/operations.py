"""What a step of phase 1 asks of a GPU, counted without one: kernels, memory traffic, products, waits.

    .venv/bin/python benchmarks/operations.py

Counts, of a step at the paper's network sizes, forward, backward and Adam: the operations that are a kernel each in
eager mode, the bytes that they read and write, the floating point operations of products, and the operations that make
the processor wait for the GPU. The plain formulation, as in train_step.py, is counted beside it. The counts depend on
the sizes alone, not on the machine. The last line is JSON.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

import torch
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.embeddings import LossSettings, embedding_terms
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from train_step import EPOCH, PAPER, Plain

WAITS = {"_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "unique"}
"""Operations whose results the processor needs before it can go on."""


class Counts(TorchDispatchMode):
    """Counts operations as PyTorch dispatches them."""

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()
        self.kernels = self.bytes = self.waits = 0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one operation; views and new, unfilled tensors cost nothing."""
        result = operation(*args, **(kwargs or {}))
        name = operation.overloadpacket.__name__
        self.waits += name in WAITS
        if not operation.is_view and name not in ("empty", "empty_like", "new_empty", "detach"):
            tensors = [leaf for leaf in tree_leaves([args, kwargs, result]) if isinstance(leaf, torch.Tensor)]
            self.kernels += 1
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def main() -> None:
    """Count both formulations in 32 bits and bf16."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=2)
    parser.add_argument("--points", type=int, default=500)
    options = parser.parse_args()
    torch.manual_seed(0)
    ours = ImplicitTemplate(**PAPER)
    points = options.scenes * options.points
    batch = (
        0.06 * torch.randn(options.scenes, PAPER["code_length"]),
        2 * torch.rand(options.scenes, options.points, 3) - 1,
        0.2 * torch.rand(options.scenes, options.points) - 0.1,
    )
    print(
        "| step | kernels | bytes a point | operations of products a point | operations a byte | waits |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |"
    )
    rows = {}
    for name, decoder in {"plain": Plain(ours), "ours": ours}.items():
        for precision in ("32", "bf16"):
            counts, products = counted(decoder, precision == "bf16", batch, ours)
            rows[f"{name}, {precision}"] = {
                "kernels": counts.kernels,
                "bytes_a_point": round(counts.bytes / points),
                "products_a_point": round(products / points),
                "products_a_byte": round(products / counts.bytes, 1),
                "waits": counts.waits,
            }
            cells = " | ".join(f"{value:,}" for value in rows[f"{name}, {precision}"].values())
            print(f"| {name}, {precision} | {cells} |")
    print(json.dumps(rows))


def counted(
    decoder: Callable, short: bool, batch: tuple[torch.Tensor, ...], ours: ImplicitTemplate
) -> tuple[Counts, int]:
    """The counts of one step, and the floating point operations of its products."""
    codes = batch[0].clone().requires_grad_()
    adam = torch.optim.Adam([*ours.parameters(), codes], lr=1e-4, fused=True)
    for _ in range(2):  # the first step makes Adam's state
        adam.zero_grad()
        with Counts() as counts, FlopCounterMode(display=False) as products:
            with torch.autocast("cpu", torch.bfloat16, enabled=short):
                total = embedding_terms(decoder, codes, *batch[1:], LossSettings(), EPOCH)["total"]
            total.backward()
            adam.step()
    return counts, products.get_total_flops()


if __name__ == "__main__":
    main()
