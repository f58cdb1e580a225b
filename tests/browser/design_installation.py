"""An installation with a study of checks, clocks and breaks: `python ... FOLDER` makes it."""

import sys
from pathlib import Path

from installation import ROOT

from webapp import create_app
from webapp.db import alembic, db

sys.path.append(str(ROOT / "tests" / "webapp"))
from designing import block, checked
from lab import Laboratory, write_artifacts

from explainer.artifact import Store


def main(folder: Path) -> None:
    """Make folder/instance."""
    app = create_app(str(folder / "instance"))
    study = checked(attempts=2)
    study["flow"][1]["least_seconds"] = 2
    study["factors"]["source"] = {
        "levels": ["person", "machine"],
        "vary": "within",
        "shows": {level: {"en": f"A {level} said this."} for level in ("person", "machine")},
    }
    calm = block("calm", "trust", 2, time_limit_seconds=600, break_every=1)
    quick = block("quick", "sure", 1, time_limit_seconds=3)
    study["flow"][3:-1] = [calm, quick]
    with app.app_context():
        alembic.upgrade()
        made = write_artifacts(Store(folder / "artifacts"))
        Laboratory(app, folder / "studies", (folder / "artifacts", made)).open(study)
        db.engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
