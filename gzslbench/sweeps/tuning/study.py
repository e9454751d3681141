"""A study: its trials, which process runs which of them, and what they came to.

Several processes may run trials of one study. A process that takes a trial locks a file for it, and the lock
ends with the process. So a trial that is running but not locked was lost: it goes back into the queue under
its own number, and its training continues from its checkpoint. Optuna's heartbeats cannot do this: its
journals have none, and its retries are new trials, with which a killed study would end differently.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import StorageInternalError
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState

from gzslbench.computing.seeds import stream
from gzslbench.errors import ParamError, StoreError
from gzslbench.files import LockedError, drop_torn_line, lock, refuse_stream, writing
from gzslbench.plugins.params import Choices, Space
from gzslbench.sweeps.tuning.objective import PrunedTrial, TrialScore
from gzslbench.sweeps.tuning.trial_result import FAILURE, SCORE, StudyResult, read_trial

JOURNALS = (".journal", ".log")
DATABASES = (".db", ".sqlite", ".sqlite3")
"""Endings of a study's file."""
ABOUT, TESTS, DEATHS = "about", "tests", "deaths"
"""Names of attributes in the file; those of version 0.1."""
DATABASE_TIMEOUT_S = 120.0
"""Time that a writer of a database waits for the others."""
FIRST_BYTES = b'{"op_code"'
"""The first bytes of a journal."""
_DAMAGE = (AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_NO_WRITING = ("disk is full", "disk I/O", "readonly", "locked", "unable to open")
"""What SQLite says if it cannot write."""
MAX_DEATHS = 3
"""A trial that this many processes died of counts as failed."""
MIN_FINISHED_TRIALS = 5
"""No trial is pruned before this many have finished."""
MIN_EVALUATIONS = 3
"""No trial is pruned before its evaluation of this number."""


class Study:
    """A study in its file. Each process that runs trials opens the file for itself."""

    def __init__(
        self,
        path: Path,
        name: str,
        about: Mapping[str, Any],
        spaces: Mapping[str, Space],
        first: Mapping[str, Any],
    ) -> None:
        """Open the study ``name`` in the file ``path``, or create it with one trial of the values ``first``.

        ``about`` is everything that decides the score of a trial except its values. A study that was created
        with other settings is a ParamError.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.path = path
        self.name = name
        self._distributions = {parameter: distribution(space) for parameter, space in spaces.items()}
        self._locks: dict[int, ExitStack] = {}
        self._about = about
        with self.turn(), _explaining(path):
            self._storage = open_storage(path)
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                direction="maximize",
                sampler=_sampler(about, 0),
                pruner=_pruner(about["eval_every"] if about["pruning"] else 0),
                load_if_exists=True,
            )
            known = self._study.user_attrs.get(ABOUT)
            if known is None:
                self._study.enqueue_trial(dict(first), skip_if_exists=True)
                self._study.set_user_attr(ABOUT, dict(about))
            elif differences := ", ".join(_differences(known, about)):
                what = f"study {name!r} was started with other settings: {differences}"
                fix = "repeat it with those, or give this one its own --name or --study"
                raise ParamError(what, where=path, fix=fix)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials by number; the first is the preset's."""
        with _explaining(self.path):
            return self._study.get_trials(deepcopy=False)

    @property
    def result(self) -> StudyResult:
        """What the trials came to so far."""
        with _explaining(self.path):
            return StudyResult([read_trial(trial) for trial in self.trials])

    def trial_folder(self, number: int) -> Path:
        """The folder of a trial's run, in a folder next to the study's file."""
        return self.path.with_name(f"{self.path.name}.trials") / self.name / str(number)

    def take(self, total: int) -> Trial | None:
        """Take the next trial for this process; None if ``total`` trials have ended or are running."""
        with self.turn():
            self._requeue_lost()
            for path in self.trial_folder(0).parent.glob("*.lock"):  # a kill came after the end of a trial
                with suppress(LockedError), lock(path):
                    pass
            waiting = [trial.number for trial in self.trials if trial.state == TrialState.WAITING]
            if len(self.trials) - len(waiting) >= total:
                return None
            if not waiting:  # all values in one write: after a kill between two, others would be drawn
                self._study.enqueue_trial(self._draw())
            trial = self._study.ask(self._distributions)
            self._locks[trial.number] = stack = ExitStack()
            stack.enter_context(self._lock_trial(trial.number))
            return trial

    def _draw(self) -> dict[str, Any]:
        """Draw the values of the next trial, in a study in memory that has the trials of this one."""
        draft = optuna.create_study(direction="maximize", sampler=_sampler(self._about, len(self.trials)))
        draft.add_trials(self.trials)
        return draft.ask(self._distributions).params

    def others_are_running(self) -> bool:
        """Whether a living process runs a trial."""
        with self.turn():  # the look takes each lock for a moment, which would fail a process that wants it
            return any(self._is_locked(trial.number) for trial in self._running())

    def report(self, trial: Trial, epoch: int, value: float) -> None:
        """Store the metric of an evaluated epoch; raise PrunedTrial if the trial is not worth finishing."""
        with self._storing():
            if epoch not in self.trials[trial.number].intermediate_values:  # else it was stored before a kill
                trial.report(value, epoch)
        if trial.number and trial.should_prune():
            raise PrunedTrial

    def finish(self, trial: Trial, score: TrialScore) -> None:
        """End a trial with its score. A diverged one has 0, so that the sampler avoids its values."""
        with self._storing():
            trial.set_user_attr(SCORE, {"metrics": dict(score.metrics), "best_epoch": score.best_epoch})
            if score.failure is not None:
                trial.set_user_attr(FAILURE, f"diverged: {dict(score.failure)}")
            self._study.tell(trial, score.value)
        self.unlock(trial.number)

    def give_up(self, trial: Trial, failure: str | None = None) -> None:
        """End a trial without a score: it was pruned, or has failed for a reason."""
        with self._storing():
            if failure is not None:
                trial.set_user_attr(FAILURE, failure)
            self._study.tell(trial, state=TrialState.PRUNED if failure is None else TrialState.FAIL)
        self.unlock(trial.number)

    def put_back(self, trial: Trial) -> None:
        """Put a trial back into the queue, for this process or another."""
        with self.turn():
            self._set_state(trial.number, TrialState.WAITING)
            self.unlock(trial.number)

    def unlock(self, number: int) -> None:
        """Give up this process's lock of a trial."""
        self._locks.pop(number).close()

    def tested(self) -> list[dict[str, Any]]:
        """List the tests on the test rows of parameters that this study chose."""
        return list(self._study.user_attrs.get(TESTS, []))

    def note_test(self, number: int, run: str) -> None:
        """Note that the parameters of a trial are tested by the run with this id."""
        with self.turn():
            entry = {"trial": number, "run": run}
            if entry not in self.tested():
                self._study.set_user_attr(TESTS, [*self.tested(), entry])

    @contextmanager
    def turn(self, what: str = "turn") -> Iterator[None]:
        """Let one process at a time do ``what``, such as decide which trial is next.

        So a study is the same with any number of workers.
        """
        with ExitStack() as stack, warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            with writing(self.path, "the study cannot be locked"):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock(self.path.with_name(f"{self.path.name}.{what}"), wait=True))
            stack.enter_context(self._storing())
            yield

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """Turn errors of the storage inside, for example of a full disk, into a StoreError."""
        with writing(self.path, "the study cannot be written"), _explaining(self.path, damage=()):
            yield

    def _lock_trial(self, number: int) -> AbstractContextManager[None]:
        path = self.trial_folder(number).with_suffix(".lock")
        with writing(path, "a trial cannot be locked"):
            path.parent.mkdir(parents=True, exist_ok=True)
        return lock(path)

    def _is_locked(self, number: int) -> bool:
        try:
            with self._lock_trial(number):
                return False
        except LockedError:
            return True

    def _running(self) -> Sequence[FrozenTrial]:
        return [trial for trial in self.trials if trial.state == TrialState.RUNNING]

    def _requeue_lost(self) -> None:
        """Put trials of dead processes back into the queue, except those that too many have died of."""
        for trial in self._running():
            if self._is_locked(trial.number) or self.trials[trial.number].state != TrialState.RUNNING:
                continue  # it runs, or another process has just ended it
            deaths, key = trial.user_attrs.get(DEATHS, 0) + 1, self._storage_id(trial.number)
            self._storage.set_trial_user_attr(key, DEATHS, deaths)
            if deaths < MAX_DEATHS:
                self._set_state(trial.number, TrialState.WAITING)
            else:
                self._storage.set_trial_user_attr(key, FAILURE, f"{deaths} workers died of it")
                self._set_state(trial.number, TrialState.FAIL)

    def _set_state(self, number: int, state: TrialState) -> None:
        self._storage.set_trial_state_values(self._storage_id(number), state=state)

    def _storage_id(self, number: int) -> int:
        study = self._storage.get_study_id_from_name(self.name)
        return self._storage.get_trial_id_from_study_id_trial_number(study, number)


