"""Running the cells of a plan, which differ by their seed alone, as one program."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import torch

from gzslbench.computing.account import account_kept
from gzslbench.computing.memory import memory_of_a_run
from gzslbench.data.dataset import Dataset
from gzslbench.data.views import EvalView, TrainView, make_views
from gzslbench.errors import DeviceError, InterruptedRunError
from gzslbench.plugins.setting import Setting
from gzslbench.runs.environment import reset_peak_memory
from gzslbench.runs.execute import Options, legs_of, prepared
from gzslbench.runs.leg import MakeViews
from gzslbench.runs.log import Logged
from gzslbench.runs.plan import Plan
from gzslbench.runs.progress import Progress, Silent
from gzslbench.runs.record import Record
from gzslbench.runs.seed_run import SeedRun
from gzslbench.runs.store import RunFolder, Store
from gzslbench.runs.tracking import asked, tracked
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
    batched matrix products. One that ends before the others, or diverges, leaves them. Where one fails at an
    epoch's end, the others are saved and its error goes on.

    Args:
        plan: Of one cell or more.
        store: Where the records are kept; each is written as soon as its run has ended.
        options: How to run; without ``profile``.
        progress: By cell id, who watches.

    Raises:
        InterruptedRunError: The user stopped them; they can be resumed, together or not.
        KeyboardInterrupt: The user stopped them when nothing was left to stop; the records are written.
        PluginError: The method cannot train several seeds together, or a tracker cannot be had.
        DeviceError: Memory ran out.
        StoreError: The store cannot be written, another process runs one of the cells, or an interrupted
            run is in the way.
    """
    options, watchers = options or Options(), progress or {}
    trackers = asked(options.track)
    store.make()
    folders = {cell.id: store.run(cell.id) for cell in plan.cells}
    with ExitStack() as held:
        records = _finished(folders, options, held)
        missing = {cell.id: cell for cell in plan.cells if cell.id not in records}
        for name in missing:
            held.enter_context(prepared(folders[name], options))
        held.enter_context(tracked(trackers, {name: folders[name] for name in missing}, plan.device))
        reset_peak_memory(torch.device(plan.device))
        with catch_interruption() as stop, _memory_of_the_runs(plan.device), account_kept() as account:
            views, seeds = _shared_views(), []
            for name, cell in missing.items():
                watcher = Logged(watchers.get(name) or Silent(), folders[name].log_file)
                folder, count = folders[name], len(missing)
                legs = legs_of(plan, cell, folder, options, watcher, stop, account, count, views)
                seeds.append(SeedRun(folder, legs))
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
    """Train the seeds to their records; what ends them before leaves each where it can go on.

    Raises:
        InterruptedRunError: Asked to stop; whoever was under way is saved.
        Exception: A seed failed; the others are saved as they are.
    """
    try:
        done = _train_all(seeds, stop)
    except Exception:
        _warn_of(*_save(seeds))
        raise
    if not done:
        _interrupt(seeds)


def _train_all(seeds: Sequence[SeedRun], stop: Interruption) -> bool:
    """Train those that are behind, all of the same stage as one, until none has anything left.

    False if asked to stop before.
    """
    for seed in seeds:
        seed.settle()
    while positions := [seed.position for seed in seeds if seed.position is not None]:
        members = [seed for seed in seeds if seed.position == min(positions)]
        if not _train_stage(members, stop):
            return False
        for seed in members:
            seed.settle()
    return True


def _train_stage(members: Sequence[SeedRun], stop: Interruption) -> bool:
    """Train them as one until a member is through the stage; False if asked to stop before.

    Where one fails they do not part: that takes memory, of which there may be too little.
    """
    position = members[0].position
    legs = [seed.leg for seed in members if seed.leg is not None]
    group = SeedGroup([leg.trainer for leg in legs])

    def on_iteration() -> None:
        for leg in legs:
            leg.leg.progress.iteration()

    done = True
    while done and all(seed.position == position for seed in members):
        clock = time.perf_counter()
        try:
            done = group.train(stop, on_iteration)
        except Exception:  # within a step: nobody's state is whole
            for seed in members:
                seed.give_up()
            raise
        share = (time.perf_counter() - clock) / len(legs)
        for leg in legs:
            leg.seconds.train += share
        if done:
            for seed in members:
                seed.end_epoch()
    group.release()
    return done


def _interrupt(seeds: Sequence[SeedRun]) -> None:
    saved, failed = _save(seeds)
    if failed:
        _warn_of(saved, failed[1:])
        raise failed[0]
    if saved:
        raise InterruptedRunError(
            "\n".join(each.what for each in saved),
            where=", ".join(str(each.where) for each in saved),
            fix=saved[0].fix,
        )


def _save(seeds: Sequence[SeedRun]) -> tuple[list[InterruptedRunError], list[Exception]]:
    """Save the legs under way, also after one that cannot be saved; what tells of each."""
    saved: list[InterruptedRunError] = []
    failed: list[Exception] = []
    for seed in seeds:
        try:
            told = seed.interrupt()
        except Exception as error:
            failed.append(error)
        else:
            saved += [] if told is None else [told]
    return saved, failed


def _warn_of(saved: Sequence[InterruptedRunError], failed: Sequence[Exception]) -> None:
    """Warn of what became of the seeds that did not fail, beside the error of the one that did."""
    lines = [f"saved, to go on from with --resume: {each.where}" for each in saved]
    for line in (*lines, *map(str, failed)):
        warnings.warn(line, RuntimeWarning, stacklevel=2)


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
def _memory_of_the_runs(device: str) -> Iterator[None]:
    try:
        with memory_of_a_run(device):
            yield
    except DeviceError as error:
        raise DeviceError(
            error.what, where=error.where, fix=f"leave out --together, with --resume; or {error.fix}"
        ) from error
