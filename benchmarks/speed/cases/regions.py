"""Every method on regions: an epoch that reads its batches from a file, and what it could not do without.

The regions are 7 x 7 vectors of a ResNet-101 in float16, with the classes and attributes of CUB, for a few
batches. The plain form holds all regions as float32 in memory, as the published programs do. The floor reads
the same number of rows from the same file, and then does the same matrix products.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gzslbench.data.region_rows import RegionReader
from gzslbench.data.views import as_region_rows
from gzslbench.plugins import ClassTransductiveView, MethodSpec
from gzslbench.plugins.params import Params
from gzslbench.plugins.registry import plugins
from gzslbench.training.batch import rows_per_batch
from gzslbench.training.trainer import Trainer, build_method
from gzslbench_benchmarks.speed.cases.methods import SEED, small_params
from gzslbench_benchmarks.speed.conditions import Conditions, Program
from gzslbench_benchmarks.speed.contest import Contestant, Setting
from gzslbench_benchmarks.speed.products.product import MatrixProducts, floor
from gzslbench_benchmarks.speed.published.training import build_plain, plain_loop, published_training

BATCHES = 6


@dataclass(frozen=True)
class RegionShape:
    """Sizes of region features; ``words`` is the length of an attribute's vector."""

    rows: int
    places: int = 49
    features: int = 2048
    attributes: int = 312
    words: int = 300
    seen: int = 150
    unseen: int = 50

    def write(self, path: Path) -> None:
        """Write random regions in float16."""
        random = torch.Generator().manual_seed(0)
        regions = torch.rand(self.rows, self.places, self.features, generator=random)
        regions.half().numpy().tofile(path)

    def view(self, path: Path, device: torch.device, *, in_memory: bool = False) -> ClassTransductiveView:
        """Return a view of the file, or of all its regions in memory."""
        shape = (self.rows, self.places, self.features)
        mapped = np.memmap(path, np.float16, "r", shape=shape)
        regions = np.array(mapped, dtype=np.float32) if in_memory else mapped
        features = RegionReader(regions, "l2", device).rows(np.arange(self.rows))
        random = torch.Generator().manual_seed(1)

        def draw(*sizes: int) -> Tensor:
            return torch.rand(sizes, generator=random).to(device)

        return ClassTransductiveView(
            features,  # type: ignore[arg-type]  # the type of a view says Tensor for rows of a file, too
            (torch.arange(self.rows) % self.seen).to(device),
            draw(self.seen, self.attributes),
            attribute_vectors=draw(self.attributes, self.words),
            unseen_semantics=draw(self.unseen, self.attributes),
        )


def settings(conditions: Conditions) -> Iterator[Setting]:
    """One setting for each method on regions."""
    for spec in plugins().methods().values():
        if spec.features != "regions":
            continue
        params = small_params(spec, "att", quick=conditions.quick)
        rows = BATCHES * int(params.as_dict()["batch_size"])
        tiny = {"places": 4, "features": 8, "attributes": 6, "words": 5, "seen": 4, "unseen": 2}
        shape = RegionShape(rows, **(tiny if conditions.quick else {}))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "regions"
            shape.write(path)
            given = (spec, params, shape, path, conditions)
            yield Setting(
                f"{spec.name}: an epoch on regions",
                [
                    Contestant("ours, from a file", partial(_ours, *given), keeps_memory=True),
                    Contestant("plain form, all in memory", partial(_plain, *given), slow=True),
                    Contestant("floor: reading and our products", partial(_floor, *given)),
                ],
            )


def _ours(
    spec: MethodSpec, params: Params, shape: RegionShape, path: Path, conditions: Conditions
) -> Program:
    view = shape.view(path, conditions.device)
    method = build_method(spec, view, params, SEED)

    def run() -> None:
        for end in Trainer(method, view, SEED, conditions.precision).epochs():
            end.losses  # noqa: B018  a run reads them

    return conditions.at_precision(run)


def _plain(
    spec: MethodSpec, params: Params, shape: RegionShape, path: Path, conditions: Conditions
) -> Program:
    view = shape.view(path, conditions.device, in_memory=True)
    method = build_plain(spec, view, params)
    return published_training(plain_loop(spec), method, view, conditions)


def _floor(
    spec: MethodSpec, params: Params, shape: RegionShape, path: Path, conditions: Conditions
) -> Program:
    view = shape.view(path, conditions.device)
    method = build_method(spec, view, params, SEED)
    with torch.compiler.set_stance("force_eager"), MatrixProducts() as products:
        for _ in Trainer(method, view, SEED, graphs=False).epochs():
            pass
    compute, regions = floor(products.found, conditions), as_region_rows(view.features)
    (stage,) = method.stages()
    size = rows_per_batch(view, stage.batch_size, stage.sampling)

    def run() -> None:
        if regions is not None:
            for start in range(0, len(regions) - size + 1, size):
                regions[start : start + size]
        compute()

    return run
