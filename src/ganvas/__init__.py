"""Learn to generate pictures, speech, sound and text from your own data."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganvas.api import train
    from ganvas.model import load
    from ganvas.report.explore import explore
    from ganvas.studies.evaluation import evaluate
    from ganvas.studies.study import study

# Before torch loads OpenMP: threads that wait for each other asleep, and not spinning, lose nothing on a
# quiet machine, and far less where something else runs (docs/notebook.md).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["evaluate", "explore", "load", "study", "train"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`import ganvas` stays quick: torch is imported by the first use of one of these."""
    if name == "train":
        from ganvas.api import train

        return train
    if name == "load":
        from ganvas.model import load

        return load
    if name == "explore":
        from ganvas.report.explore import explore

        return explore
    if name == "evaluate":
        from ganvas.studies.evaluation import evaluate

        return evaluate
    if name == "study":
        from ganvas.studies.study import study

        return study
    raise AttributeError(f"module 'ganvas' has no attribute {name!r}")
