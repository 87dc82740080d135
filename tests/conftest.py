"""What several tests share."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch starts: test processes run side by side

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The team's folder of reference data beside the repository; users do not have it."""
    if not SHARED.exists():
        pytest.skip("the reference data beside the repository is not here")
    return SHARED
