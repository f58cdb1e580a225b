"""A picture as part of a page."""

import base64
import io
from typing import Any

from numpy.typing import NDArray
from PIL import Image


def png(pixels: NDArray[Any]) -> str:
    """Write pixels uint8 (height, width), or with 3 or 4 colours, as a PNG in a data URI."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
