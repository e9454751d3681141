"""SAE (Kodirov et al., CVPR 2017): a linear encoder to the semantics whose transpose decodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gzslbench.errors import ParamError
from gzslbench.plugins import MethodSpec, TrainView, hookimpl, log, param
from gzslbench_methods.closed_form import class_counts, class_sums, gram
from gzslbench_methods.late import functional, layers, nn, torch
from gzslbench_methods.params import MethodParams

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_WEIGHT = 0.2
"""What the reimplementation uses on CUB and AWA2."""


@dataclass(frozen=True)
class SaeParams(MethodParams):
    """The weight of the encoder's loss, and the space in which features and classes are compared."""

    choose_weight: bool = param(
        False, "whether the weight is chosen on held-out seen classes, and the two weights below stay unused"
    )
    weight: float = param(
        DEFAULT_WEIGHT,
        "weight of the encoder's loss against the decoder's (the paper's lambda) if compared in features",
        above=0,
        search=log(1e-4, 100.0),
    )
    semantics_weight: float = param(
        DEFAULT_WEIGHT, "the same weight if compared in semantics", above=0, search=log(1e-4, 100.0)
    )
    compare_in: str = param(
        "features",
        "features: the decoder maps each class's semantics to a feature vector; semantics: the encoder maps"
        " each feature vector to semantics",
        choices=("features", "semantics"),
    )

    def __post_init__(self) -> None:
        """Refuse a weight that would have no effect."""
        super().__post_init__()
        if self.choose_weight and {self.weight, self.semantics_weight} != {DEFAULT_WEIGHT}:
            raise ParamError(
                "a weight is set, but choose_weight chooses it",
                where="sae",
                fix="add --set choose_weight=false to use your weight",
            )


GRID = tuple(10 ** (exponent / 2) for exponent in range(-8, 5))
"""The weights that the rule tries: 1e-4 to 100, two per decade."""
FEWEST_CLASSES = 4
"""With fewer seen classes, holding some out leaves nothing to compare."""


class Sae:
    """The class whose semantics, or whose decoded feature vector, has the nearest direction."""

    def __init__(self, view: TrainView, params: SaeParams) -> None:
        self.compare_in = params.compare_in
        weight = params.weight if params.compare_in == "features" else params.semantics_weight
        if params.choose_weight:
            weight = choose_weight(view, params.compare_in)
        encoder = Solution(view).encoder(weight)
        self.encoder = layers.uninitialized_linear(*encoder.t().shape, bias=False)
        self.encoder.weight.data = encoder.to(view.features)
        self.modules = nn.ModuleDict({"encoder": self.encoder})

    def stages(self) -> tuple[()]:
        """None: the constructor has solved it."""
        return ()

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` features and ``(C, a)`` semantics to ``(n, C)`` cosines."""
        return cosines(features, semantics, self.encoder.weight, self.compare_in)


class Solution:
    """W for any weight: A W + W B = C of Kodirov et al. 2017, with A = S S^T, B = λ X X^T, C = (1 + λ) S X^T.

    X are the training features, each row of length 1, and S the semantics of the rows. S repeats the
    semantics of a class for each of its rows, so A and C come from the counts and sums of the classes.
    A and B are symmetric: with A = U α U^T and X X^T = V β V^T, entry (i, j) of U^T W V is that of U^T C V
    divided by α_i + λ β_j. So one decomposition serves all weights. All is computed in float64.
    """

    def __init__(self, view: TrainView) -> None:
        semantics = view.semantics.double()
        features = functional.normalize(view.features.double(), dim=1)
        counts = class_counts(view.labels, len(semantics))
        self.alpha, self.U = torch.linalg.eigh(semantics.t() @ (counts[:, None] * semantics))
        self.beta, self.V = torch.linalg.eigh(gram(features))
        products = semantics.t() @ class_sums(features, view.labels, len(semantics))
        self.products = self.U.t() @ products @ self.V

    def encoder(self, weight: float) -> Tensor:
        """Return W for a weight λ > 0: ``(a, d)`` with rows of length 1."""
        # Rounding can make an eigenvalue of 0 negative.
        divisors = self.alpha.clamp(min=0)[:, None] + weight * self.beta.clamp(min=0)
        # Both eigenvalues are 0 only where S X^T is 0 too; there any solution will do.
        quotients = torch.where(divisors > 0, self.products / divisors, 0.0)
        encoder: Tensor = functional.normalize((1 + weight) * (self.U @ quotients @ self.V.t()), dim=1)
        return encoder


def choose_weight(view: TrainView, compare_in: str) -> float:
    """Choose the weight with the best accuracy on every fifth seen class (at least two), held out.

    The reimplementation that the presets come from chooses in the same way, on the validation classes of the
    split. A method sees no split, so this rule holds out classes itself. No test row is used.
    """
    present = torch.unique(view.labels)
    if len(present) < FEWEST_CLASSES:
        return DEFAULT_WEIGHT
    held_out = present[:: min(5, len(present) // 2)]
    is_held_out = torch.isin(view.labels, held_out)
    rest = TrainView(view.features[~is_held_out], view.labels[~is_held_out], view.semantics)
    rows, labels = view.features[is_held_out].double(), view.labels[is_held_out]
    solution, semantics = Solution(rest), view.semantics[held_out].double()

    def accuracy(weight: float) -> float:
        found = held_out[cosines(rows, semantics, solution.encoder(weight), compare_in).argmax(1)]
        by_class = [(found[labels == label] == label).double().mean() for label in held_out]
        return torch.stack(by_class).mean().item()

    return max(GRID, key=accuracy)


def cosines(features: Tensor, semantics: Tensor, encoder: Tensor, compare_in: str) -> Tensor:
    """``(n, d)`` features, ``(C, a)`` semantics and an ``(a, d)`` encoder to ``(n, C)`` cosines."""
    if compare_in == "features":
        semantics = semantics @ encoder
    else:
        features = features @ encoder.t()
    return functional.normalize(features, dim=1) @ functional.normalize(semantics, dim=1).t()


SPEC = MethodSpec(
    name="sae",
    title="SAE",
    paper="Kodirov, Xiang, Gong: Semantic Autoencoder for Zero-Shot Learning, CVPR 2017",
    url="https://arxiv.org/abs/1704.08345",
    params=SaeParams,
    load="gzslbench_methods.sae:Sae",
    plain="gzslbench_methods.sae.plain:PlainSae",
    kind="scoring",
    preprocessing="none",
    version=2,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """SAE."""
    return [SPEC]
