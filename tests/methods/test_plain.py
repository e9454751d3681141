"""Every trained method, by the trainer and by the loop of its plain.py: the same weights at the end.

Both get the same first weights, batches and noise, in float64, over at least 20 iterations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest
import torch

from gzslbench.computing.seeds import generator
from gzslbench.plugins import Batch, ClassTransductiveView, HeldOut, Stage, TrainView
from gzslbench.plugins.params import build
from gzslbench.plugins.registry import plugins
from gzslbench.training.batch import Sampler
from gzslbench.training.trainer import Trainer, build_method

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, SEED = 13, 6, 4, 5, 3
REGIONS, VECTORS, UNSEEN = 3, 4, 2


@dataclass(frozen=True)
class Case:
    """A method and the settings with which both forms are trained."""

    method: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        changed = [
            f"{name}={value}" for name, value in self.settings.items() if isinstance(value, (str, bool))
        ]
        return " ".join([self.method, *changed])


GAN = {"epochs": 7, "batch_size": 5, "critic_iter": 2, "lr": 0.01, "nz": 2, "ngh": 8, "ndh": 7}
CLASSIFIER = {"pretrain_epochs": 4, "pretrain_lr": 0.05, "pretrain_batch_size": 4}
VARIANTS, NORMALIZATIONS = ("reference", "clean"), ("l2", "standardize", "none")
SHORT = {"epochs": 7, "batch_size": 5, "lr": 0.01}
CADA_VAE = {
    **SHORT,
    **{"latent": 3, "features_encoder": 8, "features_decoder": 9, "semantics_encoder": 7},
    **{"semantics_decoder": 6, "kl_start": 0, "kl_end": 5, "cross_start": 2, "cross_end": 6},
    **{"align_start": 1, "align_end": 3},
}
SDGZSL = {
    **SHORT,
    **{"weight_decay": 0.05, "latent": 2, "hidden": 8, "code": 5, "s_dim": 3, "ga": 2.0},
    **{"kl_warmup": 0.1, "tc_warmup": 0.03, "beta": 0.7},
}
CNZSL = {**SHORT, "hidden": 7, "weight_decay": 0.1, "lr_decay_epoch": 2, "lr_decay_rate": 0.3, "scale": 2.0}
DAZLE = {**SHORT, "weight_decay": 0.05, "calibration": 0.4, "margin": 0.7}
MSDN = {
    **SHORT,
    **{"weight_decay": 0.05, "calibration": 0.4, "margin": 0.7, "distillation": 0.3, "first_share": 0.6},
}
TRANSZERO = {
    **SHORT,
    **{"weight_decay": 0.05, "width": 7, "hidden": 8, "dropout": 0.2, "margin": 0.7},
    **{"calibration": 0.4, "regression": 0.5},
}
APN = {
    **SHORT,
    **{"beta1": 0.6, "regression": 0.5, "groups": 0.2, "local_class": 0.7, "local_regression": 0.6},
    **{"local_groups": 0.3, "compactness": 0.02},
}
BILINEAR = {**SHORT, "lr": 0.05, "margin": 0.3}
CE_GZSL = {
    **GAN,
    # Some gradients of the comparator are only rounding, which Adam scales up by lr / eps.
    "lr": 0.002,
    "lr_decay_epoch": 2,
    "lr_decay_rate": 0.5,
    "ins_weight": 0.3,
    "cls_weight": 0.7,
    "ins_temp": 0.4,
    "cls_temp": 0.6,
    "embed_size": 6,
    "outz_size": 5,
    "nhF": 4,
}
LISGAN = {**GAN, **CLASSIFIER, "cls_weight": 0.6, "sample_weight": 0.7, "mean_weight": 0.3, "mean_of": 3}
CYCLE = {
    **GAN,
    **CLASSIFIER,
    "critic_lr": 0.02,
    "cls_weight": 0.6,
    "cycle_weight": 0.4,
    "regressor_epochs": 3,
    "regressor_lr": 0.03,
    "regressor_decay": 0.2,
}
VAEGAN = {**GAN, "gamma_d": 3.0, "gamma_g": 2.0, "lambda_gp": 0.3}
TF_VAEGAN = {**VAEGAN, "epochs": 4, "recons_weight": 0.7, "a1": 0.6, "feed_lr": 0.02, "dec_lr": 0.03}
FREE = {
    **VAEGAN,
    "epochs": 4,
    "recons_weight": 0.7,
    "center_weight": 0.6,
    "center_margin": 1.5,
    "incenter_weight": 0.4,
    "dec_lr": 0.03,
}
E_PGN = {
    **{"epochs": 5, "episodes": 4, "inner_loop": 3, "held_out_classes": 2, "batch_size": 5},
    **{"refine_rows": 6, "lr": 0.01, "refine_factor": 0.5, "hidden": 8, "critic_hidden": 7},
    **{"dropout": 0.3, "critic_dropout": 0.4},
}
CASES = [
    Case("f-clswgan", {**GAN, **CLASSIFIER, "cls_weight": 0.6}),
    Case("ce-gzsl", {**CE_GZSL, "variant": "reference"}),
    Case("ce-gzsl", {**CE_GZSL, "variant": "clean"}),
    # Batches without two rows of a class, noise as long as the semantics.
    Case("ce-gzsl", {**CE_GZSL, "variant": "reference", "batch_size": 2, "nz": 0, "lr_decay_epoch": 1}),
    Case("ce-gzsl", {**CE_GZSL, "variant": "clean", "batch_size": 2, "nz": 0, "lr_decay_epoch": 1}),
    Case("lisgan", {**LISGAN, "clusters": 2}),
    Case("lisgan", {**LISGAN, "clusters": 4}),  # three of the classes have fewer rows
    Case("cycle-clswgan", CYCLE),
    Case("cycle-clswgan", {**CYCLE, "cls_weight": 0.0, "regressor_decay": 0.0}),  # the paper's cycle-WGAN
    *(Case("cada-vae", {**CADA_VAE, "variant": variant}) for variant in VARIANTS),
    *(Case("sdgzsl", {**SDGZSL, "variant": variant}) for variant in VARIANTS),
    Case("dazle", {**DAZLE, "momentum": 0.5}),
    Case("dazle", {**DAZLE, "unit_vectors": True, "balanced": True}),
    Case("dazle", {**DAZLE, "train_vectors": False, "calibration": 0.0}),
    *(Case("msdn", {**MSDN, "variant": variant}) for variant in VARIANTS),
    Case("msdn", {**MSDN, "unit_vectors": True, "balanced": True, "nonnegative": True, "momentum": 0.0}),
    *(Case("transzero", {**TRANSZERO, "variant": variant}) for variant in VARIANTS),
    Case("transzero", {**TRANSZERO, "optimizer": "sgd", "momentum": 0.5, "dropout": 0.0, "balanced": True}),
    Case("transzero", {**TRANSZERO, "geometry": False, "self_attention": False, "unit_vectors": True}),
    *(Case("apn", {**APN, "variant": variant}) for variant in VARIANTS),
    Case("apn", {**APN, "pooling": "mean"}),
    *(Case("cnzsl", {**CNZSL, "normalization": name}) for name in ("variance", "deviation", "none")),
    *(Case("dem", {**SHORT, "hidden": 7, "weight_decay": 0.3, "variant": variant}) for variant in VARIANTS),
    *(Case("ale", {**BILINEAR, "normalization": name}) for name in NORMALIZATIONS),
    *(Case("devise", {**BILINEAR, "normalization": name, "terms": "all"}) for name in NORMALIZATIONS),
    Case("devise", {**BILINEAR, "terms": "first"}),
    *(Case("sje", {**BILINEAR, "normalization": name, "search": "plain"}) for name in NORMALIZATIONS),
    Case("sje", {**BILINEAR, "search": "scaled"}),
    *(
        Case("f-vaegan-d2", {**VAEGAN, "encoded_noise": encoded, "adapt_penalty": adapt})
        for encoded in (True, False)
        for adapt in (True, False)
    ),
    Case("tf-vaegan", {**TF_VAEGAN, "encoded_noise": True}),
    Case("tf-vaegan", {**TF_VAEGAN, "encoded_noise": True, "freeze_dec": True, "adapt_penalty": False}),
    *(
        Case("tf-vaegan", {**TF_VAEGAN, "encoded_noise": False, "variant": variant, "freeze_dec": freeze_dec})
        for variant in VARIANTS
        for freeze_dec in (True, False)
    ),
    *(
        Case("free", {**FREE, "variant": variant, "other_center": center, **settings})
        for variant in VARIANTS
        for center in ("random", "nearest")
        for settings in (
            {"encoded_noise": True, "freeze_dec": False},
            {"encoded_noise": True, "freeze_dec": True, "adapt_penalty": False},
            {"encoded_noise": False, "freeze_dec": True, "frozen_step": True},
        )
    ),
]
ICIS = {
    **{"classifier_epochs": 2, "classifier_batch_size": 4, "epochs": 8},
    **{"batch_size": 3, "lr": 0.01, "hidden": 8},
}
CASES += [
    *(Case("icis", {**ICIS, "include_unseen": unseen}) for unseen in (True, False)),
    *(
        Case("e-pgn", {**E_PGN, "variant": variant, "refine_over": over, "activation": activation})
        for variant in VARIANTS
        for over, activation in (("classes", "tanh"), ("rows", "relu"))
    ),
    *(Case("bias-gzsl", {**SHORT, "hidden": 4, "temperature": 0.5, "variant": name}) for name in VARIANTS),
    *(
        Case("genzsl", {**SHORT, "epochs": 4, "passes": 2, "hidden": 8, "latent": 3, "remove_common": remove})
        for remove in (True, False)
    ),
]
CLOSED_FORMS = [
    *(
        Case("eszsl", {"alpha": alpha, "gamma": gamma, "targets": targets})
        for targets in ("binary", "signed")
        for alpha, gamma in ((-1.0, 1.0), (2.0, -0.5))
    ),
    *(
        Case("sae", {"compare_in": space, **weights})
        for space in ("features", "semantics")
        for weights in ({"choose_weight": True}, {"weight": 0.7, "semantics_weight": 3.0})
    ),
]


@pytest.fixture
def view(float64: None, case: Case) -> TrainView:
    """What the method of the case sees: global features or regions, unseen semantics only if it may."""
    torch.manual_seed(0)
    spec = plugins().method(case.method)
    labels = torch.arange(ROWS) % CLASSES
    shape = (ROWS, REGIONS, FEATURES) if spec.features == "regions" else (ROWS, FEATURES)
    width = FEATURES if spec.shared_space else SEMANTICS
    common = {"features": torch.rand(shape), "labels": labels, "semantics": torch.rand(CLASSES, width)}
    if spec.attributes:
        common["attribute_vectors"] = torch.randn(SEMANTICS, VECTORS)
    if spec.setting == "inductive":
        return TrainView(**common)
    return ClassTransductiveView(**common, unseen_semantics=torch.rand(UNSEEN, SEMANTICS))


def build_form(case: Case, form: str, view: TrainView) -> Any:
    """The method in one of its forms, with first weights large enough that every path matters."""
    spec = plugins().method(case.method)
    params = build(spec.params, {**case.settings, "form": form}, "a test")
    method = build_method(spec, view, params, SEED)
    torch.manual_seed(1)
    for parameter in method.modules.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.5)
    return method


class Streams:
    """The batches that the trainer draws in each stage."""

    def __init__(self, method: Any, view: TrainView) -> None:
        self.stages = {stage.name: stage for stage in method.stages()}
        self.view = view

    def __call__(self, name: str) -> Iterator[Batch]:
        stage = self.stages[name]
        rows, noise = (generator("cpu", SEED, kind, name) for kind in ("sampling", "noise"))
        sampler = Sampler(self.view, stage.batch_size, stage.sampling, rows=rows, noise=noise)
        while True:
            if isinstance(stage.sampling, HeldOut):
                yield from self.epoch(stage, sampler)
            else:
                yield sampler.batch()

    def epoch(self, stage: Stage, sampler: Sampler) -> Iterator[Batch]:
        """The batches of an epoch that holds out classes."""
        sampler.start_epoch(0)
        for loop, iterations in enumerate(stage.iterations):
            for _ in range(iterations):
                for phase in stage.phases:
                    if phase.loop == loop and phase.fresh_batch:
                        yield sampler.batch(phase.held_out)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_trainer_and_the_plain_loop_end_with_the_same_weights(case: Case, view: TrainView) -> None:
    fast, plain = build_form(case, "fast", view), build_form(case, "plain", view)
    before = {name: value.clone() for name, value in fast.modules.state_dict().items()}
    stage = fast.stages()[-1]
    assert stage.epochs * stage.loops * math.ceil(ROWS / stage.batch_size) >= 20
    for _ in Trainer(fast, view, SEED).epochs():
        pass
    import_module(type(plain).__module__).train(plain, view, Streams(plain, view))
    expected = plain.modules.state_dict()
    assert expected.keys() == before.keys()
    for name, value in fast.modules.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-9, atol=1e-9, msg=lambda m: f"{name}: {m}")  # noqa: B023
    trained = {name for name, value in before.items() if not torch.equal(value, expected[name])}
    adapts = getattr(fast.params, "adapt_penalty", False)
    assert ("penalty.value" in trained) == adapts
    assert {name.split(".")[0] for name in trained} - {"penalty"} == {
        name for each in fast.stages() for phase in each.phases for name in phase.updates
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_loss_and_its_gradient_are_those_of_the_plain_form(case: Case, view: TrainView) -> None:
    fast, plain = build_form(case, "fast", view), build_form(case, "plain", view)
    phases = [[phase for stage in method.stages() for phase in stage.phases] for method in (fast, plain)]
    for ours, theirs in zip(*phases, strict=True):
        results = []
        for method, phase in ((fast, ours), (plain, theirs)):
            for name, module in method.modules.items():
                module.requires_grad_(name in phase.updates)
            noise = torch.Generator().manual_seed(9)
            batch = Batch(view.features[:5], view.labels[:5], noise, torch.tensor(2.0))
            terms = dict(phase.loss(batch))
            parameters = [p for name in phase.updates for p in method.modules[name].parameters()]
            total = torch.stack(list(terms.values())).sum()
            gradients = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
            results.append((terms, gradients, noise.get_state()))
        (terms, gradients, state), (plain_terms, plain_gradients, plain_state) = results
        torch.testing.assert_close(terms, plain_terms, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(gradients, plain_gradients, rtol=1e-9, atol=1e-12)
        assert torch.equal(state, plain_state)  # both draw the same random numbers


@pytest.mark.parametrize("case", CLOSED_FORMS, ids=str)
def test_a_closed_form_scores_as_its_formula(case: Case, float64: None) -> None:
    torch.manual_seed(4)  # the choice of a weight depends on which classes are held out
    labels, semantics, unseen = torch.arange(60) % 12, torch.randn(12, SEMANTICS), torch.randn(3, SEMANTICS)
    features = semantics[labels] @ torch.randn(SEMANTICS, FEATURES) + 1.5 * torch.randn(60, FEATURES)
    view, spec = TrainView(features, labels, semantics), plugins().method(case.method)
    fast, plain = (
        build_method(spec, view, build(spec.params, {**case.settings, "form": form}, "a test"), SEED)
        for form in ("fast", "plain")
    )
    assert type(plain).__module__.endswith(".plain") and not plain.stages()
    scores = plain.scores(features, torch.cat([semantics, unseen]))
    torch.testing.assert_close(
        fast.scores(features, torch.cat([semantics, unseen])), scores, rtol=1e-9, atol=1e-9
    )
