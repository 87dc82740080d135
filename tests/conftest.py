"""What several tests share."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The team's folder of reference data beside the repository; users do not have it."""
    if not SHARED.exists():
        pytest.skip("the reference data beside the repository is not here")
    return SHARED
