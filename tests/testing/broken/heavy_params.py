"""Parameters whose module imports torch."""

import torch  # noqa: F401
from broken_params import ToyParams


class HeavyParams(ToyParams):
    pass
