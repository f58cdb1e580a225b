"""The two files of the study Credence began from, checked as they are read."""

from pathlib import Path

import pandas as pd

DATA = Path(__file__).parent / "data"
SECTIONS = ("Interpretability", "Fairness", "Robustness", "Safety")
YES_NO = ("Fairness 1", "Robustness 2", "Safety 2")
ITEMS = tuple(f"{section} {number}" for section in SECTIONS for number in (1, 2))
TRUST = "Trustworthiness"
MODES = {"m1": 1, "m2": 2, "m3": 3}
PREFIX = 2000


class SeedError(Exception):
    """The study's files are missing or not what they should be; the message says what to do."""


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The survey (a missing answer is NaN) and the removal table, checked. Raises SeedError."""
    survey = _read(folder / "S4SS.csv", [*ITEMS, TRUST])
    for name in (*ITEMS, TRUST):
        able = answers_of(name)
        bad = survey[name].notna() & ~survey[name].isin(able)
        if bad.any():
            raise SeedError(
                f"{folder / 'S4SS.csv'}: {name} has the value {survey.loc[bad, name].iloc[0]:g}, "
                f"expected a whole number from {able[0]} to {able[-1]} or nothing"
            )
    if survey[TRUST].isna().any():
        raise SeedError(f"{folder / 'S4SS.csv'}: every person needs an answer to {TRUST}")
    if len(survey) <= len(ITEMS) + 1:
        raise SeedError(
            f"{folder / 'S4SS.csv'} has {len(survey)} people; a regression on {len(ITEMS)} items "
            f"needs more than {len(ITEMS) + 1}"
        )
    constant = [name for name in (*ITEMS, TRUST) if survey[name].nunique() < 2]
    if constant:
        raise SeedError(f"{folder / 'S4SS.csv'}: everyone gave {constant[0]} the same answer")
    removal = _read(folder / "result.csv", list(MODES))
    if len(removal) <= PREFIX or not removal.isin([0, 1]).all(axis=None):
        raise SeedError(
            f"{folder / 'result.csv'} must hold 0 or 1 in more than {PREFIX} rows, the first "
            f"{PREFIX} of which are the prefix"
        )
    return survey, removal


def answers_of(item: str) -> range:
    """What can be answered to an item: no and yes as 0 and 1, or 1 to 5."""
    return range(2) if item in YES_NO else range(1, 6)


def good(survey: pd.DataFrame) -> pd.DataFrame:
    """The same answers with the items that ask for the bad thing turned: no is 1, yes is 0."""
    return survey.assign(**{item: 1 - survey[item] for item in YES_NO})


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError as error:
        raise SeedError(
            f"no file {path}; give the folder with S4SS.csv and result.csv, or no folder for the "
            "copy that ships with Credence"
        ) from error
    except (OSError, ValueError) as error:
        raise SeedError(f"cannot read {path} as a CSV table: {error}") from error
    missing = [column for column in columns if column not in frame]
    if missing:
        raise SeedError(f"{path} has no column {missing[0]!r}; expected {', '.join(columns)}")
    try:
        return frame[columns].astype(float)
    except ValueError as error:
        raise SeedError(f"{path} holds something that is not a number: {error}") from error
