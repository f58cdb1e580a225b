"""The file formats between explainer and webapp: stimuli, explanations, and the store they lie in.

A stimulus (`credence/stimulus/1`) and an explanation (`credence/explanation/1`) are one file each,
`<2 hex>/<digest>.json.gz`: canonical JSON (sorted keys, no spaces, UTF-8, no NaN), gzipped with no
time. The digest is the SHA-256 of that JSON, so a file's name says what its content must be, and
equal content is one file. What a run cost, which versions ran it and every metric stand beside an
explanation in `<digest>.run.json` (`credence/run/1`), so that they never change its digest.
`jobs/<2 hex>/<job key>` holds the digest which that job gave.

This package needs numpy at most: the web server reads artifacts without torch.
"""

from explainer.artifact.explanation import Explanation, Job
from explainer.artifact.outputs import Continuation, Forecast
from explainer.artifact.run import Run
from explainer.artifact.stimulus import Stimulus
from explainer.artifact.store import Store
from explainer.encoding import ArtifactError, canonical_json, sha256, write_atomically

__all__ = [
    "ArtifactError",
    "Continuation",
    "Explanation",
    "Forecast",
    "Job",
    "Run",
    "Stimulus",
    "Store",
    "canonical_json",
    "sha256",
    "write_atomically",
]
