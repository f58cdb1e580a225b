"""What R said, and how an Estimate is held against it."""

import json
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"


def oracle(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def agree(estimate, wanted, rel=1e-8):
    """Every field in wanted, by its name; df is the last."""
    for name, value in wanted.items():
        found = estimate.df[-1] if name == "df" else getattr(estimate, name)
        assert found == pytest.approx(value, rel=rel, abs=1e-14), name
