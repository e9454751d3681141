import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from gzslbench.errors import PluginError
from gzslbench.plugins import Batch
from gzslbench.plugins.method import Adam, Phase, Sgd, TorchOptimizer
from gzslbench.training.optimization import PhaseOptimizer, factor_of, no_moments

FACTORS = (1.0, 0.99, 0.3)


def networks():
    torch.manual_seed(2)
    return nn.ModuleDict({"kept": nn.Linear(3, 2), "other": nn.Linear(3, 2), "idle": nn.Linear(3, 2)})


def make(modules, keep=("kept",), lr=1e-4 / 3, kept_for="epoch"):
    def loss(batch):
        return {name: (modules[name](batch.features) ** 2).mean() for name in ("kept", "other")}

    updates = ("kept", "other", "idle")
    phase = Phase("phase", loss, updates, Adam(lr), keep_gradients=keep, kept_for=kept_for)
    return PhaseOptimizer(phase, modules)


def batches(count):
    numbers = torch.Generator().manual_seed(4)
    return [
        Batch(torch.rand(5, 3, generator=numbers), torch.zeros(5, dtype=torch.int64), numbers)
        for _ in range(count)
    ]


def values(modules):
    return torch.cat([p.detach().flatten() for p in modules.parameters()])


def test_steps_are_those_of_torch_adam_at_the_rate_of_the_epoch_to_the_bit():
    ours, plain = networks(), networks()
    optimizer = make(ours, keep=())
    adam = torch.optim.Adam(plain.parameters(), lr=1.0, betas=Adam(1.0).betas, fused=True)
    for factor in FACTORS:
        optimizer.start_epoch(factor)
        adam.param_groups[0]["lr"] = 1e-4 / 3 * factor
        for batch in batches(4):
            optimizer.step(batch)
            adam.zero_grad()
            sum((plain[name](batch.features) ** 2).mean() for name in ("kept", "other")).backward()
            adam.step()
    assert torch.equal(values(ours), values(plain))


def test_the_rate_is_always_the_same_tensor():
    optimizer = make(networks())
    rate = optimizer.rules[0]._torch.param_groups[0]["lr"]
    optimizer.start_epoch(0.5)
    optimizer.step(batches(1)[0])
    state = copy.deepcopy(optimizer.state_dict())
    optimizer.start_epoch(0.25)
    optimizer.load_state_dict(state)
    assert optimizer.rules[0]._torch.param_groups[0]["lr"] is rate
    assert rate.item() == 1e-4 / 3 * 0.5


def test_a_state_has_plain_numbers_and_continues_elsewhere():
    modules = networks()
    optimizer = make(modules)
    optimizer.start_epoch(0.3)
    for batch in batches(2):
        optimizer.step(batch)
    state = copy.deepcopy(optimizer.state_dict())
    assert type(state["rules"][0]["rate"]) is float
    other = copy.deepcopy(modules)
    resumed = make(other)
    resumed.load_state_dict(state)
    for batch in batches(3):
        optimizer.step(batch)
        resumed.step(batch)
    assert torch.equal(values(modules), values(other))


@pytest.mark.parametrize("holding", [False, True])
def test_kept_gradients_add_up_within_an_epoch_and_others_do_not(holding):
    modules = networks()
    optimizer = make(modules, lr=1e-12)
    first, second = batches(2)
    optimizer.start_epoch(1.0)
    optimizer.step(first)
    if holding:
        optimizer.fix_gradients()
    for _ in range(2):
        optimizer.start_epoch(1.0)
        optimizer.step(first)
        optimizer.step(second)
    expected = copy.deepcopy(modules)
    expected.zero_grad()
    for batch in (first, second):
        expected["other"].zero_grad()
        sum((expected[name](batch.features) ** 2).mean() for name in ("kept", "other")).backward()
    for name in ("kept", "other"):
        torch.testing.assert_close(modules[name].weight.grad, expected[name].weight.grad)


