"""A study: its trials, which process runs which of them, and what they came to.

Several processes may run trials of one study. A process that takes a trial locks a file for it, and the lock
ends with the process. So a trial that is running but not locked was lost: it goes back into the queue under
its own number, and its training continues from its checkpoint. Optuna's heartbeats cannot do this: its
journals have none, and its retries are new trials, with which a killed study would end differently.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from gzslbench.computing.seeds import stream
from gzslbench.errors import ParamError
from gzslbench.files import LockedError, lock, writing
from gzslbench.plugins.search_space import Space
from gzslbench.sweep.tuning.objective import PrunedTrial, TrialScore
from gzslbench.sweep.tuning.spaces import distribution
from gzslbench.sweep.tuning.storage import open_storage, sibling

# Names of attributes in the file; those of version 0.1.
ABOUT, TESTS, DEATHS, FAILURE, SCORE = "about", "tests", "deaths", "failure", "judged"
MAX_DEATHS = 3
"""A trial that this many processes died of counts as failed."""
MIN_FINISHED_TRIALS = 5
"""No trial is pruned before this many have finished."""
MIN_EVALUATIONS = 3
"""No trial is pruned before its evaluation of this number."""
STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
DIVERGED = "diverged"


@dataclass(frozen=True)
class TrialResult:
    """One trial.

    Attributes:
        number: From 0, which is the preset's.
        state: ``finished``, ``pruned``, ``diverged``, ``failed``, ``running`` or ``waiting``.
        values: The values of the parameters that are searched.
        H: H in percent on the validation classes at the last epoch; None if it has not finished.
        metrics: The five metrics there, with the epochs.
        best_epoch: The evaluated epoch of highest H; nothing is decided by it.
        epochs: H by evaluated epoch.
        failure: Why it failed or diverged.
    """

    number: int
    state: str
    values: Mapping[str, Any]
    H: float | None = None
    metrics: Mapping[str, Any] | None = None
    best_epoch: int | None = None
    epochs: Mapping[int, float] | None = None
    failure: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Every field by name."""
        return asdict(self)


