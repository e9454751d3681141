"""A toy whose module has had the test rows ever since it was imported."""

import torch
from broken_methods import Toy

from gzslbench.data.synthetic.dataset import load_synthetic

dataset = load_synthetic()
ROWS = {"of the test": [torch.from_numpy(dataset.features[dataset.split.test_unseen])]}
del dataset


class Holding(Toy):
    pass