@pytest.mark.parametrize("holding", [False, True])
def test_gradients_kept_for_a_stage_add_up_over_its_epochs_and_go_at_its_start(holding):
    modules = networks()
    optimizer, steps = make(modules, lr=1e-12, kept_for="stage"), batches(3)
    optimizer.step(batches(4)[-1])
    optimizer.start_epoch(1.0, first=True)
    for epoch, batch in enumerate(steps):
        if epoch:
            optimizer.start_epoch(1.0)
        optimizer.step(batch)
        if holding:
            optimizer.fix_gradients()
    expected = copy.deepcopy(modules)
    expected.zero_grad()
    for batch in steps:
        (expected["kept"](batch.features) ** 2).mean().backward()
    torch.testing.assert_close(modules["kept"].weight.grad, expected["kept"].weight.grad)


def test_a_fixed_gradient_keeps_its_memory_and_a_missing_one_stays_missing():
    modules = networks()
    optimizer = make(modules, keep=("kept", "idle"))
    optimizer.start_epoch(1.0)
    optimizer.step(batches(1)[0])
    optimizer.start_epoch(1.0)
    assert modules["kept"].weight.grad is None
    optimizer.fix_gradients()
    gradient = modules["kept"].weight.grad
    assert torch.equal(gradient, torch.zeros(2, 3)) and modules["other"].weight.grad is None
    for batch in batches(2):
        optimizer.step(batch)
    optimizer.start_epoch(1.0)
    assert modules["kept"].weight.grad is gradient and not gradient.any()
    assert modules["idle"].weight.grad is None


def loss_of(modules, names=("kept", "other")):
    return lambda batch: {name: (modules[name](batch.features) ** 2).mean() for name in names}


def plain_steps(modules, optimizers, count, names=("kept", "other")):
    for batch in batches(count):
        modules.zero_grad()
        sum((modules[name](batch.features) ** 2).mean() for name in names).backward()
        for optimizer in optimizers:
            optimizer.step()


@pytest.mark.parametrize(
    ("settings", "optimizer"),
    [
        (Sgd(0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
        (Sgd(0.1, 0.9, 0.01), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)),
        (Adam(0.1, amsgrad=True), lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True)),
    ],
)
def test_other_optimizers_are_torchs_own(settings, optimizer):
    ours, plain = networks(), networks()
    step = PhaseOptimizer(Phase("phase", loss_of(ours), ("kept", "other"), settings), ours)
    for batch in batches(5):
        step.step(batch)
    plain_steps(plain, [optimizer([*plain["kept"].parameters(), *plain["other"].parameters()])], 5)
    torch.testing.assert_close(values(ours), values(plain))


def test_each_module_may_have_an_optimizer_of_its_own():
    ours, plain = networks(), networks()
    each = {"kept": Adam(0.1, (0.5, 0.999)), "other": Sgd(0.2)}
    step = PhaseOptimizer(Phase("phase", loss_of(ours), ("kept", "other"), each), ours)
    for batch in batches(4):
        step.step(batch)
    adam = torch.optim.Adam(plain["kept"].parameters(), lr=0.1, betas=(0.5, 0.999))
    plain_steps(plain, [adam, torch.optim.SGD(plain["other"].parameters(), lr=0.2)], 4)
    torch.testing.assert_close(values(ours), values(plain))


def test_a_module_without_an_optimizer_is_refused_by_name():
    modules = networks()
    with pytest.raises(PluginError, match="'other', for which it has no optimizer"):
        PhaseOptimizer(Phase("phase", loss_of(modules), ("kept", "other"), {"kept": Adam(0.1)}), modules)


def two_phases(modules):
    """Two phases of one stage that both update ``kept``."""
    moments = no_moments()
    each = {"kept": Adam(0.1), "other": Sgd(0.2, momentum=0.9)}
    return [
        PhaseOptimizer(Phase("both", loss_of(modules), ("kept", "other"), each), modules, moments=moments),
        PhaseOptimizer(
            Phase("one", loss_of(modules, ["kept"]), ("kept",), Adam(0.1)), modules, moments=moments
        ),
    ]


