from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import cycle
from statistics import fmean

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.errors import DivergedError, PluginError
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.softmax_head import SoftmaxFit
from gzslbench.plugins import ClassNoise, TrainView
from gzslbench.plugins.head import HeadSettings

DIM = 6


@dataclass
class Task:
    """Gaussian classes around their semantics; seen and unseen ones interleave."""

    train: TrainView
    test: EvalView


def make_task(seen: tuple[bool, ...], rows: int = 12, spread: float = 0.3) -> Task:
    random, mask = torch.Generator().manual_seed(5), torch.tensor(seen)
    semantics = torch.randn(len(seen), DIM, generator=random)

    def draw(side: bool) -> tuple[Tensor, Tensor]:
        labels = (mask == side).nonzero().squeeze(1).repeat(rows)
        return semantics[labels] + spread * torch.randn(len(labels), DIM, generator=random), labels

    (features, labels), (seen_features, seen_labels), (unseen_features, unseen_labels) = map(
        draw, (True, True, False)
    )
    rank = torch.cumsum(mask, 0) - 1
    return Task(
        TrainView(features, rank[labels], semantics[mask]),
        EvalView(
            seen_features,
            seen_labels,
            unseen_features,
            unseen_labels,
            semantics,
            mask,
            np.arange(len(seen)),
        ),
    )


class Generative:
    """Knows the answer: synthesizes around the semantics; embeds by doubling."""

    def __init__(self, head: HeadSettings, spread: float = 0.3) -> None:
        self.head = head
        self.spread = spread
        self.modules = nn.ModuleDict({"dropout": nn.Dropout(0.5), "net": nn.Sequential(nn.Linear(2, 2))})
        self.synthesized: list[Tensor] = []
        self.embedded_rows: list[int] = []

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        rows = semantics.repeat_interleave(noise.per_class, dim=0)
        features = rows + self.spread * noise.normal(DIM)
        self.synthesized.extend(features.split(noise.per_class))
        return features

    def embed(self, features: Tensor) -> Tensor:
        self.embedded_rows.append(len(features))
        return 2 * self.modules["dropout"](features)


class Scoring:
    """Scores by distance to the semantics."""

    def __init__(self) -> None:
        self.modules = nn.ModuleDict()

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        return -torch.cdist(features, semantics)


SEEN = (True, False, True, True, False)
HEAD = HeadSettings(per_class=9, batch_size=8, epochs=6, lr=0.02)


@pytest.fixture
def task() -> Task:
    return make_task(SEEN)


@pytest.fixture
def evaluator(task) -> Evaluator:
    return Evaluator(task.train, task.test)


def by_hand(full_batches, task: Task, method: Generative, epoch: int, seed: int) -> list[dict[str, float]]:
    """U, S, H and T1 after each head epoch with torch's own layer, loss and optimizer, and plain loops."""
    seen = task.test.seen.tolist()
    unseen = [k for k in range(len(seen)) if not seen[k]]
    features, labels = [2 * task.train.features], [k for k in range(len(seen)) if seen[k]]
    labels = [labels[i] for i in task.train.labels.tolist()]
    for k in unseen:
        random = generator("cpu", seed, "evaluation", epoch, "synthesis", k)
        noise = torch.randn(method.head.per_class, DIM, generator=random)
        features.append(2 * (task.test.semantics[k] + method.spread * noise))
        labels += [k] * method.head.per_class
    x, y = torch.cat(features), torch.tensor(labels)
    random = generator("cpu", seed, "evaluation", epoch, "head")
    layer = nn.Linear(DIM, len(seen))
    nn.init.zeros_(layer.bias)
    layer.weight.data = torch.empty(len(seen), DIM).normal_(0, 0.02, generator=random)
    adam = torch.optim.Adam(layer.parameters(), lr=method.head.lr, betas=(method.head.beta1, 0.999))
    history = []
    batches = full_batches(len(y), method.head.batch_size, random)
    for _ in range(method.head.epochs):
        for _ in range(0, len(y), method.head.batch_size):
            rows = next(batches)
            adam.zero_grad()
            nn.functional.cross_entropy(layer(x[rows]), y[rows]).backward()
            adam.step()

        def accuracy(test_features, test_labels, candidates):
            hits: dict[int, list[bool]] = {}
            for row, label in zip(layer(2 * test_features), test_labels.tolist(), strict=True):
                best = max(candidates, key=lambda k: row[k].item())
                hits.setdefault(label, []).append(best == label)
            return 100 * fmean(map(fmean, hits.values()))

        everything = range(len(seen))
        U = accuracy(task.test.unseen_features, task.test.unseen_labels, everything)
        S = accuracy(task.test.seen_features, task.test.seen_labels, everything)
        T1 = accuracy(task.test.unseen_features, task.test.unseen_labels, unseen)
        history.append({"U": U, "S": S, "H": 2 * U * S / (U + S) if U + S else 0, "T1": T1})
    return history


