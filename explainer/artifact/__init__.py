"""The file formats between explainer and webapp: stimuli, explanations, and the store they lie in.

A stimulus (`credence/stimulus/1`) and an explanation (`credence/explanation/1`) are one file each,
`<2 hex>/<digest>.json.gz`: canonical JSON (sorted keys, no spaces, UTF-8, no NaN), gzipped with no
time. The digest is the SHA-256 of that JSON, so a file's name says what its content must be, and
equal content is one file. Beside an explanation stand what its run cost and which versions ran it,
in `<digest>.run.json` (`credence/run/1`), and how good it is, in `<digest>.metrics.json`
(`credence/metrics/1`), so that neither changes its digest.
`jobs/<2 hex>/<job key>` holds the digest which that job gave.

This package needs numpy at most: the web server reads artifacts without torch.
"""

from explainer.artifact.explanation import Explanation, Job
from explainer.artifact.measures import Measures
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
    "Measures",
    "Run",
    "Stimulus",
    "Store",
    "canonical_json",
    "sha256",
    "write_atomically",
]
