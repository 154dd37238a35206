"""What the loop asks of data, whatever its kind."""

from typing import Protocol

import numpy as np

from ganvas.core.turns import Batch


class Data(Protocol):
    """A data set, prepared."""

    @property
    def fingerprint(self) -> str:
        """Differs where the content or its preparation differs."""
        ...

    def __len__(self) -> int: ...

    def fetch(self, index: np.ndarray) -> Batch:
        """Items as they are stored, on the CPU."""
        ...

    def ready(self, batch: Batch) -> Batch:
        """The same as a model sees them, on whatever device they are; what is random comes from torch."""
        ...