def test_a_module_has_the_same_moments_in_all_phases_of_a_stage():
    ours, plain = networks(), networks()
    phases = two_phases(ours)
    adam = torch.optim.Adam(plain["kept"].parameters(), lr=0.1)
    sgd = torch.optim.SGD(plain["other"].parameters(), lr=0.2, momentum=0.9)
    for batch in batches(3):
        for phase in phases:
            phase.step(batch)
    for batch in batches(3):
        for names, optimizers in ((("kept", "other"), (adam, sgd)), (("kept",), (adam,))):
            plain.zero_grad()
            sum((plain[name](batch.features) ** 2).mean() for name in names).backward()
            for optimizer in optimizers:
                optimizer.step()
    torch.testing.assert_close(values(ours), values(plain))


def test_shared_moments_survive_saving_and_loading():
    modules = networks()
    phases = two_phases(modules)
    for batch in batches(2):
        for phase in phases:
            phase.step(batch)
    states = copy.deepcopy([phase.state_dict() for phase in phases])
    other = copy.deepcopy(modules)
    resumed = two_phases(other)
    for phase, state in zip(resumed, states, strict=True):
        phase.load_state_dict(state)
    for batch in batches(3):
        for phase in (*phases, *resumed):
            phase.step(batch)
    assert torch.equal(values(modules), values(other))


def make_phase(modules, **settings):
    def loss(batch):
        return {name: (modules[name](batch.features) ** 2).mean() for name in ("kept", "other")}

    return PhaseOptimizer(Phase("phase", loss, ("kept", "other"), **settings), modules)


@pytest.mark.parametrize(
    ("name", "options"),
    [("AdamW", {"weight_decay": 0.1}), ("RMSprop", {"momentum": 0.5}), ("Adagrad", {}), ("NAdam", {})],
)
def test_any_optimizer_of_torch_takes_its_own_steps(name, options):
    ours, plain = networks(), networks()
    optimizer = make_phase(ours, optimizer=TorchOptimizer(name, 0.01, options))
    optimizer.start_epoch(0.5)
    trained = [p for key in ("kept", "other") for p in plain[key].parameters()]
    oracle = getattr(torch.optim, name)(trained, lr=0.005, **options)
    for batch in batches(4):
        optimizer.step(batch)
        oracle.zero_grad()
        sum((plain[key](batch.features) ** 2).mean() for key in ("kept", "other")).backward()
        oracle.step()
    torch.testing.assert_close(values(ours), values(plain))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (TorchOptimizer("Adamant", 0.1), "no optimizer 'Adamant'"),
        (TorchOptimizer("LBFGS", 0.1), "torch.optim.LBFGS computes the loss several times"),
        (TorchOptimizer("SGD", 0.1, {"speed": 3}), "torch.optim.SGD cannot be made"),
        (Adam(0.1, betas=(2.0, 0.9)), "torch.optim.Adam cannot be made"),
    ],
)
def test_an_optimizer_that_torch_does_not_have_is_an_error(settings, message):
    with pytest.raises(PluginError, match=message):
        make_phase(networks(), optimizer=settings)


def test_gradients_are_clipped_to_the_norm_over_all_updated_modules():
    ours, plain = networks(), networks()
    optimizer = make_phase(ours, optimizer=Sgd(1.0), clip_norm=0.05)
    (batch,) = batches(1)
    optimizer.step(batch)
    sum((plain[key](batch.features) ** 2).mean() for key in ("kept", "other")).backward()
    gradients = torch.cat([p.grad.flatten() for key in ("kept", "other") for p in plain[key].parameters()])
    assert gradients.norm() > 0.05
    moved = torch.cat(
        [(p - q).detach().flatten() for key in ("kept", "other")
         for p, q in zip(plain[key].parameters(), ours[key].parameters(), strict=True)]
    )  # fmt: skip
    torch.testing.assert_close(moved, gradients * (0.05 / gradients.norm()), rtol=1e-4, atol=1e-7)


