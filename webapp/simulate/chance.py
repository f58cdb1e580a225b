"""Random draws that depend on a seed and on what they are for, never on what was drawn before."""

from hashlib import sha256

import numpy as np


def chance(seed: int, *purpose: object) -> np.random.Generator:
    """A generator of its own for each purpose: the same seed and purpose give the same draws."""
    named = "/".join(map(str, (seed, *purpose)))
    return np.random.default_rng(int.from_bytes(sha256(named.encode()).digest()))


def logistic(value: float) -> float:
    """1 / (1 + exp(-value)), between 0 and 1."""
    return float(0.5 * (1 + np.tanh(value / 2)))
