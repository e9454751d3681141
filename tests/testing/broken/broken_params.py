"""Parameters of the toys, some of them broken."""

from dataclasses import dataclass

from gzslbench.plugins.params import Params, linear, param


@dataclass(frozen=True)
class ToyParams(Params):
    epochs: int = param(8, "passes", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    lr: float = param(0.01, "learning rate", above=0)


@dataclass(frozen=True)
class Undocumented(ToyParams):
    width: int = param(3, "", low=1)


@dataclass(frozen=True)
class Bare(ToyParams):
    width: int = 3


@dataclass(frozen=True)
class Unranged(ToyParams):
    width: int = param(3, "of the toy")


@dataclass(frozen=True)
class Searching(ToyParams):
    width: int = param(3, "of the toy", low=1, high=10, search=linear(5, 20))


@dataclass(frozen=True)
class Halving(ToyParams):
    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "lr", self.lr / 2)


@dataclass(frozen=True)
class Accepting(ToyParams):
    def __post_init__(self):
        pass
