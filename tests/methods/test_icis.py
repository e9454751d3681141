"""ICIS: its four terms against numpy, what it may see, and which weights score which class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gzslbench.plugins import Batch, ClassTransductiveView
from gzslbench.training.trainer import Trainer
from gzslbench_methods.icis import IcisParams
from gzslbench_methods.icis.method import Icis, cosine_distance

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, UNSEEN, SEMANTICS = 9, 6, 4, 3, 5


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    return ClassTransductiveView(
        torch.rand(ROWS, FEATURES),
        torch.arange(ROWS) % CLASSES,
        torch.rand(CLASSES, SEMANTICS),
        unseen_semantics=torch.rand(UNSEEN, SEMANTICS),
    )


def make(view, **settings):
    torch.manual_seed(1)
    method = Icis(view, IcisParams(hidden=7, **settings))
    for parameter in method.modules.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.5)
    return method


def layer(x, linear):
    return x @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()


def distance(one, other):
    return 1 - one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


def test_unseen_classes_count_only_where_their_semantics_are_rebuilt(view):
    method = make(view)
    chosen = [1, 5, 3, 6, 0]  # three seen classes and two unseen ones
    semantics = torch.cat([view.semantics, view.unseen_semantics]).numpy()
    known = np.concatenate(
        [method.classifier.weight.detach().numpy(), method.classifier.bias.detach().numpy()[:, None]], axis=1
    )
    terms = {
        name: [] for name in ("semantics", "semantics_from_weights", "weights", "weights_from_semantics")
    }
    nets = method.modules
    for number in chosen:
        a = semantics[number]
        code = np.maximum(layer(a, nets["encode_semantics"]), 0)
        terms["semantics"].append(distance(layer(code, nets["decode_semantics"]), a))
        if number < CLASSES:
            w = known[number]
            other = np.maximum(layer(w, nets["encode_weights"]), 0)
            terms["semantics_from_weights"].append(distance(layer(other, nets["decode_semantics"]), a))
            terms["weights"].append(distance(layer(other, nets["decode_weights"]), w))
            terms["weights_from_semantics"].append(distance(layer(code, nets["decode_weights"]), w))
    found = {name: value.item() for name, value in method.terms_of(torch.tensor(chosen)).items()}
    assert found == pytest.approx({name: np.mean(values) for name, values in terms.items()})


def test_a_batch_of_unseen_classes_has_only_the_first_term(view):
    found = make(view).terms_of(torch.tensor([4, 5, 6]))
    assert found["semantics"] > 0
    assert [value.item() for name, value in found.items() if name != "semantics"] == [0, 0, 0]


def test_the_distance_is_one_minus_the_cosine():
    torch.manual_seed(2)
    one, other = torch.randn(5, 4), torch.randn(5, 4)
    expected = [distance(a, b) for a, b in zip(one.numpy(), other.numpy(), strict=True)]
    assert cosine_distance(one, other).tolist() == pytest.approx(expected)


def test_a_step_takes_random_classes_and_no_row(view):
    method = make(view, batch_size=3)
    chosen = []
    method.terms_of = lambda classes: chosen.append(classes.tolist()) or {}
    noise = torch.Generator().manual_seed(0)
    for _ in range(200):
        method.injection_loss(Batch(torch.full((1, FEATURES), torch.nan), torch.zeros(1), noise))
    assert all(len(set(classes)) == 3 for classes in chosen)
    counts = np.bincount(np.concatenate(chosen), minlength=CLASSES + UNSEEN)
    assert (counts > 600 / 7 / 2).all() and len(counts) == CLASSES + UNSEEN


def test_without_the_unseen_semantics_only_seen_classes_are_drawn(view):
    method = make(view, include_unseen=False, batch_size=50)
    chosen = []
    method.terms_of = lambda classes: chosen.append(classes.tolist()) or {}
    method.injection_loss(Batch(view.features, view.labels, torch.Generator()))
    assert sorted(chosen[0]) == list(range(CLASSES))


def test_after_the_classifier_no_row_changes_anything(view):
    """Image-free: other rows, with the same classifier, give the same networks to the bit."""

    def injected(rows):
        method = make(view, epochs=3, batch_size=2)
        _, injection = method.stages()
        method.stages = lambda: (injection,)
        list(Trainer(method, replace(view, features=rows), 0).epochs())
        return method.modules.state_dict()

    one, other = injected(view.features), injected(torch.rand(ROWS, FEATURES) + 5)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_networks_leave_the_classifier_as_it_is(view):
    method = make(view, classifier_epochs=2, epochs=3, batch_size=2)
    before = None
    for end in Trainer(method, view, 0).epochs():
        if end.stage == "classifier" and end.epoch == end.epochs:
            before = method.classifier.weight.detach().clone()
    assert torch.equal(method.classifier.weight, before)


@pytest.mark.parametrize("length", ["predicted", "seen"])
def test_seen_classes_keep_their_weights_and_unseen_ones_get_predicted_weights(view, length):
    method = make(view, length=length)
    known = torch.cat([method.classifier.weight, method.classifier.bias[:, None]], dim=1)
    code = torch.relu(method.modules["encode_semantics"](view.unseen_semantics))
    predicted = method.modules["decode_weights"](code)
    if length == "seen":
        predicted = torch.stack([w / w.norm() * known.norm(dim=1).mean() for w in predicted])
    weights = torch.cat([predicted, known])
    expected = torch.stack([weights[:, :-1] @ x + weights[:, -1] for x in view.features])
    scores = method.scores(view.features, torch.cat([view.unseen_semantics, view.semantics]))
    torch.testing.assert_close(scores, expected)


def test_an_epoch_has_as_many_steps_as_a_pass_over_the_classes(view):
    _, injection = make(view, batch_size=3).stages()
    assert injection.iterations == (3,)
    _, seen_only = make(view, batch_size=3, include_unseen=False).stages()
    assert seen_only.iterations == (2,)
