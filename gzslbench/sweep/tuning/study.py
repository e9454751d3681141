"""A study in its file: the trials there are, and whose turn it is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from gzslbench.errors import ParamError
from gzslbench.plugins.search_space import Space
from gzslbench.sweep.tuning.crew import Crew
from gzslbench.sweep.tuning.file import beside, held, open_study_file
from gzslbench.sweep.tuning.objective import HopelessTrial, Judged
from gzslbench.sweep.tuning.sampler import NumberedSampler, pruner
from gzslbench.sweep.tuning.spaces import distribution

ABOUT = "about"
TESTS = "tests"
WORKER = "worker"
DEATHS = "deaths"
FAILURE = "failure"
JUDGED = "judged"
MANY_DEATHS = 3
"""So many workers may die of a trial before it counts as failed."""


class Study:
    """What several processes search together; each of them makes a Study of its own of the same file.

    Who asks for a trial holds the file ``FILE.turn`` meanwhile. A trial whose process is no longer there goes
    back into the queue under its own number, and its training goes on from its checkpoint.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        about: Mapping[str, Any],
        spaces: Mapping[str, Space],
        first: Mapping[str, Any],
    ) -> None:
        """Open the study, or begin it with the trial of the values ``first``.

        Args:
            path: The study's file.
            name: Of the study, of which there may be several in a file.
            about: All that decides what a trial comes to, but for its values; and ``sampler``, ``pruning``,
                ``seed`` and ``eval_every``.
            spaces: Where the values are searched.
            first: The preset's values of them.

        Raises:
            ParamError: The study was begun about something else.
            StoreError: The file is none of a study, or cannot be written.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.path = path
        self.name = name
        self.crew = Crew(beside(path, "workers"))
        self._distributions = {each: distribution(space) for each, space in spaces.items()}
        with self._turn():
            self._storage = open_study_file(path)
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                direction="maximize",
                sampler=NumberedSampler(about["sampler"], about["seed"]),
                pruner=pruner(about["eval_every"] if about["pruning"] else 0),
                load_if_exists=True,
            )
            known = self._study.user_attrs.get(ABOUT)
            if known is None:
                self._study.enqueue_trial(dict(first), skip_if_exists=True)
                self._study.set_user_attr(ABOUT, dict(about))
            else:
                _refuse_another(known, about, path, name)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All of them, by number; the first is the preset's."""
        return self._study.get_trials(deepcopy=False)

    def take(self, worker: str, total: int) -> Trial | None:
        """The next trial, which is this worker's from now on; None where ``total`` are done or under way."""
        with self._turn():
            self._take_back()
            begun = [trial for trial in self.trials if trial.state != TrialState.WAITING]
            if len(begun) >= total:
                return None
            trial = self._study.ask(self._distributions)
            trial.set_user_attr(WORKER, worker)
            return trial

    def others_are_at_work(self) -> bool:
        """Whether a trial is under way in a process that is alive."""
        return any(self.crew.is_alive(trial.user_attrs.get(WORKER)) for trial in self._running())

    def report(self, trial: Trial, epoch: int, H: float) -> None:
        """Note an evaluation.

        Raises:
            HopelessTrial: The trial is not worth finishing.
        """
        if epoch not in self.trials[trial.number].intermediate_values:  # else it was noted before a kill
            trial.report(H, epoch)
        if trial.number and trial.should_prune():
            raise HopelessTrial

    def judge(self, trial: Trial, judged: Judged) -> None:
        """End the trial with what it came to; one that diverged has H 0, so that the sampler keeps away."""
        trial.set_user_attr(JUDGED, {"metrics": dict(judged.metrics), "best_epoch": judged.best_epoch})
        if judged.failure is not None:
            trial.set_user_attr(FAILURE, f"diverged: {dict(judged.failure)}")
        self._study.tell(trial, judged.H)

    def prune(self, trial: Trial) -> None:
        """End the trial before its time."""
        self._study.tell(trial, state=TrialState.PRUNED)

    def fail(self, trial: Trial, reason: str) -> None:
        """End the trial without a number."""
        trial.set_user_attr(FAILURE, reason)
        self._study.tell(trial, state=TrialState.FAIL)

    def put_back(self, trial: Trial) -> None:
        """Have the trial taken up again, by whoever comes."""
        with self._turn():
            self._requeue(trial.number)

    def tested(self) -> list[dict[str, Any]]:
        """What was tested on the test rows in this study's name, in order."""
        return list(self._study.user_attrs.get(TESTS, []))

    def note_test(self, number: int, run: str) -> None:
        """Note that the parameters of a trial were tested, by the run of this id."""
        with self._turn():
            entry = {"trial": number, "run": run}
            if entry not in self.tested():
                self._study.set_user_attr(TESTS, [*self.tested(), entry])

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Wait until no other process is at the end of this study, and be the one that is."""
        with held(beside(self.path, "final")):
            yield

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with held(beside(self.path, "turn")), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield

    def _running(self) -> Sequence[FrozenTrial]:
        return [trial for trial in self.trials if trial.state == TrialState.RUNNING]

    def _take_back(self) -> None:
        """Requeue the trials whose process has died, but for those that too many have died of."""
        for trial in self._running():
            if self.crew.is_alive(trial.user_attrs.get(WORKER)):
                continue
            deaths = trial.user_attrs.get(DEATHS, 0) + 1
            number = self._id(trial.number)
            self._storage.set_trial_user_attr(number, DEATHS, deaths)
            if deaths < MANY_DEATHS:
                self._requeue(trial.number)
            else:
                self._storage.set_trial_user_attr(number, FAILURE, f"{deaths} workers died of it")
                self._storage.set_trial_state_values(number, state=TrialState.FAIL)

    def _requeue(self, number: int) -> None:
        self._storage.set_trial_state_values(self._id(number), state=TrialState.WAITING)

    def _id(self, number: int) -> int:
        study = self._storage.get_study_id_from_name(self.name)
        return self._storage.get_trial_id_from_study_id_trial_number(study, number)


def _refuse_another(known: Mapping[str, Any], about: Mapping[str, Any], path: Path, name: str) -> None:
    was, now = _flat(known), _flat(about)
    differing = [each for each in {**was, **now} if was.get(each) != now.get(each)]
    if differing:
        told = ", ".join(f"{each} {was.get(each)!r}, not {now.get(each)!r}" for each in differing)
        raise ParamError(
            f"study {name!r} was begun with other settings: {told}",
            where=path,
            fix="repeat it as it was begun, or give this one a --name or a --study of its own",
        )


def _flat(about: Mapping[str, Any]) -> dict[str, Any]:
    """What is within a mapping, under the name of both."""
    flat: dict[str, Any] = {}
    for name, value in about.items():
        flat |= (
            {f"{name} {part}": each for part, each in value.items()}
            if isinstance(value, Mapping)
            else {name: value}
        )
    return flat