@dataclass(frozen=True)
class StudyResult:
    """All trials of a study, by number."""

    trials: Sequence[TrialResult]

    @property
    def counts(self) -> dict[str, int]:
        """Number of trials by state, for states that occur."""
        states = [trial.state for trial in self.trials]
        return {
            state: states.count(state)
            for state in dict.fromkeys([*STATES.values(), DIVERGED])
            if state in states
        }

    @property
    def run(self) -> int:
        """Number of trials that have ended, in any way."""
        return sum(trial.state not in ("running", "waiting") for trial in self.trials)

    @property
    def preset(self) -> TrialResult | None:
        """The preset's trial, if it has finished."""
        return next((trial for trial in self.trials[:1] if trial.H is not None), None)

    @property
    def best(self) -> TrialResult | None:
        """The finished trial of highest H, the first of equal ones; None if none has finished."""
        finished = [trial for trial in self.trials if trial.H is not None]
        return max(finished, key=lambda trial: trial.H or 0.0, default=None)


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
        """Open the study, or create it with one trial of the values ``first``.

        Args:
            path: The study's file.
            name: Name of the study; a file may have several.
            about: Everything that decides the score of a trial except its values; and ``sampler``,
                ``pruning``, ``seed`` and ``eval_every``.
            spaces: Where the values are searched.
            first: The preset's values.

        Raises:
            ParamError: The study was created with other settings.
            StoreError: The file is not of a study, or cannot be written.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.path = path
        self.name = name
        self._distributions = {parameter: distribution(space) for parameter, space in spaces.items()}
        self._locks: dict[int, ExitStack] = {}
        self._about = about
        with self._turn():
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
            else:
                _check_settings(known, about, path, name)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials by number; the first is the preset's."""
        return self._study.get_trials(deepcopy=False)

    @property
    def result(self) -> StudyResult:
        """What the trials came to so far."""
        return StudyResult([_trial_result(trial) for trial in self.trials])

    def trial_folder(self, number: int) -> Path:
        """The folder of a trial's run."""
        return sibling(self.path, "trials") / self.name / str(number)

    def take(self, total: int) -> Trial | None:
        """Take the next trial for this process; None if ``total`` trials have ended or are running."""
        with self._turn():
            self._requeue_lost()
            begun = [trial for trial in self.trials if trial.state != TrialState.WAITING]
            if len(begun) >= total:
                return None
            waiting = (trial.number for trial in self.trials if trial.state == TrialState.WAITING)
            self._study.sampler = _sampler(self._about, next(waiting, len(self.trials)))
            trial = self._study.ask(self._distributions)
            self._locks[trial.number] = stack = ExitStack()
            stack.enter_context(self._lock_trial(trial.number))
            return trial

    def others_are_running(self) -> bool:
        """Whether a living process runs a trial."""
        return any(self._is_locked(trial.number) for trial in self._running())

    def report(self, trial: Trial, epoch: int, H: float) -> None:
        """Store H of an evaluated epoch, in percent.

        Raises:
            PrunedTrial: The trial is not worth finishing.
        """
        if epoch not in self.trials[trial.number].intermediate_values:  # else it was stored before a kill
            trial.report(H, epoch)
        if trial.number and trial.should_prune():
            raise PrunedTrial

    def finish(self, trial: Trial, score: TrialScore) -> None:
        """End a trial with its score. A diverged one has H 0, so that the sampler avoids its values."""
        trial.set_user_attr(SCORE, {"metrics": dict(score.metrics), "best_epoch": score.best_epoch})
        if score.failure is not None:
            trial.set_user_attr(FAILURE, f"diverged: {dict(score.failure)}")
        self._end(trial, TrialState.COMPLETE, score.H)

    def prune(self, trial: Trial) -> None:
        """End a trial early."""
        self._end(trial, TrialState.PRUNED)

    def fail(self, trial: Trial, reason: str) -> None:
        """End a trial without a score."""
        trial.set_user_attr(FAILURE, reason)
        self._end(trial, TrialState.FAIL)

    def put_back(self, trial: Trial) -> None:
        """Put a trial back into the queue, for this process or another."""
        with self._turn():
            self._requeue(trial.number)
            self.unlock(trial.number)

    def unlock(self, number: int) -> None:
        """Give up this process's lock of a trial."""
        self._locks.pop(number).close()

    def tested(self) -> list[dict[str, Any]]:
        """List the tests on the test rows of parameters that this study chose."""
        return list(self._study.user_attrs.get(TESTS, []))

    def note_test(self, number: int, run: str) -> None:
        """Note that the parameters of a trial are tested by the run with this id."""
        with self._turn():
            entry = {"trial": number, "run": run}
            if entry not in self.tested():
                self._study.set_user_attr(TESTS, [*self.tested(), entry])

    @contextmanager
    def final_turn(self) -> Iterator[None]:
        """Wait until no other process tests the result of this study."""
        with self._wait_for("final"):
            yield

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one process at a time decide which trial is next: so a study is the same with any workers."""
        with self._wait_for("turn"), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield

    @contextmanager
    def _wait_for(self, what: str) -> Iterator[None]:
        with ExitStack() as stack:
            with writing(self.path, "the study cannot be locked"):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock(sibling(self.path, what), wait=True))
            yield

    @contextmanager
    def _lock_trial(self, number: int) -> Iterator[None]:
        path = self.trial_folder(number).with_suffix(".lock")
        with writing(path, "a trial cannot be locked"):
            path.parent.mkdir(parents=True, exist_ok=True)
        with lock(path):
            yield

    def _is_locked(self, number: int) -> bool:
        try:
            with self._lock_trial(number):
                return False
        except LockedError:
            return True

    def _running(self) -> Sequence[FrozenTrial]:
        return [trial for trial in self.trials if trial.state == TrialState.RUNNING]

    def _end(self, trial: Trial, state: TrialState, value: float | None = None) -> None:
        self._study.tell(trial, value, state=state)
        self.unlock(trial.number)

    def _requeue_lost(self) -> None:
        """Put trials of dead processes back into the queue, except those that too many have died of."""
        for trial in self._running():
            if self._is_locked(trial.number):
                continue
            deaths = trial.user_attrs.get(DEATHS, 0) + 1
            number = self._storage_id(trial.number)
            self._storage.set_trial_user_attr(number, DEATHS, deaths)
            if deaths < MAX_DEATHS:
                self._requeue(trial.number)
            else:
                self._storage.set_trial_user_attr(number, FAILURE, f"{deaths} workers died of it")
                self._storage.set_trial_state_values(number, state=TrialState.FAIL)

    def _requeue(self, number: int) -> None:
        self._storage.set_trial_state_values(self._storage_id(number), state=TrialState.WAITING)

    def _storage_id(self, number: int) -> int:
        study = self._storage.get_study_id_from_name(self.name)
        return self._storage.get_trial_id_from_study_id_trial_number(study, number)


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


def _trial_result(trial: FrozenTrial) -> TrialResult:
    failure = trial.user_attrs.get(FAILURE)
    score = trial.user_attrs.get(SCORE, {})
    state = STATES[trial.state]
    if state == "finished" and failure is not None:
        state = DIVERGED
    finished = state == "finished"
    return TrialResult(
        trial.number,
        state,
        dict(trial.params or trial.system_attrs.get("fixed_params", {})),
        trial.value if finished else None,
        score.get("metrics") if finished else None,
        score.get("best_epoch"),
        dict(sorted(trial.intermediate_values.items())),
        failure,
    )


def _check_settings(known: Mapping[str, Any], about: Mapping[str, Any], path: Path, name: str) -> None:
    was, now = _flatten(known), _flatten(about)
    differences = [
        f"{key} {was.get(key)!r}, not {now.get(key)!r}"
        for key in {**was, **now}
        if was.get(key) != now.get(key)
    ]
    if differences:
        raise ParamError(
            f"study {name!r} was started with other settings: {', '.join(differences)}",
            where=path,
            fix="repeat it with those, or give this one its own --name or --study",
        )


def _flatten(about: Mapping[str, Any]) -> dict[str, Any]:
    """Lift the entries of inner mappings, under both names."""
    flat: dict[str, Any] = {}
    for name, value in about.items():
        inner = value if isinstance(value, Mapping) else None
        flat |= {name: value} if inner is None else {f"{name} {key}": entry for key, entry in inner.items()}
    return flat
