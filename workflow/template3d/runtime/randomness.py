"""Random numbers that depend on a shape and a purpose alone."""

import hashlib

import numpy as np


def generator(shape: str, seed: int, purpose: str) -> np.random.Generator:
    """Random numbers of one shape for one purpose: the same whatever the order, the shard or the machine."""
    words = hashlib.sha256(f"{seed}/{purpose}/{shape}".encode()).digest()
    return np.random.default_rng(np.frombuffer(words, dtype=np.uint32))
