"""What a participant does in a trial: one file for each task, with its options, pages and items.

`union.Task` is what a block's `trial:` may say; `base.Task` is what every task answers.
"""

# A task asks items and a block has a task: read from either side, the definition comes first.
import webapp.definition  # noqa: F401
