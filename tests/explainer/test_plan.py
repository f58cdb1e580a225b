"""Plans: every mistake is named by its path, without torch."""

import copy
import subprocess
import sys

import pytest

from explainer.methods import MethodError
from explainer.methods.catalogue import METHODS, method
from explainer.plan import Generation, PlanError, Selection, check

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
    assert recipes["exact"].parameters == {
        "players": "default",
        "size": 1,
        "mask": 0.5,
        "evaluations": 1569,
        "tolerance": 0,
        "output": "all",
    }
    assert recipes["exact"].seed == 0
    assert recipes["mismatched"].parameters == {"match": "predicted"}
    assert plan.stimuli[0].select == Selection(right=8, wrong=4, count=0, seed=1)
    assert plan.stimuli[0].background is None


def test_only_keeps_what_an_explanation_is_made_from():
    assert [recipe.name for recipe in check(GOOD, only="mismatched").recipes] == [
        "shap",
        "mismatched",
    ]
    assert [recipe.name for recipe in check(GOOD, only="exact").recipes] == ["exact"]
    with pytest.raises(PlanError, match="no explanation 'lime'; there are mismatched, shap, exact"):
        check(GOOD, only="lime")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema", "credence/plan/2", "schema: expected 'credence/plan/1'"),
        ("extra", 1, "plan: unknown field 'extra'"),
        ("stimuli", [], "stimuli: expected a mapping"),
        ("stimuli.digits.select.count", 3, "select: unknown field 'right'; expected count, seed"),
        ("stimuli.digits.generation", {"tokens": 0}, "tokens: a continuation has at least one"),
        ("stimuli.digits.generation", {"seed": 1}, "generation.tokens: expected a whole"),
        ("stimuli.digits.background", "/b", "stimuli.digits.background: expected a mapping"),
        ("stimuli.digits.select", None, "stimuli.digits.select: expected a mapping"),
        ("stimuli.digits.select.right", -1, "stimuli.digits.select.right: expected a whole"),
        ("stimuli.digits.select.wrong", 4.0, "stimuli.digits.select.wrong: expected a whole"),
        ("stimuli.digits.select.seed", True, "stimuli.digits.select.seed: expected a whole"),
        ("stimuli.digits.checkpoint.sha256", "X", "checkpoint.sha256: expected 64"),
        ("stimuli.digits.data.path", 3, "stimuli.digits.data.path: expected a path"),
        ("explanations.shap.method", "magic", "shap.method: no method 'magic'; there are"),
        ("explanations.shap.method", ["a"], "shap.method: no method"),
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
            "noise",
            'mask: expected "default" or "mean" or "zero" or',
        ),
        ("explanations.shap.parameters.mask", 1.5, "shap.parameters.mask: expected"),
        ("explanations.shap.parameters.mask", True, "shap.parameters.mask: expected"),
        ("explanations.shap.parameters.evaluations", 10.5, "evaluations: expected a whole number"),
        ("explanations.shap.parameters.batch", 1, "batch: partition has no such parameter"),
        ("explanations.mismatched.of", None, "mismatched is a control; name the explanation"),
        ("explanations.mismatched.of", "lime", "mismatched.of: no explanation 'lime'"),
        ("explanations.mismatched.of", "mismatched", "'mismatched' is a control itself"),
        (
            "explanations.words",
            {"method": "placebic", "of": "shap", "words": {"en": ""}},
            'words.words: expected "default" or a sentence by language, each of 1 to 1000',
        ),
        ("explanations.mismatched.match", "truth", 'mismatched.match: expected "predicted"'),
    ],
)
def test_mistakes_are_named_by_path(path, value, message):
    with pytest.raises(PlanError) as caught:
        check(changed(path, value))
    assert message in str(caught.value)


@pytest.mark.parametrize("select", [{"right": 0, "wrong": 0}, {"count": 0}])
def test_nothing_to_select(select):
    with pytest.raises(PlanError, match="0; select at least one"):
        check(changed("stimuli.digits.select", {**select, "seed": 1}))


def test_a_set_can_be_selected_by_number_and_gone_on_from_and_have_a_background():
    plan = changed("stimuli.digits.select", {"count": 5, "seed": 2})
    digits = plan["stimuli"]["digits"]
    digits["generation"] = {"tokens": 7}
    digits["background"] = {"path": "/b.json", "sha256": "2" * 64}
    (found,) = check(plan).stimuli
    assert found.select == Selection(right=0, wrong=0, count=5, seed=2)
    assert found.generation == Generation(tokens=7, seed=0)
    assert (str(found.background.path), found.background.sha256) == ("/b.json", "2" * 64)


def test_the_digest_is_of_what_is_asked_for_wherever_it_lies():
    """Paths and defaults written out change nothing; everything else does."""
    digest = check(GOOD).digest
    assert digest == check(changed("stimuli.digits.data.path", "/elsewhere.npz")).digest
    assert digest == check(changed("explanations.exact.seed", 0)).digest
    others = {
        check(changed(path, value)).digest
        for path, value in [
            ("stimuli.digits.data.sha256", "3" * 64),
            ("stimuli.digits.select.seed", 2),
            ("stimuli.digits.select", {"count": 12, "seed": 1}),
            ("stimuli.digits.generation", {"tokens": 7}),
            ("explanations.shap.method", "permutation"),
            ("explanations.shap.parameters.mask", "zero"),
            ("explanations.exact.output", "predicted"),
            ("explanations.exact", None),
            ("explanations.mismatched.of", "exact"),
        ]
    }
    assert len(others) == 9
    assert digest not in others


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
    with pytest.raises(MethodError, match="no method 'x'; there are "):
        method("x")


def test_checking_needs_neither_torch_nor_shap():
    code = (
        "import sys, explainer.precompute, explainer.plan, explainer.methods;"
        "assert not {'torch', 'shap', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
