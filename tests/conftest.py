"""Settings of all test processes."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch starts: test processes run side by side