def test_it_equals_a_plain_script_at_every_epoch_of_the_head(full_batches):
    task, method = make_task(SEEN, spread=1.0), Generative(HEAD, spread=1.0)
    evaluation = Evaluator(task.train, task.test).evaluate(method, 3, 17)
    oracle = by_hand(full_batches, task, method, 3, 17)
    assert len({numbers["H"] for numbers in oracle}) > 2
    for metrics, numbers in zip(evaluation.trace, oracle, strict=True):
        assert {name: metrics.as_dict()[name] for name in numbers} == pytest.approx(numbers)


def test_a_method_that_knows_the_answer_is_right(evaluator):
    head = replace(HEAD, per_class=60, epochs=30)
    last = evaluator.evaluate(Generative(head), 1, 0).trace[-1]
    assert last.H > 95
    assert last.AUSUC > 90


def test_wrong_semantics_leave_the_unseen_classes_at_chance(task):
    head = replace(HEAD, per_class=60, epochs=30)
    swapped = task.test.semantics.clone()
    swapped[[1, 4]] = swapped[[4, 1]]
    evaluator = Evaluator(task.train, replace(task.test, semantics=swapped))
    assert evaluator.evaluate(Generative(head), 1, 0).trace[-1].U < 10


def test_the_predictions_are_those_of_the_last_entry(evaluator):
    evaluation = evaluator.evaluate(Generative(HEAD), 1, 0)
    assert metrics_of(evaluation.predictions) == evaluation.trace[-1]
    assert len(evaluation.predictions.labels) == 60
    assert len(evaluation.predictions.zsl) == 24


@pytest.mark.parametrize("chunk", [1, 7, 36])
def test_the_chunk_changes_no_prediction(task, evaluator, chunk):
    method, chunked = Generative(HEAD), Generative(HEAD)
    whole = evaluator.evaluate(method, 1, 0)
    parts = Evaluator(task.train, task.test, chunk=chunk).evaluate(chunked, 1, 0)
    assert torch.equal(torch.cat(method.synthesized), torch.cat(chunked.synthesized))
    for name in ("best_seen", "best_unseen", "zsl"):
        assert np.array_equal(getattr(whole.predictions, name), getattr(parts.predictions, name))
    assert whole.predictions.gap == pytest.approx(parts.predictions.gap, abs=1e-4)
    assert max(chunked.embedded_rows) <= max(chunk, HEAD.per_class)


def test_every_row_is_embedded_once_an_evaluation(evaluator):
    method = Generative(HEAD)
    evaluator.evaluate(method, 1, 0)
    assert sum(method.embedded_rows) == 36 + 2 * HEAD.per_class + 60


def test_the_rows_of_a_class_do_not_depend_on_the_other_classes(task, evaluator):
    few, many = Generative(HEAD), Generative(HEAD)
    evaluator.evaluate(many, 1, 0)
    rows = task.test.unseen_labels == 4
    rest = replace(
        task.test,
        seen=torch.tensor([True, True, True, True, False]),
        unseen_features=task.test.unseen_features[rows],
        unseen_labels=task.test.unseen_labels[rows],
    )
    Evaluator(task.train, rest).evaluate(few, 1, 0)
    assert torch.equal(few.synthesized[0], many.synthesized[1])


def test_the_same_epoch_and_seed_give_the_same_evaluation_and_others_another(evaluator):
    method = Generative(HEAD)
    first, again, other_epoch, other_seed = (
        evaluator.evaluate(method, *key).predictions.gap.tolist() for key in ((1, 0), (1, 0), (2, 0), (1, 1))
    )
    assert first == again
    assert first != other_epoch
    assert first != other_seed


