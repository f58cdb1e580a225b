"""Which way a frozen S4 layer convolves: the one that was fastest where it was measured.

There are three, equal to rounding: `whole`, one product with the Toeplitz matrix of the kernel;
`fft`; and `chunks`, Toeplitz matrices of CHUNK steps with the state carried between them.

The table is part of the code. It was measured on one core, by medians over layers of 64 and 128
channels, 1, 16 and 128 sequences, and 16 to 784 steps; `python -m benchmarks.ways` measures it
again, also on a GPU. A process that timed
the ways for itself would take another one on a busy machine, and the last bits of a worth, which
rounding hides mostly but not always, would make another digest of the same job. So the way hangs
on what belongs to the job alone: the kind of device, the length, and whether there are fewer
sequences than FEW, which games never ask for (see `rows.alone`).
"""

from typing import Literal

Way = Literal["whole", "fft", "chunks"]
Table = tuple[tuple[int, Way], ...]

FEW = 8  # sequences
# Up to so many steps each way is taken, and chunks beyond. What has not been measured on a kind of
# device is read in chunks.
MEASURED: dict[str, tuple[Table, Table]] = {  # of few sequences, and of many
    "cpu": (((84, "whole"), (448, "fft")), ((112, "whole"),)),
}
LONGEST = 112  # steps of a whole matrix that is kept, 50 kB a channel
WIDEST = 256  # channels up to which that many bytes are kept for speed


def fastest(device: str, sequences: int, length: int, width: int, chunk: int) -> Way:
    """The way for so many sequences of a length in a layer of a width; device: cpu or cuda."""
    if device not in MEASURED:
        return "chunks"
    few, many = MEASURED[device]
    for longest, way in few if sequences < FEW else many:
        if length <= longest and not (way == "whole" and chunk < length and width > WIDEST):
            return way
    return "chunks"


def side(length: int, chunk: int) -> int:
    """Of the matrix that serves sequences of a length: its corner is the matrix of fewer steps."""
    return chunk if length <= chunk else LONGEST
