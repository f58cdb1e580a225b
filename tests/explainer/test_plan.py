"""Plans: every mistake is named by its path, without torch."""

import copy
import subprocess
import sys

import pytest

from explainer.methods import MethodError
from explainer.methods.catalogue import METHODS, method
from explainer.plan import PlanError, check

GOOD = {
    "schema": "credence/plan/1",
    "stimuli": {
        "digits": {
            "checkpoint": {"path": "/c", "sha256": "0" * 64},
            "data": {"path": "/d.npz", "sha256": "1" * 64},
            "select": {"right": 8, "wrong": 4, "seed": 1},
        }
    },
    "explanations": {
        "mismatched": {"method": "mismatched", "of": "shap", "match": "predicted", "seed": 7},
        "shap": {
            "method": "partition",
            "parameters": {"mask": "mean", "evaluations": 1000},
            "output": "predicted",
            "seed": 7,
        },
        "exact": {"method": "permutation", "parameters": {"mask": 0.5}, "output": "all"},
    },
}


def changed(path, value):
    plan = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    place = plan
    for name in parents:
        place = place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return plan


def test_a_good_plan_is_completed_and_put_in_order():
    plan = check(GOOD)
    names = [recipe.name for recipe in plan.recipes]
    assert names.index("shap") < names.index("mismatched")
    recipes = {recipe.name: recipe for recipe in plan.recipes}
    assert recipes["exact"].parameters == {"mask": 0.5, "evaluations": 1569, "output": "all"}
    assert recipes["exact"].seed == 0
    assert recipes["mismatched"].parameters == {"match": "predicted"}
    assert (plan.stimuli[0].right, plan.stimuli[0].wrong) == (8, 4)


def test_only_keeps_what_an_explanation_is_made_from():
    assert [recipe.name for recipe in check(GOOD, only="mismatched").recipes] == [
        "shap",
        "mismatched",
    ]
    assert [recipe.name for recipe in check(GOOD, only="exact").recipes] == ["exact"]
    with pytest.raises(PlanError, match="no explanation 'dice'; there are mismatched, shap, exact"):
        check(GOOD, only="dice")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema", "credence/plan/2", "schema: expected 'credence/plan/1'"),
        ("extra", 1, "plan: unknown field 'extra'"),
        ("stimuli", [], "stimuli: expected a mapping"),
        ("stimuli.digits.select", None, "stimuli.digits.select: expected a mapping"),
        ("stimuli.digits.select.right", -1, "stimuli.digits.select.right: expected a whole"),
        ("stimuli.digits.select.wrong", 4.0, "stimuli.digits.select.wrong: expected a whole"),
        ("stimuli.digits.select.seed", True, "stimuli.digits.select.seed: expected a whole"),
        ("stimuli.digits.checkpoint.sha256", "X", "checkpoint.sha256: expected 64"),
        ("stimuli.digits.data.path", 3, "stimuli.digits.data.path: expected a path"),
        ("explanations.shap.method", "dice", "shap.method: no method 'dice'; there are partition"),
        ("explanations.shap.method", ["a"], "shap.method: no method"),
        ("explanations.shap.method", "gradient", "gradient is not computed for studies yet"),
        ("explanations.shap.output", "top", "shap.output: expected predicted or all, found 'top'"),
        (
            "explanations.shap.seed",
            2**40,
            "shap.seed: expected a whole number from 0 to",
        ),
        ("explanations.shap.of", "exact", "shap: unknown field 'of'"),
        ("explanations.shap.parameters", [1], "shap.parameters: expected a mapping"),
        (
            "explanations.shap.parameters.mask",
            "blur",
            'mask: expected "mean" or "zero" or',
        ),
        ("explanations.shap.parameters.mask", 1.5, "shap.parameters.mask: expected"),
        ("explanations.shap.parameters.mask", True, "shap.parameters.mask: expected"),
        ("explanations.shap.parameters.evaluations", 10.5, "evaluations: expected a whole number"),
        ("explanations.shap.parameters.batch", 1, "batch: partition has no such parameter"),
        ("explanations.mismatched.of", None, "mismatched is a control; name the explanation"),
        ("explanations.mismatched.of", "dice", "mismatched.of: no explanation 'dice'"),
        ("explanations.mismatched.of", "mismatched", "'mismatched' is a control itself"),
        ("explanations.mismatched.match", "truth", 'mismatched.match: expected "predicted"'),
    ],
)
def test_mistakes_are_named_by_path(path, value, message):
    with pytest.raises(PlanError) as caught:
        check(changed(path, value))
    assert message in str(caught.value)


def test_nothing_to_select():
    plan = changed("stimuli.digits.select", {"right": 0, "wrong": 0, "seed": 1})
    with pytest.raises(PlanError, match="select at least one"):
        check(plan)


@pytest.mark.parametrize("plan", [None, [], "plan", 3])
def test_no_mapping(plan):
    with pytest.raises(PlanError, match="plan: expected a mapping"):
        check(plan)


def test_methods_say_what_they_are():
    for name, found in METHODS.items():
        assert found.name == name
        assert found.source
        assert found.cost
        assert callable(found.function)
    with pytest.raises(MethodError, match="no method 'x'; there are partition, permutation"):
        method("x")


def test_checking_needs_neither_torch_nor_shap():
    code = (
        "import sys, explainer.precompute, explainer.plan, explainer.methods;"
        "assert not {'torch', 'shap', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
