"""The web server starts without the libraries of the explainer and of the analysis."""

import subprocess
import sys
from pathlib import Path

import pytest
from lab import REPOSITORY

HEAVY = ("torch", "shap", "pandas", "scipy", "statsmodels", "matplotlib", "sklearn", "numba")
# The format between explainer and webapp, and what methods there are, which need numpy at most.
FORMAT = {"explainer", "explainer.encoding", "explainer.methods"} | {
    f"explainer.methods.{name}" for name in ("counting", "parameters", "placebic")
}
PACKAGES = ("explainer.artifact", "explainer.methods.catalogue", "explainer.methods.listing")


@pytest.mark.parametrize("statement", ["import webapp", "import webapp; webapp.create_app({!r})"])
def test_webapp_loads_nothing_heavy(statement: str, tmp_path: Path) -> None:
    code = statement.format(str(tmp_path)) + (
        f"; import sys; print([name for name in {HEAVY} if name in sys.modules]); "
        "print(*[n for n in sys.modules if n.split('.')[0] in ('analysis', 'explainer')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    heavy, siblings = done.stdout.splitlines()
    assert heavy == "[]"
    found = {each for each in siblings.split() if not each.startswith(PACKAGES)}
    assert found <= FORMAT


def test_importing_the_package_does_no_work(tmp_path: Path) -> None:
    code = "import os; before = set(os.listdir('.')); import webapp, webapp.models, webapp.cli; "
    code += "assert set(os.listdir('.')) == before"
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": ""}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
