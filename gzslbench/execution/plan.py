"""From what a user asks for to the cell that will run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gzslbench.errors import ParamError
from gzslbench.execution.cell import Cell
from gzslbench.head import SOFTMAX, HeadSpec
from gzslbench.method import MethodSpec
from gzslbench.params import Params, build, parse_assignments
from gzslbench.plugins import plugins
from gzslbench.presets import Preset, preset
from gzslbench.results.record import SELECTIONS
from gzslbench.setting import Setting

if TYPE_CHECKING:
    from gzslbench.data.dataset import Dataset

DEFAULT_SEED = 0


@dataclass(frozen=True)
class Request:
    """What ``gzslbench run`` takes; the same names as its options."""

    method: str
    dataset: str
    features: str | None = None
    semantics: str | None = None
    data: Path | None = None
    seeds: tuple[int, ...] = ()
    settings: tuple[str, ...] = ()
    head: str | None = None
    head_settings: tuple[str, ...] = ()
    epochs: int | None = None
    eval_every: int = 0
    select: str = "last"
    preprocessing: str | None = None
    device: str = "auto"
    precision: str = "fp32"
    deterministic: bool = False
    shuffle_semantics: int | None = None


@dataclass(frozen=True)
class HeadPlan:
    """A head with its parameters."""

    spec: HeadSpec
    params: Params
    preset: Preset


@dataclass(frozen=True)
class Plan:
    """Cells that share a method and a dataset, one a seed, with what they need to run.

    ``head`` is the one asked for in place of the softmax head, None without one; ``device`` is the one
    named by the user or found, for example ``cuda:1``.
    """

    spec: MethodSpec
    params: Params
    preset: Preset
    dataset: Dataset
    cells: Sequence[Cell]
    device: str
    head: HeadPlan | None = None

    @property
    def head_setting(self) -> Setting:
        """What the head sees while it is fitted."""
        return "inductive" if self.head is None else self.head.spec.setting


def make_plan(request: Request) -> Plan:
    """Resolve names, presets, settings and device; nothing is trained or written.

    Raises:
        GzslBenchError: Whatever cannot be resolved.
    """
    from gzslbench.computing.device import check_precision, resolve_device
    from gzslbench.data.load import load_dataset
    from gzslbench.data.shuffled import shuffle_semantics
    from gzslbench.data.validation import validation_dataset

    spec = plugins().method(request.method)
    device = resolve_device(request.device)
    check_precision(request.precision, device)
    if request.select not in SELECTIONS:
        raise ParamError(
            f"no selection rule {request.select!r}", where="--select", fix=f"choose one of {SELECTIONS}"
        )
    assignments = parse_assignments(spec.params, _with_epochs(request))
    dataset = load_dataset(request.dataset, request.features, request.semantics, request.data)
    chosen = preset(spec, dataset.name, dataset.semantics_name)
    head = _head(request, spec, dataset)
    if request.shuffle_semantics is not None:
        dataset = shuffle_semantics(dataset, request.shuffle_semantics)
    params = build(spec.params, {**chosen.values, **assignments}, f"{spec.name} on {dataset.name}")
    preprocessing = request.preprocessing or spec.preprocessing
    cell = Cell(
        method=spec.name,
        method_version=spec.version,
        dataset=dataset.name,
        task=dataset.task_id,
        preprocessing=preprocessing,
        params=params.as_dict(),
        seed=0,
        **_head_fields(spec, head),
        select=request.select,
        validation=validation_dataset(dataset).split.fingerprint if request.select == "val" else None,
        eval_every=request.eval_every,
        device=device.type,
        precision=request.precision,
        deterministic=request.deterministic,
    )
    seeds = request.seeds or (DEFAULT_SEED,)
    cells = [replace(cell, seed=seed) for seed in seeds]
    return Plan(spec, params, chosen, dataset, cells, str(device), head)


def _with_epochs(request: Request) -> tuple[str, ...]:
    if request.epochs is None:
        return request.settings
    return (*request.settings, f"epochs={request.epochs}")


def _head(request: Request, spec: MethodSpec, dataset: Dataset) -> HeadPlan | None:
    name = request.head
    if name in (None, SOFTMAX):
        if request.head_settings:
            raise ParamError(
                "the softmax head has no parameters of its own",
                where="--head-set",
                fix="set the method's with --set, or name another head with --head",
            )
        if name is None or spec.kind == "generative":
            return None
    if spec.kind != "generative":
        raise ParamError(
            f"{spec.name} scores the classes itself and takes no head",
            where="--head",
            fix="leave out --head, or choose a generative method (see `gzslbench methods`)",
        )
    head = plugins().head(str(name))
    chosen = preset(head, dataset.name, dataset.semantics_name)
    assignments = parse_assignments(head.params, request.head_settings, "--head-set")
    return HeadPlan(
        head,
        build(head.params, {**chosen.values, **assignments}, f"head {name} on {dataset.name}"),
        chosen,
    )


def _head_fields(spec: MethodSpec, head: HeadPlan | None) -> dict[str, Any]:
    """What the cell says of the head."""
    if head is None:
        return {"head": SOFTMAX if spec.kind == "generative" else None}
    return {"head": head.spec.name, "head_version": head.spec.version, "head_params": head.params.as_dict()}
