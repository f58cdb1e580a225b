"""Recompute the figures of the study Credence began from: Su, Li & Wu (2023).

Their analysis is repeated as they did it, its faults included; `analysis.seed_text` says beside
each figure what is wrong with it. `instead` holds what the same numbers do support where that is
simple, `bounds` what the missing answer could have made of theirs, `supported` the rest.
"""

import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats
from statsmodels.multivariate.manova import MANOVA
from statsmodels.stats.stattools import durbin_watson, jarque_bera, omni_normtest

from analysis.multiplicity import holm
from analysis.seed_data import (
    DATA,
    ITEMS,
    MODES,
    PREFIX,
    SECTIONS,
    TRUST,
    YES_NO,
    SeedError,
    answers_of,
    read,
)
from analysis.seed_people import needed
from analysis.seed_support import supported
from analysis.ttest import mean_interval, paired_difference

Json = dict[str, Any]

# Completions of missing answers beyond this many are not tried one by one.
_MOST_COMPLETIONS = 256


def reproduce(folder: Path = DATA) -> Json:
    """Every figure of the study, from S4SS.csv and result.csv in a folder. Raises SeedError."""
    survey, removal = read(folder)
    imputed = survey.fillna(survey.mean())
    return {
        "source": "Su, Li & Wu (2023), Interpreting Structured State Space Model",
        "anova": {section: _anova(imputed, section) for section in SECTIONS},
        "trustworthiness": _describe(survey[TRUST]),
        "correlation": _correlations(imputed),
        "ols": _ols(imputed),
        "manova": _manova(imputed),
        "removal": _removal(removal),
        "instead": _instead(survey),
        "bounds": _bounds(survey),
        "supported": supported(survey, removal) | {"people": needed(survey)},
    }


def _anova(survey: pd.DataFrame, section: str) -> Json:
    """One-way ANOVA of item 1 against item 2, as if different people had answered them.

    F comes from sums of squares about the grand mean, as in the library they used: this gives their
    last digits, where a two-pass formula differs in the fifteenth.
    """
    groups = [survey[f"{section} {number}"].to_numpy() for number in (1, 2)]
    everything = np.concatenate(groups)
    centre = everything.mean()
    centred = everything - centre
    correction = np.sum(centred) ** 2 / len(centred)
    total = np.sum(centred * centred) - correction
    between = sum(np.sum(group - centre) ** 2 / len(group) for group in groups) - correction
    df = len(centred) - 2
    f = float(between / ((total - between) / df))
    return {"F": f, "p": float(stats.f.sf(f, 1, df)), "df": [1, df]}


def _describe(values: pd.Series) -> Json:
    quartiles = values.quantile([0.25, 0.5, 0.75])
    return {
        "n": int(values.count()),
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "quartiles": [float(q) for q in quartiles],
    }


def _correlations(survey: pd.DataFrame) -> dict[str, Json]:
    figures = {}
    for item in ITEMS:
        test = stats.pearsonr(survey[item], survey[TRUST])
        figures[item] = {"r": float(test.statistic), "p": float(test.pvalue)}
    return figures


def _ols(survey: pd.DataFrame) -> Json:
    x = sm.add_constant(survey[list(ITEMS)], has_constant="add")
    fit = sm.OLS(survey[TRUST], x).fit()
    with warnings.catch_warnings():
        # 13 people are too few for its p value; seed_text says so beside the figure.
        warnings.filterwarnings("ignore", message=".*kurtosistest.*")
        omnibus, omnibus_p = omni_normtest(fit.resid)
    jb, jb_p, skew, kurtosis = jarque_bera(fit.resid)
    leverage = fit.get_influence().hat_matrix_diag
    left_out = float(((fit.resid / (1 - leverage)) ** 2).sum())
    return {
        "F": float(fit.fvalue),
        "p": float(fit.f_pvalue),
        "r_squared": float(fit.rsquared),
        "adj_r_squared": float(fit.rsquared_adj),
        "durbin_watson": float(durbin_watson(fit.resid)),
        "log_likelihood": float(fit.llf),
        "aic": float(fit.aic),
        "bic": float(fit.bic),
        "omnibus": float(omnibus),
        "omnibus_p": float(omnibus_p),
        "jarque_bera": float(jb),
        "jarque_bera_p": float(jb_p),
        "skew": float(skew),
        "kurtosis": float(kurtosis),
        "condition_number": float(fit.condition_number),
        "df": [int(fit.df_model), int(fit.df_resid)],
        "r_squared_left_out": 1 - left_out / float(fit.centered_tss),
        "coefficients": {
            str(name): {
                "estimate": float(fit.params[name]),
                "se": float(fit.bse[name]),
                "t": float(fit.tvalues[name]),
                "p": float(fit.pvalues[name]),
            }
            for name in x.columns
        },
    }


def _manova(survey: pd.DataFrame) -> Json:
    """The items by trust at or above its median: the analysis that the original meant to run."""
    high = (survey[TRUST] >= survey[TRUST].median()).to_numpy()
    separating = [
        item
        for item in ITEMS
        if all(survey.loc[high == side, item].nunique() <= 1 for side in (0, 1))
    ]
    rest = [item for item in ITEMS if item not in separating]
    figures: Json = {
        "groups": {"at_or_above_median": int(high.sum()), "below_median": int((~high).sum())},
        "separating_items": separating,
    }
    if separating:
        # Within the groups this item has no variance: Wilks and Pillai are at their ends, the
        # other two have none. Numbers from the singular matrices would be rounding noise.
        figures |= {
            "Wilks' lambda": {"value": 0.0},
            "Pillai's trace": {"value": 1.0},
            "Hotelling-Lawley trace": {"value": None},
            "Roy's greatest root": {"value": None},
        }
        return figures | {"without_separating_items": _four(survey[rest].to_numpy(), high)}
    return figures | _four(survey[rest].to_numpy(), high)