def distribution(space: Space) -> BaseDistribution:
    """Convert a space to optuna's form."""
    if isinstance(space, Choices):
        return CategoricalDistribution(space.values)
    if isinstance(space.low, int) and isinstance(space.high, int):
        return IntDistribution(space.low, space.high, log=space.logarithmic, step=int(space.step or 1))
    return FloatDistribution(space.low, space.high, log=space.logarithmic, step=space.step)


class _JournalLock(JournalFileOpenLock):
    """A lock that ends with its process; that of optuna keeps others waiting for 30 s after a kill."""

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self._path, self._held = journal.with_name(f"{journal.name}.writing"), ExitStack()

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._held.enter_context(lock(self._path, wait=True))
        return True

    def release(self) -> None:
        """Give it up."""
        self._held.close()


def open_storage(path: Path) -> BaseStorage:
    """Open the file of a study, or create it."""
    with writing(path, "the study cannot be opened"):
        path.parent.mkdir(parents=True, exist_ok=True)
        refuse_stream(path)
        path.open("ab").close()
        with path.open("rb") as file:
            first = file.read(len(FIRST_BYTES))
    if path.suffix not in DATABASES and not FIRST_BYTES.startswith(first):
        raise _not_a_study(path, "its first line is not one of a journal")
    with _explaining(path):
        if path.suffix in DATABASES:
            engine = {"connect_args": {"timeout": DATABASE_TIMEOUT_S}}
            return RDBStorage(f"sqlite:///{path}", engine_kwargs=engine)
        journal_lock = _JournalLock(path)
        journal_lock.acquire()
        try:
            drop_torn_line(path)  # optuna would append the next line to it, and refuse both
        finally:
            journal_lock.release()
        return JournalStorage(JournalFileBackend(str(path), journal_lock))


