"""Weights from files, and what names them for good."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Container
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from gzslbench.data.formats.sources import sha256_of
from gzslbench.errors import ExtractionError
from gzslbench.files import check_file
from gzslbench.plugins.extractor import Weights
from gzslbench.prepare.extract.packages import require

FEW = 3


def read_weights(
    network: nn.Module, file: Path, needless: Container[str] = (), renamed: Callable[[str], str] = str
) -> Weights:
    """Give ``network`` the weights in ``file``, each of its own name and shape; no code in it is run.

    Args:
        network: Gets them.
        file: Of a state_dict, as torch or safetensors saves it.
        needless: Names that the file may have and the network has not.
        renamed: The network's name of a weight from the file's.

    Raises:
        ExtractionError: The file is not there, is no file of weights, or is another network's.
    """
    check_file(file, ExtractionError)
    read = _state(file)
    state = OrderedDict((renamed(name), value) for name, value in read.items() if name not in needless)
    state._metadata = getattr(read, "_metadata", None)  # type: ignore[attr-defined]  # versions of modules
    own = network.state_dict()
    differing = [name for name in {**own, **state} if _shape(own.get(name)) != _shape(state.get(name))]
    if differing:
        raise ExtractionError(
            f"the weights are of another network: {len(differing)} of its {len(own)} do not fit, for example"
            f" {', '.join(sorted(differing)[:FEW])}",
            where=file,
            fix="name the weights of this very network with --weights",
        )
    network.load_state_dict(state)
    return Weights(file.name, sha256_of(file))


def sha256_of_network(network: nn.Module) -> str:
    """sha256 of a network's weights: name, type, shape and values of each, in the order of their names."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _state(file: Path) -> dict[str, Any]:
    read = _reader(file)
    try:
        state = read(file)
    except Exception as error:  # of torch, pickle, zipfile, tarfile or safetensors, whatever the damage is
        raise ExtractionError(
            f"no file of weights, or a damaged one: {_why(error)}",
            where=file,
            fix="name a file of a state_dict; one that was downloaded, download again: the end of its name"
            " tells how its sha256 begins",
        ) from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise ExtractionError("it holds no weights by name", where=file, fix="name a file of a state_dict")
    return state


def _why(error: Exception) -> str:
    """In a line; torch's advice to load what is no tensor all the same is not passed on."""
    if isinstance(error, UnpicklingError):
        return "it is no pickle of tensors alone"
    return str(error).partition("\n")[0] or type(error).__name__


def _reader(file: Path) -> Callable[[Path], Any]:
    if file.suffix == ".safetensors":
        load: Callable[[Path], Any] = require("safetensors.torch", "hf").load_file
        return load
    return partial(torch.load, map_location="cpu", weights_only=True)


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None
