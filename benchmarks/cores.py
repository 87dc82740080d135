"""How busy each processor core is while a command runs, as a chart.

    .venv/bin/python benchmarks/cores.py cores.png -- make

Samples every second. The last line is JSON: the command's seconds and exit status, and the mean share of each core.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import psutil
from matplotlib.figure import Figure
from scipy.ndimage import uniform_filter1d

SECONDS = 1.0
SMOOTHED = 5
"""Samples in the moving average of the chart."""


def main() -> None:
    """Run the command and draw the chart."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("chart", type=Path, help="the PNG file to write")
    arguments.add_argument("command", nargs="+", help="what to run")
    options = arguments.parse_args()
    shares, start = [], time.monotonic()
    psutil.cpu_percent(percpu=True)  # the first call has nothing to compare with
    with subprocess.Popen(options.command) as process:
        while process.poll() is None:
            shares.append(psutil.cpu_percent(SECONDS, percpu=True))
    seconds = time.monotonic() - start
    draw(options.chart, np.array(shares) / 100, " ".join(options.command))
    means = np.mean(shares, axis=0).round(1).tolist() if shares else []
    print(json.dumps({"seconds": round(seconds), "status": process.returncode, "percent": means}))
    sys.exit(process.returncode)


def draw(file: Path, shares: np.ndarray, title: str) -> None:
    """Draw the busy share (samples, cores) of every core over time."""
    cores = shares.shape[1]
    with matplotlib.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7, 0.6 + 0.9 * cores), layout="constrained")
        panels = figure.subplots(cores, 1, sharex=True, squeeze=False)[:, 0]
        smooth = uniform_filter1d(shares, SMOOTHED, axis=0)
        minutes = SECONDS * np.arange(len(shares)) / 60
        for core, panel in enumerate(panels):
            panel.fill_between(minutes, smooth[:, core], linewidth=0, color="#4878a8")
            panel.set(ylim=(0, 1.05), ylabel=f"core {core}", yticks=[0, 1], yticklabels=["idle", "busy"])
        panels[-1].set(xlabel="minutes", xlim=(0, minutes[-1] if len(minutes) else 1))
        figure.suptitle(title)
        figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main()
