"""Bundles of small simulated studies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundles
import pytest

Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """build(people=24, ...) writes a bundle and returns its folder; see bundles.Study."""

    def write(change: dict[str, Any] | None = None, new_design: Any = None, **options: Any) -> Path:
        study = bundles.Study(**options)
        return bundles.write(tmp_path / "bundle", study, change, new_design)

    return write
