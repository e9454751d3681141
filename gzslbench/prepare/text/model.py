"""What the kinds of encoders share: packages, folders, errors, and the weights' sha256."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from gzslbench.data.formats.sources import sha256_of
from gzslbench.errors import EncoderError, GzslBenchError
from gzslbench.files import reading

T = TypeVar("T")
WEIGHTS = ("*.safetensors", "*.bin")
LIMITLESS = 1_000_000
"""Tokens; a tokenizer that knows no limit names a number beyond this."""


def library(name: str) -> Any:
    """Import a package of the extra ``text``.

    Raises:
        EncoderError: It is not installed, or does not work here.
    """
    if find_spec(name) is None:
        raise EncoderError(
            f"texts are encoded by {name}, which is not installed", fix="pip install 'gzslbench[text]'"
        )
    try:
        return import_module(name)
    except Exception as error:  # a package of another version than its parts fails in any way it likes
        raise EncoderError(
            f"{name} cannot be imported: {_in_short(error)}", fix="pip install --upgrade 'gzslbench[text]'"
        ) from error


def located(model: str) -> str:
    """The folder ``model``, absolute, where it is one; else the name as it is.

    Raises:
        EncoderError: It is written as a path, and there is no such folder.
    """
    path = Path(model).expanduser()
    with reading(path, EncoderError):
        if path.is_dir():
            return str(path.absolute())
        if path.exists() or model.startswith((".", "/", "~")):
            raise EncoderError("no folder of a model", where=path, fix="name the folder with its config.json")
    return model


def locally_first(model: str, load: Callable[[bool], T]) -> T:
    """What ``load`` makes from files that are here, else of what it downloads.

    Args:
        model: As ``located`` gives it.
        load: Told whether it must do with the files that are here.

    Raises:
        EncoderError: Neither is possible.
    """
    with encoding_errors("the model cannot be loaded", model):
        try:
            return load(True)
        except OSError:
            if Path(model).is_dir():
                raise
            return load(False)


@contextmanager
def encoding_errors(what: str, model: str) -> Iterator[None]:
    """Turn whatever a model's code raises into an EncoderError."""
    try:
        yield
    except GzslBenchError:
        raise
    except Exception as error:  # code and files of many authors, behind one call
        raise EncoderError(
            f"{what}: {_in_short(error)}",
            where=model,
            fix="name a folder that holds the whole model, or the name of one, which takes a network the "
            "first time; a model with code of its own is not run",
        ) from error


def weights_sha256(model: str, names: Sequence[str] = ()) -> dict[str, str]:
    """sha256 of each file of weights of a model that has been loaded.

    Args:
        model: As ``located`` gives it.
        names: Under which else its download may be kept.

    Raises:
        EncoderError: They cannot be found.
    """
    folder = Path(model) if Path(model).is_dir() else _downloaded((model, *names))
    with reading(folder, EncoderError):
        files = sorted({file for pattern in WEIGHTS for file in folder.rglob(pattern)})
        found = {file.relative_to(folder).as_posix(): sha256_of(file) for file in files}
    if not found:
        raise EncoderError(
            f"no weights: none of {', '.join(WEIGHTS)}", where=folder, fix="name a folder with weights"
        )
    return found


def versions(*packages: str) -> dict[str, str]:
    """The versions of installed packages."""
    return {package: version(package) for package in packages}


def cut_texts(tokenizer: Any, texts: Sequence[str], limit: int | None) -> int:
    """How many texts have more tokens than ``limit``."""
    if limit is None:
        return 0
    tokens = tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
    return sum(len(each) > limit for each in tokens)


def _downloaded(names: Sequence[str]) -> Path:
    hub = library("huggingface_hub")
    for name in names:
        try:
            return Path(hub.snapshot_download(name, local_files_only=True))
        except Exception:  # not under this name
            continue
    raise EncoderError(
        "it was loaded, and its files cannot be found", where=names[0], fix="name the folder that it lies in"
    )


def _in_short(error: Exception) -> str:
    lines = str(error).strip().splitlines() or ["no reason is given"]
    return f"{type(error).__name__}: {lines[0]}"