@contextmanager
def _explaining(path: Path, damage: tuple[type[Exception], ...] = _DAMAGE) -> Iterator[None]:
    """Turn what is raised for a damaged file, a file of something else or a full disk into a StoreError."""
    try:
        yield
    except damage as error:
        raise _not_a_study(path, error) from error
    except Exception as error:
        is_of_storage = isinstance(error, StorageInternalError)
        if not is_of_storage and not type(error).__module__.startswith("sqlalchemy"):
            raise
        text = f"{error} {error.__cause__}"
        failure = _not_written if any(sign in text for sign in _NO_WRITING) else _not_a_study
        raise failure(path, error) from error


def _not_written(path: Path, reason: object) -> StoreError:
    what = f"the study cannot be written: {str(reason).partition(chr(10))[0]}"
    return StoreError(what, where=path, fix="free some space and repeat: what is stored stays")


def _not_a_study(path: Path, reason: object) -> StoreError:
    what = f"the file is not of a study: {str(reason).partition(chr(10))[0]}"
    return StoreError(what, where=path, fix="restore it from a copy, or name another file with --study")


def _sampler(about: Mapping[str, Any], number: int) -> BaseSampler:
    """Create what proposes the values of one trial.

    Its seed follows from the study's and the trial's number, so a study that was stopped continues as if it
    had not been, and two workers do not draw the same values.
    """
    seed = stream(about["seed"], "tuning", number) % 2**32
    return TPESampler(seed=seed) if about["sampler"] == "tpe" else RandomSampler(seed=seed)


def _pruner(eval_every: int) -> BasePruner:
    """Create what prunes a trial whose best H so far is below the median of others at the same epoch."""
    if not eval_every:
        return NopPruner()
    return MedianPruner(n_startup_trials=MIN_FINISHED_TRIALS, n_warmup_steps=MIN_EVALUATIONS * eval_every)


def _differences(known: Mapping[str, Any], about: Mapping[str, Any], where: str = "") -> Iterator[str]:
    for key in {**known, **about}:
        was, now = known.get(key), about.get(key)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _differences(was, now, f"{key} ")
        elif was != now:
            yield f"{where}{key} {was!r}, not {now!r}"
