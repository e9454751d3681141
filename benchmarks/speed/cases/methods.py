"""Every trained method against its plain form: one training epoch, and the same with an evaluation.

The plain form trains as the published programs do: batches are gathered on the host at every step,
features are synthesized class by class, and the head embeds its rows again at every step. Shapes and settings
are those of the preset for one dataset of the paper; the number of rows, synthesized features and head epochs
is cut, so that every contestant takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.plugins import Batch, ClassNoise, MethodSpec, TrainView
from gzslbench.plugins.params import Params, build, fields_of
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.training.trainer import Trainer, build_method
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.products.product import MatrixProducts, floor
from gzslbench_benchmarks.speed.published.batches import RandomBatches, ShuffledBatches
from gzslbench_benchmarks.speed.published.evaluation import PublishedHead
from gzslbench_benchmarks.speed.shapes import SHAPES, Shape

SEED = 0
CUB = replace(SHAPES["CUB-sent"], name="CUB", semantics=312)
WITH_SENTENCES = ("ce-gzsl", "cycle-clswgan")
"""Methods whose presets for CUB are for sentences; the others take its attributes."""
LOOPS_IN_PYTHON = ("ale", "devise", "sje")
"""Left out: their plain forms loop over rows and classes in Python, which no published program does."""
ITERATIONS, SYN_NUM, HEAD_EPOCHS = 6, 50, 2


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Two settings for each method: an epoch, and an epoch with its evaluation."""
    for name in timed_methods():
        spec = plugins().method(name)
        shape, semantics = (SHAPES["CUB-sent"], "sent") if name in WITH_SENTENCES else (CUB, "att")
        params = small_params(spec, "CUB", semantics, quick=conditions.quick)
        rows = ITERATIONS * int(params.as_dict()["batch_size"])
        sized = replace(shape.tiny() if conditions.quick else shape, rows=rows)
        yield Setting(f"{name}: an epoch", [*_contestants(spec, params, sized, conditions, evaluated=False)])
        yield Setting(
            f"{name}: an epoch and its evaluation",
            [*_contestants(spec, params, sized, conditions, evaluated=True)],
        )


def timed_methods() -> list[str]:
    """List the methods that are trained in epochs, except those of ``LOOPS_IN_PYTHON``."""
    trained = (spec.name for spec in plugins().methods().values() if _is_trained(spec))
    return [name for name in trained if name not in LOOPS_IN_PYTHON]


def _is_trained(spec: MethodSpec) -> bool:
    """Return whether the module of the plain form has a training loop; a closed form has none."""
    return bool(spec.plain) and hasattr(import_module(spec.plain.partition(":")[0]), "train")


def small_params(spec: MethodSpec, dataset: str, semantics: str, *, quick: bool) -> Params:
    """Return the preset with one epoch of each stage, few synthesized features, and a short head."""
    values = dict(preset(spec, dataset, semantics).values)
    known = {info.name: info for info in fields_of(spec.params)}
    for name, info in known.items():
        if info.unit == "epochs" and name.endswith("epochs"):
            values[name] = 1
        if quick and info.unit in ("units", "rows") and info.type is int and name != "head_batch_size":
            values[name] = 8
    cut = {"syn_num": 5 if quick else SYN_NUM, "head_epochs": HEAD_EPOCHS, "zsl_epochs": 0}
    return build(
        spec.params, {**values, **{k: v for k, v in cut.items() if k in known}}, "the speed programs"
    )


def _contestants(
    spec: MethodSpec, params: Params, shape: Shape, conditions: Conditions, *, evaluated: bool
) -> Iterator[Contestant]:
    ours = partial(our_program, spec, params, shape, conditions, evaluated=evaluated)
    yield Contestant("ours", ours, keeps_memory=True)
    plain = partial(plain_program, spec, params, shape, conditions, evaluated=evaluated)
    yield Contestant("plain form, published habits", plain, slow=True)
    if not evaluated:
        yield Contestant(
            "floor: our products", partial(_our_floor, spec, params, shape, conditions), slow=True
        )