def test_a_small_gradient_is_not_clipped():
    ours, plain = networks(), networks()
    optimizers = [make_phase(m, optimizer=Sgd(1.0), clip_norm=c) for m, c in ((ours, 1e6), (plain, None))]
    (batch,) = batches(1)
    for optimizer in optimizers:
        optimizer.step(batch)
    torch.testing.assert_close(values(ours), values(plain))


def test_a_step_schedule_multiplies_the_rate_of_the_epoch_and_counts_all_steps():
    ours, plain = networks(), networks()
    optimizer = make_phase(ours, optimizer=Sgd(0.1), step_schedule=lambda step: 1 / (1 + step))
    for step, batch in enumerate(batches(6)):
        if step % 3 == 0:
            optimizer.start_epoch(0.5 ** (step // 3))
        optimizer.prepare_step()
        optimizer.step(batch)
        rate = 0.1 * 0.5 ** (step // 3) / (1 + step)
        loss = sum((plain[key](batch.features) ** 2).mean() for key in ("kept", "other"))
        trained = [p for key in ("kept", "other") for p in plain[key].parameters()]
        for parameter, gradient in zip(trained, torch.autograd.grad(loss, trained), strict=True):
            parameter.data -= rate * gradient
    torch.testing.assert_close(values(ours), values(plain))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (None, "no terms"),
        ({}, "no terms"),
        ([torch.tensor(1.0)], "list"),
        ({"all": None}, "NoneType for 'all', not a tensor of one number"),
        ({"all": torch.ones(3, requires_grad=True)}, "Tensor for 'all', not a tensor of one number"),
        ({"all": torch.tensor(1.0)}, "terms that depend on no parameter"),
        (torch.zeros(3, 3), "Tensor"),
        ({"all": torch.tensor(1j, requires_grad=True)}, "a complex number"),
        ({5: torch.tensor(1.0, requires_grad=True)}, "a term called 5"),
        ({"\ud800": torch.tensor(1.0, requires_grad=True)}, r"a term called '\\ud800'"),
        ({"one\ntwo": torch.tensor(1.0, requires_grad=True)}, r"a term called 'one\\ntwo'"),
    ],
)
def test_a_loss_that_answers_otherwise_is_refused_with_its_phase(answer, complaint):
    phase = Phase("fit", lambda _batch: answer, ("net",), Adam(0.1))
    optimizer = PhaseOptimizer(phase, nn.ModuleDict({"net": nn.Linear(2, 2)}))
    with pytest.raises(PluginError, match=complaint) as caught:
        optimizer.step(Batch(torch.ones(4, 2), torch.zeros(4, dtype=torch.int64), torch.Generator()))
    assert caught.value.where == "phase 'fit'"


def test_terms_of_one_number_may_have_any_shape():
    network = nn.Linear(2, 2)

    def loss(batch):
        value = network(batch.features).square().mean()
        return {"plain": value, "vector": value.reshape(1), "matrix": value.reshape(1, 1)}

    optimizer = PhaseOptimizer(Phase("fit", loss, ("net",), Adam(0.1)), nn.ModuleDict({"net": network}))
    terms = optimizer.step(Batch(torch.ones(4, 2), torch.zeros(4, dtype=torch.int64), torch.Generator()))
    assert {value.shape for value in terms.values()} == {torch.Size()}
    assert len({value.item() for value in terms.values()}) == 1


@pytest.mark.parametrize("factor", [None, "half", math.nan, math.inf, -1, torch.ones(2)])
def test_a_schedule_that_answers_no_number_from_0_is_refused(factor):
    phase = Phase("fit", None, ("net",), Adam(0.1))
    with pytest.raises(PluginError, match=r"the schedule returned .* at 3") as caught:
        factor_of(lambda _epoch: factor, 3, phase)
    assert caught.value.where == "phase 'fit'"


@pytest.mark.parametrize("factor", [0, 0.5, np.float32(0.5), torch.tensor(0.5)])
def test_a_schedule_may_answer_any_kind_of_number(factor):
    phase = Phase("fit", None, ("net",), Adam(0.1))
    assert factor_of(lambda _epoch: factor, 3, phase) in (0, 0.5)
