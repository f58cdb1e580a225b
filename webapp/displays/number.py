"""Numbers as a page writes them."""


def number(value: float, *, sign: bool = False) -> str:
    """Two decimals, or fewer where there are many digits before them; a zero has no sign."""
    places = 2 if abs(value) < 10_000 else 0
    rounded = round(value, places) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''},.{places}f}"
