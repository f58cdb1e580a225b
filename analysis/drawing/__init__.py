"""Figures of a report: each is drawn from the results JSON alone, as SVG with its numbers beside.

Text stays text (it can be read aloud and found), colours are safe for colour-blind readers, and one
results JSON gives the same bytes every time.
"""

from analysis.drawing.everything import draw
from analysis.drawing.style import Drawing

__all__ = ["Drawing", "draw"]
