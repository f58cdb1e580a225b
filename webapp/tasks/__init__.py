"""What a participant does in a trial: one file for each task, with its options, pages and items.

`union.Task` is what a block's `trial:` may say; `base.BaseTask` is what every task answers.
"""
