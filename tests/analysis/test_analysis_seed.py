import json
import os
import shutil
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.seed import DATA, SeedError, reproduce

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "seed_figures.json").read_text())


@pytest.fixture(scope="module")
def figures():
    return reproduce()


def printed(value: float, text: str) -> None:
    """The value agrees with a printed one in every printed digit.

    Past the 14th digit a printed double is the rounding of its machine (the exact R2 is
    0.862374396339544239..., printed as ...5445), so there the two agree to 1e-13.
    """
    decimals = len(text.partition(".")[2])
    if len(text.lstrip("-0.").replace(".", "").partition("e")[0]) >= 14:
        assert value == pytest.approx(float(text), rel=1e-13)
    else:
        assert f"{value:.{decimals}f}" == f"{float(text):.{decimals}f}"


@pytest.mark.parametrize("section", GOLDEN["anova"])
def test_anova(figures, section):
    for name, text in GOLDEN["anova"][section].items():
        printed(figures["anova"][section][name], text)


def test_trustworthiness(figures):
    found, wanted = figures["trustworthiness"], GOLDEN["trustworthiness"]
    for name in ("n", "mean", "sd"):
        printed(found[name], wanted[name])
    assert found["quartiles"] == [float(text) for text in wanted["quartiles"]]


@pytest.mark.parametrize("item", GOLDEN["correlation_p"])
def test_correlations(figures, item):
    printed(figures["correlation"][item]["p"], GOLDEN["correlation_p"][item])


@pytest.mark.parametrize("name", GOLDEN["ols"])
def test_least_squares(figures, name):
    printed(figures["ols"][name], GOLDEN["ols"][name])


@pytest.mark.parametrize("name", GOLDEN["coefficients"])
def test_coefficients(figures, name):
    row, (estimate, se) = figures["ols"]["coefficients"][name], GOLDEN["coefficients"][name]
    printed(row["estimate"], estimate)
    printed(row["se"], se)


def test_leaving_each_person_out_by_hand_gives_the_same_left_out_r_squared(figures):
    import numpy as np

    from analysis.seed import ITEMS, TRUST, read

    survey, _ = read(DATA)
    imputed = survey.fillna(survey.mean())
    x = np.column_stack([np.ones(len(imputed)), imputed[list(ITEMS)]])
    y = imputed[TRUST].to_numpy()
    missed = 0.0
    for person in range(len(y)):
        rest = np.arange(len(y)) != person
        coefficients = np.linalg.lstsq(x[rest], y[rest], rcond=None)[0]
        missed += (y[person] - x[person] @ coefficients) ** 2
    wanted = 1 - missed / ((y - y.mean()) ** 2).sum()
    # A person alone with an answer leaves a column constant without them: not the same formula.
    assert figures["ols"]["r_squared_left_out"] == pytest.approx(wanted, rel=1e-6)


def test_manova_is_singular_and_without_one_item_agrees_with_r(figures):
    manova, golden = figures["manova"], GOLDEN["manova_without_robustness_2"]
    assert manova["groups"] == {"at_or_above_median": 9, "below_median": 4}
    assert manova["separating_items"] == ["Robustness 2"]
    assert manova["Wilks' lambda"] == {"value": 0.0}
    assert manova["Pillai's trace"] == {"value": 1.0}
    assert manova["Hotelling-Lawley trace"] == {"value": None}
    assert manova["Roy's greatest root"] == {"value": None}
    rest = manova["without_separating_items"]
    assert len(rest) == 4
    for name, row in rest.items():
        assert row["value"] == pytest.approx(golden[name], rel=1e-9)
        assert row["F"] == pytest.approx(golden["F"], rel=1e-9)
        assert row["p"] == pytest.approx(golden["p"], rel=1e-9)
        assert row["df"] == golden["df"]


def test_removal(figures):
    removal = figures["removal"]
    for name, text in GOLDEN["removal"].items():
        printed(removal[name], text)
    assert removal["prefix_not_given"]["m1"] is None
    for part in ("prefix_not_given", "after_prefix"):
        for name, text in GOLDEN[part].items():
            printed(removal[part][name], text)


def test_the_command_prints_what_is_wrong_beside_each_figure(tmp_path, capsys):
    target = tmp_path / "figures.json"
    assert main(["reproduce", "--json", str(target)]) == 0
    text = capsys.readouterr().out
    figures = json.loads(target.read_text())
    assert list(figures)[1:7] == [
        "anova", "trustworthiness", "correlation", "ols", "manova", "removal",
    ]  # fmt: skip
    for value in ("142.94117647058786", "264.5084745762715", "290.9027102154263", "0.759555"):
        assert value in text
    # 4 sections, trust, 8 items, 7 rows of least squares, 2 of MANOVA, 3 of removal.
    assert text.count("Wrong: ") == 25


def test_a_copy_elsewhere_gives_the_same_figures(tmp_path, figures):
    for name in ("S4SS.csv", "result.csv"):
        shutil.copy(DATA / name, tmp_path)
    assert reproduce(tmp_path) == figures


def rewrite(folder: Path, name: str, change) -> None:
    for file in ("S4SS.csv", "result.csv"):
        shutil.copy(DATA / file, folder)
    os.chmod(folder / name, 0o644)
    (folder / name).write_text(change((DATA / name).read_text()))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("S4SS.csv", lambda t: t.replace("Fairness 2", "Fairness two"), "no column 'Fairness 2'"),
        ("S4SS.csv", lambda t: t.replace("1,4,3,1", "1,9,3,1"), "Interpretability 1 has the value"),
        ("S4SS.csv", lambda t: t.replace("1,4,3,1", "1,x,3,1"), "not a number"),
        ("S4SS.csv", lambda t: "\n".join(t.splitlines()[:5]), "has 4 people"),
        ("S4SS.csv", lambda t: t.replace("0,4,0,5", "0,4,0,"), "every person needs an answer"),
        ("S4SS.csv", lambda _: "", "cannot read"),
        ("result.csv", lambda t: t.replace("1,0,1", "1,0,2"), "must hold 0 or 1"),
        ("result.csv", lambda t: "\n".join(t.splitlines()[:100]), "more than 2000 rows"),
        ("result.csv", lambda t: t.replace("m3", "m4"), "no column 'm3'"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path, capsys, name, change, said):
    rewrite(tmp_path, name, change)
    with pytest.raises(SeedError, match=said):
        reproduce(tmp_path)
    assert main(["reproduce", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert name in error


def test_a_missing_folder_says_what_to_give(tmp_path, capsys):
    assert main(["reproduce", str(tmp_path / "none")]) == 2
    assert "give the folder with S4SS.csv and result.csv" in capsys.readouterr().err


def test_a_target_that_cannot_be_written_is_an_error(tmp_path, capsys):
    assert main(["reproduce", "--json", str(tmp_path / "no" / "figures.json")]) == 2
    assert capsys.readouterr().err.startswith("error: cannot write ")
