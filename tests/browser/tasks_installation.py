"""An installation with a study of every task, one trial each: `python ... FOLDER` makes it.

The study and its artifacts are those of the tests without a browser.
"""

import sys
from pathlib import Path

from installation import ROOT

from webapp import create_app
from webapp.db import alembic, db

sys.path.append(str(ROOT / "tests" / "webapp"))
from lab import Laboratory
from tasklab import METHODS, block, open_tasks

CHANGE = {"task": "counterfactual_simulation", "changed": "changed", "feedback": True}
COMPARE = {"task": "compare", "explanations": list(METHODS)}
BLOCKS = [
    block("advised", {"task": "advice", "feedback": True}, "prices"),
    block("decided", "advice", "digits"),
    block("foreseen", {"task": "forward_simulation", "feedback": True}, "reviews"),
    block("changed", CHANGE, "reviews"),
    block("compared", COMPARE, "digits"),
    block("both", COMPARE, "prices"),
    block("drawn", "highlight", "digits"),
    block("underlined", "highlight", "reviews"),
    block("spans", "highlight", "prices"),
    block("read", "read", "prompts", items=["trust"]),
]


def main(folder: Path) -> None:
    """Make folder/instance."""
    app = create_app(str(folder / "instance"))
    with app.app_context():
        alembic.upgrade()
        lab = Laboratory(app, folder / "studies", (folder, None))  # nothing is ready: it is made
        open_tasks(lab, *({**each, "per_participant": 1} for each in BLOCKS))
        db.engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
