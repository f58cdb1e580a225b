"""An installation with every ready study but the demo: `python ... FOLDER` makes FOLDER/instance.

What is shown and asked stays; there are fewer stimuli, and their explanations are coarser.
"""

import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import yaml
from click.testing import Result
from installation import ROOT

from webapp import create_app
from webapp.db import alembic

# The demo has an installation of its own, which most browser tests share.
READY = sorted(file.parent.name for file in (ROOT / "studies").glob("*/study.yaml"))
STUDIES = [name for name in READY if name != "demo"]
STIMULI = {"right": 2, "wrong": 2, "count": 2}
EVALUATIONS = {"adjusted": 800}  # a regression needs some for each player; others take 100
TOKENS = 12


def shorten(study: dict[str, Any]) -> None:
    """Leave as many trials as there are conditions, of few stimuli."""
    factors = study.get("factors", {}).values()
    levels = max((len(f["levels"]) for f in factors if f["vary"] == "within"), default=2)
    for each in study.get("stimuli", {}).values():
        each["select"] |= {name: STIMULI[name] for name in STIMULI if name in each["select"]}
        if "generation" in each:
            each["generation"]["tokens"] = TOKENS
    for each in study.get("explanations", {}).values():
        if "evaluations" in each.get("parameters", {}):
            each["parameters"]["evaluations"] = EVALUATIONS.get(each["method"], 100)
    for entry in study["flow"]:
        if "block" in entry:
            entry["per_participant"] = levels


def main(folder: Path) -> None:
    """Make the installation, in one process, so that torch is read once."""
    app = create_app(str(folder / "instance"))
    with app.app_context():
        alembic.upgrade()
    runner = app.test_cli_runner()

    def flask(*arguments: str) -> None:
        with app.app_context():
            done: Result = runner.invoke(args=arguments)
        if done.exit_code:
            sys.exit(f"flask {' '.join(arguments)}: {done.output} {done.exception!r}")

    for name in STUDIES:
        copy = folder / "studies" / name
        copytree(ROOT / "studies" / name, copy)
        study = yaml.safe_load((copy / "study.yaml").read_text("utf-8"))
        shorten(study)
        text = yaml.safe_dump(study, sort_keys=False, allow_unicode=True)
        (copy / "study.yaml").write_text(text, "utf-8")
        flask("study", "load", str(copy))
        flask("precompute", name)
        flask("study", "open", name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