def test_evaluating_leaves_the_random_state_and_the_modules_as_they_were(evaluator):
    method = Generative(HEAD)
    method.modules.train()
    method.modules["net"].eval()
    flags = {name: module.training for name, module in method.modules.named_modules()}
    parameters = {name: p.clone() for name, p in method.modules.named_parameters()}
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].tolist()
    evaluator.evaluate(method, 1, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.random.get_state()[1].tolist() == numpy_state
    assert {name: module.training for name, module in method.modules.named_modules()} == flags
    assert torch.is_grad_enabled()
    assert all(p.requires_grad for p in method.modules.parameters())
    assert all(torch.equal(p, parameters[name]) for name, p in method.modules.named_parameters())


def test_dropout_is_off_while_evaluating(evaluator):
    method = Generative(replace(HEAD, per_class=60, epochs=30))
    training = method.modules.train()
    noisy = evaluator.evaluate(method, 1, 0)
    training.eval()
    assert np.array_equal(noisy.predictions.gap, evaluator.evaluate(method, 1, 0).predictions.gap)


def test_the_modules_are_as_before_after_a_failure_too(evaluator):
    method = Generative(HEAD)
    method.modules.train()
    method.embed = lambda features: features / 0 * 0
    with pytest.raises(DivergedError):
        evaluator.evaluate(method, 1, 0)
    assert all(module.training for module in method.modules.modules())
    assert torch.is_grad_enabled()


def test_fewer_head_epochs_are_the_beginning_of_the_trace(evaluator):
    method = Generative(HEAD)
    whole = evaluator.evaluate(method, 1, 0)
    short = evaluator.evaluate(method, 1, 0, head_epochs=2)
    assert short.trace == whole.trace[:2]
    assert metrics_of(short.predictions) == short.trace[1]


def test_without_zsl_epochs_t1_is_that_of_the_head_among_unseen_classes(evaluator):
    predictions = evaluator.evaluate(Generative(HEAD), 1, 0).predictions
    assert np.array_equal(predictions.zsl, predictions.best_unseen[36:])


def test_with_zsl_epochs_t1_comes_from_a_head_fitted_only_on_synthesized_rows(task):
    head = replace(HEAD, zsl_epochs=40)
    evaluation = Evaluator(task.train, task.test).evaluate(Generative(head), 1, 0)
    assert len({metrics.T1 for metrics in evaluation.trace}) == 1
    assert evaluation.trace[-1].T1 > 95
    # Other real rows give other U and S, and leave T1's predictions as they are.
    other = TrainView(task.train.features.flip(0), task.train.labels, task.train.semantics)
    moved = Evaluator(other, task.test).evaluate(Generative(head), 1, 0)
    assert np.array_equal(moved.predictions.zsl, evaluation.predictions.zsl)
    assert moved.trace[-1].S != evaluation.trace[-1].S


def test_the_second_head_changes_nothing_for_the_first(evaluator):
    without = evaluator.evaluate(Generative(HEAD), 1, 0).trace
    with_zsl = evaluator.evaluate(Generative(replace(HEAD, zsl_epochs=3)), 1, 0).trace
    assert [(m.U, m.S, m.AUSUC) for m in with_zsl] == [(m.U, m.S, m.AUSUC) for m in without]


def test_the_head_is_fitted_in_single_precision_inside_any_autocast(evaluator):
    plain = evaluator.evaluate(Generative(HEAD), 1, 0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        lowered = evaluator.evaluate(Generative(HEAD), 1, 0)
    assert np.array_equal(plain.predictions.gap, lowered.predictions.gap)


def test_one_unseen_class_and_a_batch_larger_than_the_data():
    task = make_task((True, True, False))
    head = replace(HEAD, batch_size=10_000, zsl_epochs=2)
    last = Evaluator(task.train, task.test).evaluate(Generative(head), 1, 0).trace[-1]
    assert last.T1 == 100


def test_many_classes():
    task = make_task(tuple(i % 3 > 0 for i in range(300)), rows=1)
    last = Evaluator(task.train, task.test).evaluate(Generative(replace(HEAD, epochs=1)), 1, 0)
    assert len(last.predictions.seen) == 300
    assert last.predictions.seen[last.predictions.best_seen].all()


def test_a_class_without_test_rows_does_not_count(task):
    rows = task.test.unseen_labels != 1
    test = replace(
        task.test,
        unseen_features=task.test.unseen_features[rows],
        unseen_labels=task.test.unseen_labels[rows],
    )
    evaluation = Evaluator(task.train, test).evaluate(Generative(HEAD), 1, 0)
    right = evaluation.predictions.predicted[36:] == 4
    assert pytest.approx(100 * right.mean()) == evaluation.trace[-1].U


def test_a_scoring_method_is_scored_once(task, evaluator):
    evaluation = evaluator.evaluate(Scoring(), 1, 0)
    assert len(evaluation.trace) == 1
    assert evaluation.trace[0].H > 90
    everything = torch.cat([task.test.seen_features, task.test.unseen_features])
    nearest = torch.cdist(everything, task.test.semantics).argmin(dim=1)
    assert evaluation.predictions.predicted.tolist() == nearest.tolist()


def test_scores_that_are_no_numbers_are_a_divergence(evaluator):
    method = Scoring()
    method.scores = lambda features, semantics: torch.full((len(features), len(semantics)), torch.nan)
    with pytest.raises(DivergedError, match="evaluation, epoch 4"):
        evaluator.evaluate(method, 4, 0)


@pytest.mark.parametrize(
    ("method", "call", "broken"),
    [
        (Scoring(), "scores", lambda features, semantics: features[:, :1]),
        (Generative(HEAD), "synthesize", lambda semantics, noise: semantics),
        (Generative(HEAD), "embed", lambda features: features[:1]),
    ],
)
def test_a_result_of_the_wrong_shape_names_the_method_and_the_call(evaluator, method, call, broken):
    setattr(method, call, broken)
    with pytest.raises(PluginError, match=f"{call} returned the shape") as error:
        evaluator.evaluate(method, 1, 0)
    assert error.value.where == type(method).__name__


def test_a_method_that_can_neither_synthesize_nor_score_is_refused(evaluator):
    class Neither:
        modules = nn.ModuleDict()

    with pytest.raises(PluginError, match="neither synthesize nor scores"):
        evaluator.evaluate(Neither(), 1, 0)


class Keeper(Generative):
    """Keeps and spoils what it is handed."""

    def embed(self, features):
        self.kept = features.clone()
        embedded = super().embed(features)
        features.zero_()
        return embedded


def test_a_method_that_spoils_the_rows_it_is_handed_spoils_copies():
    task, method = make_task(SEEN, spread=1.0), Keeper(HEAD, spread=1.0)
    evaluator = Evaluator(task.train, task.test)
    first = evaluator.evaluate(method, 3, 17)
    plain = Evaluator(task.train, task.test).evaluate(Generative(HEAD, spread=1.0), 3, 17)
    assert first.trace == plain.trace == evaluator.evaluate(method, 3, 17).trace


def test_seen_and_unseen_test_rows_come_mixed():
    task, method = make_task(SEEN, spread=1.0), Keeper(HEAD, spread=1.0)
    Evaluator(task.train, task.test).evaluate(method, 3, 17)
    in_order = torch.cat([task.test.seen_features, task.test.unseen_features])
    assert not torch.equal(method.kept, in_order)
    assert sorted(map(tuple, method.kept.tolist())) == sorted(map(tuple, in_order.tolist()))


class Adapting(Generative):
    """Learns while it is tested."""

    def embed(self, features):
        self.modules["norm"].running_mean.add_(features.mean(0))
        return super().embed(features)


class WithState(nn.Linear):
    """A module with a state of another type than a tensor, as quantized ones have."""

    def get_extra_state(self):
        return {"scale": 2}

    def set_extra_state(self, state):
        assert state == {"scale": 2}


def test_a_module_may_have_a_state_of_another_type_than_a_tensor():
    task, method = make_task(SEEN, spread=1.0), Generative(HEAD, spread=1.0)
    plain = Evaluator(task.train, task.test).evaluate(method, 3, 17)
    method.modules["more"] = WithState(2, 2)
    assert Evaluator(task.train, task.test).evaluate(method, 3, 17).trace == plain.trace


def test_a_method_that_changes_its_networks_while_tested_is_refused():
    task, method = make_task(SEEN, spread=1.0), Adapting(HEAD, spread=1.0)
    method.modules["norm"] = nn.BatchNorm1d(DIM)
    with pytest.raises(PluginError, match="changed its networks"):
        Evaluator(task.train, task.test).evaluate(method, 1, 0)


@pytest.mark.parametrize(("setting", "given"), [("inductive", False), ("transductive", True)])
def test_a_head_gets_test_rows_only_where_it_is_transductive_and_in_no_telling_order(task, setting, given):
    fitted_rows = []

    class Watching(SoftmaxFit):
        def fit(self, rows, *arguments):
            fitted_rows.append(rows)
            return super().fit(rows, *arguments)

    evaluator = Evaluator(task.train, task.test, head=Watching(), head_setting=setting)
    evaluator.evaluate(Generative(replace(HEAD, zsl_epochs=1)), 1, 0)
    zsl, whole = fitted_rows
    assert zsl.unlabelled is None
    assert (whole.unlabelled is not None) == given
    test = 2 * task.test.features
    assert not any((row == whole.features).all(1).any() for row in test)
    if given:
        found = {tuple(row) for row in whole.unlabelled.tolist()}
        assert found == {tuple(row) for row in test.tolist()}
        assert not torch.equal(whole.unlabelled, test)


class ConstantHead:
    """Scores rows by their numbers; ``spoils`` changes what it is given."""

    def __init__(self, classes, spoils):
        self.classes, self.spoils = classes, spoils

    def scores(self, features):
        scores = features[:, :1].sin() * torch.arange(1.0, self.classes + 1)
        if self.spoils:
            features.zero_()
        return scores


class Spoiling(SoftmaxFit):
    """A head that writes into all that it is given, if ``spoils``."""

    def __init__(self, spoils):
        self.spoils = spoils

    def fit(self, rows, settings, epochs, generator, graphs):
        for _ in range(epochs):
            classes = len(rows.seen)
            if self.spoils:
                rows.seen[:] = True
                rows.seen[1] = False
                rows.semantics.fill_(torch.nan)
                rows.features.zero_()
            yield ConstantHead(classes, self.spoils)


def test_a_head_without_settings_is_named(task):
    with pytest.raises(PluginError, match="the head has no settings and no fit"):
        Evaluator(task.train, task.test, head=ConstantHead(3, False)).evaluate(Generative(HEAD), 1, 0)


@pytest.mark.parametrize("zsl_epochs", [0, 2])
def test_a_head_that_writes_into_what_it_is_given_changes_no_metric(task, zsl_epochs):
    def evaluations(spoils):
        evaluator = Evaluator(task.train, task.test, head=Spoiling(spoils))
        method = Generative(replace(HEAD, zsl_epochs=zsl_epochs))
        return [evaluator.evaluate(method, 1, 0).trace for _ in range(2)]

    seen, semantics = task.test.seen.clone(), task.test.semantics.clone()
    assert evaluations(spoils=True) == evaluations(spoils=False)
    assert torch.equal(task.test.seen, seen) and torch.equal(task.test.semantics, semantics)


def test_the_head_for_unseen_classes_leaves_the_rows_of_the_other_head_alone(task):
    given = []

    class Scaling(SoftmaxFit):
        def fit(self, rows, *arguments):
            given.append(rows.features.clone())
            rows.features.zero_()
            return super().fit(rows, *arguments)

    Evaluator(task.train, task.test, head=Scaling()).evaluate(Generative(replace(HEAD, zsl_epochs=1)), 1, 0)
    zsl, whole = given
    assert torch.equal(whole[-len(zsl) :], zsl) and zsl.any()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (None, "the settings of the head are None"),
        ({"epochs": -1}, "epochs=-1"),
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": "x"}, "epochs='x'"),
        ({"per_class": 0}, "per_class=0"),
        ({"per_class": 2.5}, "per_class=2.5"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"seen_per_class": -1}, "seen_per_class=-1"),
        ({"zsl_epochs": -1}, "zsl_epochs=-1"),
        ({"lr": float("inf")}, "lr=inf"),
        ({"space": "weird"}, "space='weird'"),
    ],
)
def test_settings_of_a_head_that_cannot_be_are_refused_with_its_name(task, changes, complaint):
    class Unsettled(SoftmaxFit):
        def settings(self, of_method):
            return None if changes is None else replace(of_method, **changes)

    evaluator = Evaluator(task.train, task.test, head=Unsettled())
    with pytest.raises(PluginError, match=complaint) as caught:
        evaluator.evaluate(Generative(HEAD), 1, 0)
    assert caught.value.where == "Unsettled"


@pytest.mark.parametrize("zsl_epochs", [0, 2])
@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda fitted: None, "0 heads for . epochs, then NoneType"),
        (lambda fitted: [1], "0 heads for . epochs, then list"),
        (lambda fitted: iter([5]), "0 heads for . epochs, then int"),
        (lambda fitted: iter([next(fitted)]), "1 heads for . epochs, then NoneType"),
        (lambda fitted: cycle([next(fitted)]), "(6|2) heads for (6|2) epochs, then SoftmaxHead"),
    ],
)
def test_a_head_that_yields_something_else_or_another_number_is_refused(task, answer, complaint, zsl_epochs):
    class Other(SoftmaxFit):
        def fit(self, *arguments):
            return answer(super().fit(*arguments))

    evaluator = Evaluator(task.train, task.test, head=Other())
    with pytest.raises(PluginError, match=f"fit yielded {complaint}") as caught:
        evaluator.evaluate(Generative(replace(HEAD, zsl_epochs=zsl_epochs)), 1, 0)
    assert caught.value.where == "Other"
