"""cycle-CLSWGAN (Felix et al., ECCV 2018): f-CLSWGAN whose fakes must lead back to their semantics."""

from __future__ import annotations

from torch import Tensor, nn

from gzslbench.plugins import Adam, Batch, Phase, Stage, TrainView
from gzslbench_methods.cycle_clswgan import CycleClswganParams
from gzslbench_methods.f_clswgan.method import FClswgan
from gzslbench_methods.layers import to_float32


def cycle_loss(regressor: nn.Module, features: Tensor, semantics: Tensor) -> Tensor:
    """Mean squared length of a - R(x) (Felix et al. 2018).

    Args:
        regressor: R, ``(B, d)`` features to ``(B, a)`` semantics.
        features: ``(B, d)``, real to train the regressor, synthesized to train the generator.
        semantics: ``(B, a)`` of each row's class.
    """
    return (semantics - to_float32(regressor(features))).square().sum(1).mean()


class CycleClswgan(FClswgan):
    """f-CLSWGAN with a regressor to the semantics, trained before the game and then frozen."""

    params: CycleClswganParams

    def __init__(self, view: TrainView, params: CycleClswganParams) -> None:
        super().__init__(view, params)
        self.regressor = nn.Linear(view.features.shape[1], view.semantics.shape[1])
        nn.init.xavier_uniform_(self.regressor.weight)
        nn.init.zeros_(self.regressor.bias)
        self.modules["regressor"] = self.regressor

    def stages(self) -> tuple[Stage, ...]:
        """Classifier and regressor, then the game with both frozen."""
        params = self.params
        return self.classifier_stage(), self._regressor_stage(), self.game_stage(params.critic_lr)

    def regressor_loss(self, batch: Batch) -> dict[str, Tensor]:
        """The cycle loss of the real features."""
        return {"regressor": cycle_loss(self.regressor, batch.features, self.semantics[batch.labels])}

    def generator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """f-CLSWGAN's terms, and the way back from the synthesized features to their semantics."""
        fake = self.fakes(batch)
        cycle = cycle_loss(self.regressor, fake, self.semantics[batch.labels])
        return {**self.fooling_terms(fake, batch), "cycle": self.params.cycle_weight * cycle}

    def _regressor_stage(self) -> Stage:
        params = self.params
        adam = Adam(params.regressor_lr, weight_decay=params.regressor_decay)
        phase = Phase("regressor", self.regressor_loss, updates=("regressor",), optimizer=adam)
        return Stage("regressor", params.regressor_epochs, params.batch_size, (phase,), sampling="pass")