def our_program(
    spec: MethodSpec, params: Params, shape: Shape, conditions: Conditions, *, evaluated: bool
) -> Program:
    """One epoch of every stage by the trainer, and an evaluation."""
    view = shape.train_view(conditions.device)
    method = build_method(spec, view, params, SEED)
    evaluator = Evaluator(view, shape.eval_view(conditions.device))

    def run() -> None:
        for end in Trainer(method, view, SEED, conditions.precision).epochs():
            end.losses  # noqa: B018  a run reads them
        if evaluated:
            evaluator.evaluate(method, 1, SEED)

    return conditions.at_precision(run)


def plain_program(
    spec: MethodSpec, params: Params, shape: Shape, conditions: Conditions, *, evaluated: bool
) -> Program:
    """The same by the plain form, with the habits of the published programs."""
    view = shape.train_view(conditions.device)
    plain = build(spec.params, {**params.as_dict(), "form": "plain"}, "the speed programs")
    method = build_method(spec, view, plain, SEED)
    train: Callable[..., None] = import_module(type(method).__module__).train
    sizes = {stage.name: stage.batch_size for stage in method.stages()}
    noise = torch.Generator(conditions.device).manual_seed(SEED)

    def batches(stage: str) -> Iterator[Batch]:
        drawn = RandomBatches(view, min(sizes[stage], len(view.labels)))
        while True:
            features, labels, _ = drawn.draw()
            yield Batch(features, labels, noise, torch.zeros((), device=conditions.device))

    def run() -> None:
        train(method, view, batches)
        if evaluated:
            evaluate_as_published(method, shape, view, conditions)

    return conditions.at_precision(run)


def evaluate_as_published(method: Any, shape: Shape, view: TrainView, conditions: Conditions) -> None:
    """Synthesize by class, fit a head that embeds its rows at every step, test after each of its epochs."""
    test, device = shape.eval_view(conditions.device), conditions.device
    method.modules.eval()
    with torch.no_grad():
        if hasattr(method, "scores"):
            for rows in (test.seen_features, test.unseen_features):
                method.scores(rows, test.semantics).argmax(1).cpu()
            return
        count, parts = method.head.per_class, []
        for label in range(shape.classes, shape.candidates):
            random = torch.Generator(device).manual_seed(label)
            semantics = test.semantics[label : label + 1]
            parts.append(method.synthesize(semantics, ClassNoise([random], count)).cpu())
        # The published programs too embed the rows of such a head only once.
        embedded_once = method.head.space == "embedding"
        real = method.embed(view.features).cpu() if embedded_once else view.features.cpu()
    labels = torch.arange(shape.classes, shape.candidates).repeat_interleave(count)
    batches = ShuffledBatches(torch.cat([real, *parts]), torch.cat([view.labels.cpu(), labels]))

    def embed(features: Tensor) -> tuple[Tensor]:
        return (features if embedded_once else method.embed(features),)

    seen, unseen = test.seen_features.cpu(), test.unseen_features.cpu()
    if embedded_once:
        with torch.no_grad():
            seen, unseen = (method.embed(rows.to(device)).cpu() for rows in (seen, unseen))
    width = embed(real[:2].to(device))[0].shape[1]
    head = PublishedHead(embed, width, shape.candidates, device)
    size = min(method.head.batch_size, len(batches.labels))
    for _ in range(method.head.epochs):
        for _ in range(0, len(batches.labels), size):
            head.step(*batches.next(size))
        head.accuracy(seen, test.seen_labels.cpu(), range(shape.classes), size)
        head.accuracy(unseen, test.unseen_labels.cpu(), range(shape.classes, shape.candidates), size)


def _our_floor(spec: MethodSpec, params: Params, shape: Shape, conditions: Conditions) -> Program:
    view = shape.train_view(conditions.device)
    method = build_method(spec, view, params, SEED)
    with MatrixProducts() as products:
        for _ in Trainer(method, view, SEED, graphs=False).epochs():
            pass
    return floor(products.found, conditions)
