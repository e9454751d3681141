"""Where a model of transformers is had from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gzslbench.errors import ExtractionError

# transformers would ask the hub to convert weights that are no safetensors, in a change request.
_NO_CONVERSION = "DISABLE_SAFETENSORS_CONVERSION"


@dataclass(frozen=True)
class Source:
    """A folder, or a name on the hub.

    Attributes:
        place: The folder's path, or the name.
        revision: A branch, tag or commit of the name; None takes its main branch, or it is a folder.
        folder: Whether it is a folder.
    """

    place: str
    revision: str | None = None
    folder: bool = False

    @classmethod
    def of(cls, model: str) -> Source:
        """What ``hf:MODEL`` stands for: a folder where there is one, whatever its name holds."""
        path = Path(model).expanduser()
        if path.is_dir():
            return cls(str(path.resolve()), folder=True)
        name, _, revision = model.partition("@")
        return cls(name, revision or None)

    @property
    def label(self) -> str:
        """The name to keep: the folder's own, or the one on the hub with the revision."""
        if self.folder:
            return Path(self.place).name
        return self.place + (f"@{self.revision}" if self.revision else "")

    def had(self, call: Callable[..., Any], **settings: Any) -> Any:
        """What one of transformers' ``from_pretrained`` gives; code that the model brings is never run.

        Raises:
            ExtractionError: The model cannot be had.
        """
        try:
            with _unconverted(), _silent():
                return call(self.place, revision=self.revision, trust_remote_code=False, **settings)
        except Exception as error:  # transformers, the hub and the readers of files each raise their own
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> ExtractionError:
        kinds = {type(each).__name__ for each in _causes(error)}
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        fix = (
            f"check the name; without a network, download it elsewhere (hf download {self.place} --local-dir"
            " FOLDER) and write hf:FOLDER; HF_HUB_OFFLINE=1 takes what was downloaded before"
        )
        if "GatedRepoError" in kinds:
            why = "its owners want to be asked for it"
            fix = "ask on its page and run `hf auth login`, or download it elsewhere and write hf:FOLDER"
        elif "trust_remote_code" in str(error):
            why = "it brings code of its own, which is not run"
            fix = "name a model whose code is transformers' own"
        elif self.folder:
            fix = "the folder must hold config.json, preprocessor_config.json and model.safetensors, whole"
        elif self.place.startswith(("/", ".", "~")):
            why, fix = "there is no such folder", "name the folder that save_pretrained or a download filled"
        return ExtractionError(f"this model cannot be had: {why}", where=f"hf:{self.label}", fix=fix)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextmanager
def _unconverted() -> Iterator[None]:
    before = os.environ.get(_NO_CONVERSION)
    os.environ[_NO_CONVERSION] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_CONVERSION]
        else:
            os.environ[_NO_CONVERSION] = before


@contextmanager
def _silent() -> Iterator[None]:
    """Without transformers' report of heads left out, which is what is wanted here."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
