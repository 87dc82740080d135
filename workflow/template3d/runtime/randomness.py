"""Random generators that depend only on a seed, a shape and a purpose."""

import hashlib

import numpy as np


def generator(shape: str, seed: int, purpose: str) -> np.random.Generator:
    """A random generator for one shape and one purpose, independent of order, shard and machine."""
    words = hashlib.sha256(f"{seed}/{purpose}/{shape}".encode()).digest()
    return np.random.default_rng(np.frombuffer(words, dtype=np.uint32))
