"""Every trained method against its plain form: one training epoch, and the same with an evaluation.

The plain form trains as the published programs do: batches are gathered on the host at every step,
features are synthesized class by class, and the head embeds its rows again at every step. Networks and
settings are those of the preset for CUB. The dataset has a share of its rows: as many training rows as a few
batches, and the same share of the test rows and of the unseen classes. So training and evaluation are
shortened alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module

import torch

from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.plugins import MethodSpec
from gzslbench.plugins.params import Params, build, fields_of
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.training.trainer import Trainer, build_method
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.products.product import MatrixProducts, floor
from gzslbench_benchmarks.speed.published.evaluation import PublishedEvaluation
from gzslbench_benchmarks.speed.published.training import build_plain, plain_loop, published_training
from gzslbench_benchmarks.speed.shapes import SHAPES, Shape

SEED = 0
CUB = replace(SHAPES["CUB-sent"], name="CUB", semantics=312)
WITH_SENTENCES = ("ce-gzsl", "cycle-clswgan")
"""Methods whose presets for CUB are for sentences; the others take its attributes."""
LOOPS_IN_PYTHON = ("ale", "bias-gzsl", "devise", "e-pgn", "icis", "sje")
"""Left out: their plain forms loop over rows and classes in Python, which no published program does."""
ITERATIONS = 2
"""Of an epoch; a method that takes longer, or only milliseconds, has another number below."""
OTHER_ITERATIONS = {"ce-gzsl": 1, "sdgzsl": 1, "lisgan": 3, "cada-vae": 12, "cnzsl": 12, "dem": 12}
CUDA_ITERATIONS = 60
"""On CUDA an epoch has more iterations, because its steps are captured as graphs in the first ones."""
BATCHES = {"ce-gzsl": 128}
"""Its own batch of 2048 takes 12 GiB and minutes in the plain form."""


def settings(conditions: Conditions) -> Iterator[Setting]:
    """Two settings for each method: an epoch, and an epoch with its evaluation."""
    for name in timed_methods():
        spec = plugins().method(name)
        shape, semantics = (SHAPES["CUB-sent"], "sent") if name in WITH_SENTENCES else (CUB, "att")
        params = small_params(spec, semantics, quick=conditions.quick)
        count = CUDA_ITERATIONS if conditions.on_cuda else OTHER_ITERATIONS.get(name, ITERATIONS)
        rows = count * int(params.as_dict()["batch_size"])
        sized = replace(shape.tiny(), rows=rows) if conditions.quick else cut(shape, rows)
        params = _fewer_seen_rows(params, sized.rows / shape.rows)
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
    """Return whether the module of the plain form of a method on global features has a training loop."""
    if (
        spec.features == "regions" or spec.shared_space
    ):  # the case `regions` times those; or no such data here
        return False
    return bool(spec.plain) and hasattr(import_module(spec.plain.partition(":")[0]), "train")


def small_params(spec: MethodSpec, semantics: str, *, quick: bool) -> Params:
    """Return the preset for CUB with one epoch of each stage, and the batch of ``BATCHES``."""
    values = dict(preset(spec, "CUB", semantics).values)
    given = build(spec.params, values, "the speed programs").as_dict()
    for info in fields_of(spec.params):
        if info.unit == "epochs" and info.name.endswith("epochs") and info.name != "head_epochs":
            values[info.name] = 1
        if quick and info.unit in ("units", "rows", "features") and info.type is int:
            values[info.name] = 8
    if "zsl_epochs" in given:
        values["zsl_epochs"] = 0
    values["batch_size"] = 8 if quick else BATCHES.get(spec.name, given["batch_size"])
    return build(spec.params, values, "the speed programs")


def cut(shape: Shape, rows: int) -> Shape:
    """Return the shape with ``rows`` training rows, and the same share of test rows and unseen classes."""
    share = rows / shape.rows
    fields = {
        name: max(1, round(share * getattr(shape, name))) for name in ("unseen", "test_seen", "test_unseen")
    }
    return replace(shape, rows=rows, **fields)


def _fewer_seen_rows(params: Params, share: float) -> Params:
    """Cut the rows that a head gets of each seen class by ``share``, where a method draws them."""
    values = params.as_dict()
    if "seen_num" in values:
        values["seen_num"] = max(1, round(share * values["seen_num"]))
    return build(type(params), values, "the speed programs")


def _contestants(
    spec: MethodSpec, params: Params, shape: Shape, conditions: Conditions, *, evaluated: bool
) -> Iterator[Contestant]:
    ours = partial(our_program, spec, params, shape, conditions, evaluated=evaluated)
    yield Contestant("ours", ours, keeps_memory=True)
    plain = partial(plain_program, spec, params, shape, conditions, evaluated=evaluated)
    yield Contestant("plain form, published habits", plain, once=not conditions.on_cuda, slow=True)
    if not evaluated:
        for name, with_adam in (("floor: our products", False), ("floor: our products and Adam", True)):
            build = partial(_our_floor, spec, params, shape, conditions, with_adam=with_adam)
            yield Contestant(name, build, slow=True)


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
    method = build_plain(spec, view, params)
    train = published_training(plain_loop(spec), method, view, conditions)
    evaluation = PublishedEvaluation(method, view, shape.eval_view(conditions.device))

    def run() -> None:
        train()
        if evaluated:
            evaluation.evaluate()

    return run


def _our_floor(
    spec: MethodSpec, params: Params, shape: Shape, conditions: Conditions, *, with_adam: bool
) -> Program:
    view = shape.train_view(conditions.device)
    method = build_method(spec, view, params, SEED)
    # Nothing is compiled while the products are listed; a compiled function has none.
    with torch.compiler.set_stance("force_eager"), MatrixProducts() as products:
        for _ in Trainer(method, view, SEED, graphs=False).epochs():
            pass
    return floor(products.found, conditions, products.steps if with_adam else ())
