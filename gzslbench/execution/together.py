"""Running the cells of a plan, which differ by their seed alone, as one program."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import torch

from gzslbench.computing.memory import memory_of_a_run
from gzslbench.data.dataset import Dataset
from gzslbench.data.views import EvalView, TrainView, make_views
from gzslbench.errors import DeviceError, InterruptedRunError
from gzslbench.execution.leg import MakeViews
from gzslbench.execution.log import Logged
from gzslbench.execution.plan import Plan
from gzslbench.execution.progress import Progress, Silent
from gzslbench.execution.run import Options, legs_of, prepare
from gzslbench.execution.seed_run import SeedRun
from gzslbench.method import Setting
from gzslbench.results.record import Record
from gzslbench.results.store import RunFolder, Store
from gzslbench.training.interruption import Interruption, catch_interruption
from gzslbench.training.together import SeedGroup


def run_together(
    plan: Plan,
    store: Store,
    options: Options | None = None,
    progress: Mapping[str, Progress] | None = None,
) -> list[tuple[Record, RunFolder]]:
    """The records of the plan's cells, in its order; those that the store lacks are trained as one program.

    Every seed has the draws it has alone, to the bit, and the gradients it has alone, up to the rounding of
    batched matrix products. One that ends before the others, or diverges, leaves them.

    Args:
        plan: Of one cell or more.
        store: Where the records are kept; each is written as soon as its run has ended.
        options: How to run; without ``profile``.
        progress: By cell id, who watches.

    Raises:
        InterruptedRunError: The user stopped them; they can be resumed, together or not.
        KeyboardInterrupt: The user stopped them when nothing was left to stop; the records are written.
        PluginError: The method cannot train several seeds together.
        DeviceError: Memory ran out.
        StoreError: The store cannot be written, another process runs one of the cells, or an interrupted
            run is in the way.
    """
    options, watchers = options or Options(), progress or {}
    store.make()
    folders = {cell.id: store.run(cell.id) for cell in plan.cells}
    with ExitStack() as locks:
        records = _finished(folders, options, locks)
        missing = {cell.id: cell for cell in plan.cells if cell.id not in records}
        for name in missing:
            prepare(folders[name], options)
        with catch_interruption() as stop, _memory_of_the_runs():
            views, seeds = _shared_views(), []
            for name, cell in missing.items():
                watcher = Logged(watchers.get(name) or Silent(), folders[name].log_file)
                legs = legs_of(plan, cell, folders[name], options, watcher, stop, len(missing), views)
                seeds.append(SeedRun(folders[name], legs))
            _train(seeds, stop)
        records |= {name: seed.record for name, seed in zip(missing, seeds, strict=True) if seed.record}
    if stop.requested:
        raise KeyboardInterrupt
    return [(records[cell.id], folders[cell.id]) for cell in plan.cells]


def _finished(folders: Mapping[str, RunFolder], options: Options, locks: ExitStack) -> dict[str, Record]:
    """The records there are; the folders of the others are locked."""
    records = {}
    for name, folder in folders.items():
        with ExitStack() as lock:
            lock.enter_context(folder.lock())
            record = None if options.rerun else folder.record()
            if record is None:
                locks.push(lock.pop_all())
            else:
                records[name] = record
    return records


def _train(seeds: Sequence[SeedRun], stop: Interruption) -> None:
    """Train those that are behind, all of the same stage as one, until none has anything left.

    Raises:
        InterruptedRunError: Asked to stop; whoever was under way is saved.
    """
    for seed in seeds:
        seed.settle()
    while positions := [seed.position for seed in seeds if seed.position is not None]:
        members = [seed for seed in seeds if seed.position == min(positions)]
        if not _train_stage(members, stop):
            _interrupt(seeds)
            return
        for seed in members:
            seed.settle()


def _train_stage(members: Sequence[SeedRun], stop: Interruption) -> bool:
    """Train them as one until a member is through the stage; False if asked to stop before."""
    position = members[0].position
    legs = [seed.leg for seed in members if seed.leg is not None]
    group = SeedGroup([leg.trainer for leg in legs])

    def on_iteration() -> None:
        for leg in legs:
            leg.leg.progress.iteration()

    try:
        while all(seed.position == position for seed in members):
            clock = time.perf_counter()
            done = group.train(stop, on_iteration)
            share = (time.perf_counter() - clock) / len(legs)
            for leg in legs:
                leg.seconds.train += share
            if not done:
                return False
            for seed in members:
                seed.end_epoch()
        return True
    finally:
        group.release()


def _interrupt(seeds: Sequence[SeedRun]) -> None:
    saved = [error for seed in seeds if (error := seed.interrupt()) is not None]
    if not saved:
        return
    raise InterruptedRunError(
        "\n".join(error.what for error in saved),
        where=", ".join(str(error.where) for error in saved),
        fix=saved[0].fix,
    )


def _shared_views() -> MakeViews:
    """The views of a task are made for the first seed, and found by the others."""
    made: dict[str, tuple[TrainView, EvalView]] = {}

    def views(
        dataset: Dataset, preprocessing: str, device: torch.device, setting: Setting
    ) -> tuple[TrainView, EvalView]:
        if dataset.task_id not in made:
            made[dataset.task_id] = make_views(dataset, preprocessing, device, setting)
        return made[dataset.task_id]

    return views


@contextmanager
def _memory_of_the_runs() -> Iterator[None]:
    try:
        with memory_of_a_run():
            yield
    except DeviceError as error:
        raise DeviceError(
            error.what, where=error.where, fix=f"leave out --together, with --resume; or {error.fix}"
        ) from error
