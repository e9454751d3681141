"""Which checks there are of what, by kind of plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gzslbench.errors import PluginError, did_you_mean
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.executor import ExecutorSpec
from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.registry import plugins
from gzslbench.testing.about import ABOUT
from gzslbench.testing.check import Check, bind
from gzslbench.testing.datasets import DATASET_CHECKS, DatasetCase
from gzslbench.testing.executors import EXECUTOR_CHECKS, ExecutorCase
from gzslbench.testing.extractors import EXTRACTOR_CHECKS, ExtractorCase
from gzslbench.testing.heads import HEAD_CHECKS, HeadCase
from gzslbench.testing.methods import contract, honesty, learning, repeatability, robustness
from gzslbench.testing.methods.case import MethodCase

Spec = MethodSpec | HeadSpec | DatasetSpec | ExtractorSpec | ExecutorSpec


@dataclass(frozen=True)
class Kind:
    """A kind of plugin.

    Attributes:
        spec: The class of its specs.
        offered: Every one on offer, by name.
        checks: The checks of one.
    """

    spec: type[Spec]
    offered: Callable[[], Mapping[str, Spec]]
    checks: Callable[[Any], tuple[Check, ...]]


def method_checks(spec: MethodSpec) -> tuple[Check, ...]:
    """The checks of a method, in the order in which an author mends them."""
    case = MethodCase(spec)
    quick = (
        *ABOUT,
        contract.networks_and_stages_fit,
        contract.losses_reach_what_they_update,
        contract.answers_have_their_shapes,
        contract.each_row_is_judged_by_itself,
        honesty.no_test_row_is_within_reach,
        repeatability.the_same_seed_gives_the_same_record,
        repeatability.another_seed_gives_another_model,
        repeatability.resumed_it_trains_the_same,
        repeatability.saved_and_loaded_it_predicts_the_same,
        repeatability.evaluation_changes_nothing,
        robustness.it_trains_on_a_batch_of_one,
        robustness.it_trains_on_one_seen_class,
        robustness.it_trains_on_more_classes_than_rows_in_a_batch,
        robustness.bfloat16_stays_near,
        robustness.no_step_makes_the_host_wait,
        robustness.cuda_gives_what_steps_give,
    )
    slow = (learning.a_loss_falls, learning.it_comes_far_above_chance)
    return (*(bind(check, case) for check in quick), *(bind(check, case, slow=True) for check in slow))


def head_checks(spec: HeadSpec) -> tuple[Check, ...]:
    """The checks of a head."""
    case = HeadCase(spec)
    return tuple(bind(check, case) for check in (*ABOUT, *HEAD_CHECKS))


def dataset_checks(spec: DatasetSpec) -> tuple[Check, ...]:
    """The checks of a dataset."""
    case = DatasetCase(spec)
    return tuple(bind(check, case) for check in DATASET_CHECKS)


def extractor_checks(spec: ExtractorSpec, model: str = "", weights: str | None = None) -> tuple[Check, ...]:
    """The checks of an extractor, of one model where it takes one, with weights where it has none itself."""
    case = ExtractorCase(spec, model, weights)
    return tuple(bind(check, case) for check in EXTRACTOR_CHECKS)


def executor_checks(spec: ExecutorSpec, address: str | None = None) -> tuple[Check, ...]:
    """The checks of an executor, at the address of a cluster where it is to go to one."""
    case = ExecutorCase(spec, address)
    return tuple(bind(check, case) for check in EXECUTOR_CHECKS)


KINDS: Mapping[str, Kind] = {
    "method": Kind(MethodSpec, lambda: plugins().methods(), method_checks),
    "head": Kind(HeadSpec, lambda: plugins().heads(), head_checks),
    "dataset": Kind(DatasetSpec, lambda: plugins().datasets(), dataset_checks),
    "extractor": Kind(ExtractorSpec, lambda: plugins().extractors(), extractor_checks),
    "executor": Kind(ExecutorSpec, lambda: plugins().executors(), executor_checks),
}
"""Another kind of plugin is another entry."""


def checks_of(plugin: str | Spec, kind: str | None = None, *, fast: bool = False) -> tuple[Check, ...]:
    """The checks of one method, head, dataset, extractor or executor.

    Args:
        plugin: Its name, or its spec.
        kind: One of ``KINDS``, where the name alone is not enough.
        fast: Leave out those that train for long.

    Raises:
        PluginError: Nothing is called so, several kinds are, or there is no such kind.
    """
    if isinstance(plugin, str):
        kind, spec = named(plugin, kind)
    else:
        kind, spec = next(name for name, each in KINDS.items() if isinstance(plugin, each.spec)), plugin
    return tuple(check for check in KINDS[kind].checks(spec) if not (fast and check.slow))


def every_spec(kind: str | None = None) -> list[tuple[str, Spec]]:
    """Everything on offer, or all of one kind, each with its kind.

    Raises:
        PluginError: There is no such kind.
    """
    return [(each, spec) for each in _kinds(kind) for spec in KINDS[each].offered().values()]


def named(name: str, kind: str | None = None) -> tuple[str, Spec]:
    """The kind and the spec of what is called ``name``, in any case where it is a dataset.

    Raises:
        PluginError: As ``checks_of``.
    """
    known = every_spec(kind)
    found = [(each, spec) for each, spec in known if spec.name == name]
    if not found:  # a dataset is known in any case
        found = [
            (each, spec) for each, spec in known if each == "dataset" and spec.name.lower() == name.lower()
        ]
    if not found:
        names = [spec.name for _, spec in known]
        raise PluginError(f"no {kind or ', '.join(KINDS)} {name!r}", fix=did_you_mean(name, names))
    if len(found) > 1:
        kinds = [each for each, _ in found]
        raise PluginError(f"{name!r} is a {' and a '.join(kinds)}", fix=f"add --kind {kinds[0]}")
    return found[0]


def _kinds(kind: str | None) -> list[str]:
    if kind is not None and kind not in KINDS:
        raise PluginError(f"no kind {kind!r}", where="--kind", fix=did_you_mean(kind, list(KINDS)))
    return list(KINDS) if kind is None else [kind]
