"""A classifier of torchvision as an extractor."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.errors import ExtractionError, did_you_mean
from gzslbench.plugins.extractor import Extractor, Preparation, Request
from gzslbench.prepare.extract.downloading import download
from gzslbench.prepare.extract.packages import require
from gzslbench.prepare.extract.pooling import Pooled
from gzslbench.prepare.extract.weights import read_weights

FITTING = (
    "install the torchvision that was built for this torch (see both version numbers in torchvision's README)"
)
# What torchvision gives these besides their weights; it is in no file.
BESIDE_WEIGHTS = {
    name: {"transform_input": True, "init_weights": False} for name in ("googlenet", "inception_v3")
}
# As DenseNet's published files have them, from when a name could hold a dot more.
OLD_NAMES = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)(?=\.)")
FEW = 5


def load(request: Request) -> Extractor:
    """The network up to its last linear layer, or to a node, with the weights of a name or a file.

    Raises:
        ExtractionError: torchvision cannot be imported, there is no such network, node or weights, or the
            network ends in no linear layer.
    """
    models = require("torchvision.models", "torchvision", FITTING)
    where = f"torchvision:{request.model}"
    network = _network(models, request.model, where).eval()
    known = list(_published(models, request.model))
    named = {each.name: each for each in known}
    if request.weights is None:
        raise ExtractionError(
            f"{request.model} comes without weights",
            where=where,
            fix=f"name {' or '.join(['DEFAULT', *named])}, or a file of them, by --weights",
        )
    if request.weights == "DEFAULT" and known:
        chosen = models.get_model_weights(request.model).DEFAULT
    else:
        chosen = named.get(request.weights)
    file = download(chosen.url, _sha256_of(chosen)) if chosen else Path(request.weights)
    weights = read_weights(network, file, renamed=partial(OLD_NAMES.sub, r"\1\2"))
    preparation = _preparation(known, weights.sha256)
    features = (
        _of_layer(network, request, preparation.crop, where)
        if request.layer
        else _usual(network, request, where)
    )
    _check(features, preparation, where)
    return Extractor(features.eval(), weights, preparation, ("torchvision",))


def _network(models: Any, name: str, where: str) -> nn.Module:
    names = models.list_models(module=models)
    if name not in names:
        raise ExtractionError(
            f"torchvision has no classifier {name!r}", where=where, fix=did_you_mean(name, names)
        )
    network: nn.Module = models.get_model(name, weights=None, **BESIDE_WEIGHTS.get(name, {}))
    return network


def _published(models: Any, name: str) -> Iterable[Any]:
    """Its published weights, the first ones first."""
    return iter(models.get_model_weights(name))


def _sha256_of(published: Any) -> str:
    """The digits that the file's name ends with."""
    return str(published.url).rpartition("-")[2].partition(".")[0]


def _preparation(known: Iterable[Any], sha256: str) -> Preparation:
    """What the weights of this sha256 expect; what the first published ones do, where they are others."""
    every = {_sha256_of(each): each for each in known}
    if not every:
        return Preparation()
    match = [each for digits, each in every.items() if sha256.startswith(digits)]
    wanted = (match or list(every.values()))[0].transforms()
    (short_side,), (crop,) = wanted.resize_size, wanted.crop_size
    return Preparation(
        short_side,
        crop,
        interpolation=wanted.interpolation.value,
        mean=tuple(wanted.mean),
        std=tuple(wanted.std),
    )


def _usual(network: nn.Module, request: Request, where: str) -> nn.Module:
    """The network with nothing in the place of its last linear layer."""
    if request.pooling not in ("", "own"):
        raise ExtractionError(
            "only a layer's activations are pooled",
            where=f"{where} --pooling {request.pooling}",
            fix="name the layer with --layer NODE, or leave --pooling out",
        )
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ExtractionError(
            f"{request.model} ends in no linear layer",
            where=where,
            fix="name a node with --layer, for example --layer features",
        )
    parent, _, name = linear[-1].rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return network


def _of_layer(network: nn.Module, request: Request, crop: int, where: str) -> nn.Module:
    extraction = require("torchvision.models.feature_extraction", "torchvision", FITTING)
    _, nodes = extraction.get_graph_node_names(network)
    if not any(node == request.layer or node.startswith(f"{request.layer}.") for node in nodes):
        near = difflib.get_close_matches(request.layer, nodes, FEW) or nodes[-FEW:]
        raise ExtractionError(
            f"{request.model} has no node {request.layer!r}",
            where=f"{where} --layer",
            fix=f"name one of its {len(nodes)} nodes, such as {', '.join(near)}",
        )
    upto = extraction.create_feature_extractor(network, {request.layer: "activations"}).eval()
    with _refusing(f"{where} --layer {request.layer}"), torch.inference_mode():
        channels = _channels(upto(torch.zeros(1, 3, crop, crop))["activations"])
    pooling = "mean" if request.pooling in ("", "own") else request.pooling
    return Pooled(upto, partial(_activations, upto, channels), pooling)


def _channels(activations: Tensor) -> int:
    """The axis of the channels; the other two are as long as each other, for the photograph is a square.

    Raises:
        ValueError: It cannot be told.
    """
    if activations.ndim == 4:
        _, first, middle, last = activations.shape
        if first != middle == last:
            return 1
        if first == middle != last:
            return 3
    shape = tuple(activations.shape[1:])
    raise ValueError(f"its activations are {shape}, neither (C, h, h) nor (h, h, C)")


def _activations(upto: nn.Module, channels: int, photographs: Tensor) -> Tensor:
    found: Tensor = upto(photographs)["activations"]
    return found.movedim(channels, 1)


def _check(features: nn.Module, preparation: Preparation, where: str) -> None:
    """Refuse what makes no row of a photograph."""
    with _refusing(where):
        with torch.inference_mode():
            found = features.eval()(torch.zeros(1, 3, preparation.crop, preparation.crop))
        if found.ndim != 2:
            raise ValueError(f"it gives {tuple(found.shape)} of one photograph")


@contextmanager
def _refusing(where: str) -> Iterator[None]:
    """What a network says against a photograph, told as ours."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise ExtractionError(
            f"there are no features of a photograph: {str(error).partition(chr(10))[0]}",
            where=where,
            fix="name another layer, or leave --layer out",
        ) from error
