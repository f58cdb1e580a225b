"""An installation with a study of every kind of item on one page: `python ... FOLDER` makes it."""

import sys
from pathlib import Path

from installation import ROOT

from webapp import create_app
from webapp.db import alembic, db

sys.path.append(str(ROOT / "tests" / "webapp"))
from kinds import all_kinds
from lab import Laboratory, write_artifacts

from explainer.artifact import Store


def main(folder: Path) -> None:
    """Make folder/instance."""
    app = create_app(str(folder / "instance"))
    with app.app_context():
        alembic.upgrade()
        made = write_artifacts(Store(folder / "artifacts"))
        Laboratory(app, folder / "studies", (folder / "artifacts", made)).open(all_kinds())
        db.engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