def _four(items: NDArray[np.float64], high: NDArray[np.bool_]) -> Json:
    """The four multivariate statistics, each with F, its degrees of freedom and p."""
    within = np.concatenate([items[high == side] - items[high == side].mean(0) for side in (0, 1)])
    if np.linalg.matrix_rank(within) < items.shape[1]:
        raise SeedError("S4SS.csv: the items are linearly dependent within the two trust groups")
    design = np.column_stack([np.ones(len(items)), high])
    table = MANOVA(items, design).mv_test().results["x1"]["stat"].astype(float)
    return {
        str(name): {
            "value": float(row["Value"]),
            "F": float(row["F Value"]),
            "df": [float(row["Num DF"]), float(row["Den DF"])],
            "p": float(row["Pr > F"]),
        }
        for name, row in table.iterrows()
    }


def _removal(removal: pd.DataFrame) -> Json:
    position = np.arange(len(removal))
    prefix = position < PREFIX
    not_given = {name: prefix & (position % every != 0) for name, every in MODES.items()}
    return {name: float(removal[name].mean()) for name in MODES} | {
        "prefix_not_given": {
            name: float(removal.loc[rows, name].mean()) if rows.any() else None
            for name, rows in not_given.items()
        },
        "after_prefix": {name: float(removal.loc[~prefix, name].mean()) for name in MODES},
    }


def _bounds(survey: pd.DataFrame) -> Json | None:
    """Their figures' least and largest value over every answer that could be missing.

    None where nothing is missing, or more than can be tried.
    Source: Manski (2003), Partial Identification of Probability Distributions, ch. 1.
    """
    holes = [(row, item) for item in ITEMS for row in survey.index[survey[item].isna()]]
    choices = [answers_of(item) for _, item in holes]
    if not holes or np.prod([len(c) for c in choices]) > _MOST_COMPLETIONS:
        return None
    found: dict[str, list[float]] = {}
    for chosen in product(*choices):
        whole = survey.copy()
        for (row, item), answer in zip(holes, chosen, strict=True):
            whole.loc[row, item] = answer
        for name, value in _touched(whole, {item for _, item in holes}):
            found.setdefault(name, []).append(value)
    missing = [{"person": int(row) + 1, "item": item} for row, item in holes]
    return {"missing": missing} | {
        "figures": {name: [min(values), max(values)] for name, values in found.items()}
    }


def _touched(whole: pd.DataFrame, items: set[str]) -> list[tuple[str, float]]:
    """The figures that depend on these items, by name."""
    rows = []
    for item in sorted(items):
        section = item.rpartition(" ")[0]
        rows += [(f"ANOVA {section} {k}", _anova(whole, section)[k]) for k in ("F", "p")]
        test = stats.pearsonr(whole[item], whole[TRUST])
        rows += [(f"correlation {item} r", float(test.statistic))]
        rows += [(f"correlation {item} p", float(test.pvalue))]
        rows += [(f"{item} yes", float(whole[item].sum()))] if item in YES_NO else []
    fit = sm.OLS(whole[TRUST], sm.add_constant(whole[list(ITEMS)], has_constant="add")).fit()
    rows += [("OLS F", float(fit.fvalue)), ("OLS p", float(fit.f_pvalue))]
    rows += [("OLS R2", float(fit.rsquared))]
    return rows + [(f"OLS {item}", float(fit.params[item])) for item in ITEMS]


def _instead(survey: pd.DataFrame) -> Json:
    """What the same answers support: nobody imputed, each item on its own scale."""
    first, second = survey["Interpretability 1"], survey["Interpretability 2"]
    spearman = {}
    for item in ITEMS:
        known = survey[[item, TRUST]].dropna()
        test = stats.spearmanr(known[item], known[TRUST])
        spearman[item] = {"rho": float(test.statistic), "p": float(test.pvalue), "n": len(known)}
    adjusted = holm([figure["p"] for figure in spearman.values()])
    for figure, p in zip(spearman.values(), adjusted, strict=True):
        figure["p_holm"] = p
    return {
        "interpretability_1_minus_2": paired_difference(first, second).to_json(),
        "trustworthiness": mean_interval(survey[TRUST]).to_json(),
        "yes": {
            item: {
                "yes": int(survey[item].sum()),
                "answered": int(survey[item].count()),
                "asked": len(survey),
                "interval": _share(int(survey[item].sum()), int(survey[item].count())),
            }
            for item in YES_NO
        },
        "likert_mean": {item: float(survey[item].mean()) for item in ITEMS if item not in YES_NO},
        "spearman": spearman,
    }


def _share(yes: int, n: int) -> list[float]:
    """Exact 95 % interval of a share. Source: Clopper & Pearson (1934), Biometrika 26, 404-413."""
    interval = stats.binomtest(yes, n).proportion_ci(0.95, method="exact")
    return [float(interval.low), float(interval.high)]
