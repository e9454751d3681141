"""Parameters that several methods share. A method overrides those whose default or range differs."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins import HeadSettings, Params, log, param, steps


@dataclass(frozen=True)
class MethodParams(Params):
    """What every method has."""

    form: str = param(
        "fast",
        "fast, or plain: the losses of plain.py, written as in the paper, which differ by rounding",
        choices=("fast", "plain"),
        omit_default=True,
    )


@dataclass(frozen=True)
class HeadParams(MethodParams):
    """How the softmax head of a generative method is fitted."""

    syn_num: int = param(
        300,
        "synthesized features for each unseen class",
        low=1,
        unit="features",
        search=steps(100, 3000, 100),
    )
    classifier_lr: float = param(1e-3, "learning rate of the head", above=0, search=log(1e-4, 1e-2))
    head_epochs: int = param(25, "epochs of the head over all classes", low=1, unit="epochs")
    zsl_epochs: int = param(
        25,
        "epochs of the head for unseen classes only; 0 restricts the other head instead",
        low=0,
        unit="epochs",
    )
    head_batch_size: int = param(
        0, "rows a step of the head; 0 takes syn_num, as published", low=0, unit="rows"
    )

    def head_settings(self) -> HeadSettings:
        """Return the settings of the head."""
        return HeadSettings(
            per_class=self.syn_num,
            batch_size=self.head_batch_size or self.syn_num,
            epochs=self.head_epochs,
            zsl_epochs=self.zsl_epochs,
            lr=self.classifier_lr,
        )


@dataclass(frozen=True)
class GanParams(MethodParams):
    """How a conditional WGAN with gradient penalty is trained."""

    epochs: int = param(30, "epochs of ceil(N / batch_size) generator steps", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    critic_iter: int = param(5, "critic steps before each generator step", low=1, unit="steps")
    lr: float = param(1e-4, "learning rate of critic and generator", above=0, search=log(1e-5, 1e-3))
    beta1: float = param(0.5, "first moment decay of every optimizer", low=0, high=0.999)
    lambda_gp: float = param(10.0, "weight of the gradient penalty", low=0)
    nz: int = param(
        0, "noise the generator takes; 0 takes as much as the semantics are long", low=0, unit="numbers"
    )
    ngh: int = param(4096, "hidden width of the generator", low=1, unit="units")
    ndh: int = param(4096, "hidden width of the critic", low=1, unit="units")
