"""A model of timm as an extractor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import floor
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Crops, Extractor, Preparation, Request, Weights
from gzslbench.prepare.extract.packages import require
from gzslbench.prepare.extract.pooling import Pooled
from gzslbench.prepare.extract.weights import read_weights, sha256_of_network
from gzslbench_features.timm.whole import check_whole, missing_noted

FITTING = "timm takes torchvision: install the one that was built for this torch"
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")
CROPS: dict[str, Crops] = {"center": "centre", "squash": "squeezed"}
FEW = 5


def load(request: Request) -> Extractor:
    """The network without its classifier, with the weights of its name or of a file.

    Raises:
        ExtractionError: timm or torchvision cannot be imported, there is no such network, layer or weights,
            weights of it are missing, or its preparation is one that we do not have.
    """
    timm = require("timm", "timm", FITTING)
    where = f"timm:{request.model}"
    network = _network(timm, request, where)
    preparation = in_our_words(timm.data.resolve_model_data_config(network), where)
    if request.weights is None:
        weights = Weights(_full_name(network, request.model), sha256_of_network(network))
    else:
        weights = read_weights(network, Path(request.weights), _classifier(network))
    features = _of_layer(network, request, preparation.crop, where) if request.layer else network
    if not request.layer and request.pooling not in ("", "own"):
        raise ExtractionError(
            "only a layer's activations are pooled",
            where=f"{where} --pooling {request.pooling}",
            fix="name the layer with --layer N, or leave --pooling out",
        )
    return Extractor(features.eval(), weights, preparation, ("timm", "torchvision"))


def in_our_words(settings: Mapping[str, Any], where: str) -> Preparation:
    """Timm's data configuration as a ``Preparation``.

    Raises:
        ExtractionError: A ``Preparation`` cannot say it.
    """
    colours, height, width = settings["input_size"]
    if colours != 3 or height != width:
        _refuse(f"input_size is {settings['input_size']}", where)
    interpolation, mode = settings["interpolation"], settings["crop_mode"]
    if interpolation not in INTERPOLATIONS:
        _refuse(f"interpolation is {interpolation!r}", where)
    if mode not in CROPS:
        _refuse(f"crop_mode is {mode!r}", where)
    short_side = floor(height / settings["crop_pct"])
    if short_side < height:
        _refuse(f"crop_pct is {settings['crop_pct']}", where)
    crops = "whole" if mode == "squash" and short_side == height else CROPS[mode]
    mean, std = tuple(settings["mean"]), tuple(settings["std"])
    return Preparation(short_side, height, crops, interpolation, "down", mean, std)


def _network(timm: Any, request: Request, where: str) -> nn.Module:
    name, own = request.model, request.weights is None
    bare = name.partition(".")[0]
    if ":" not in name and not timm.is_model(bare):
        near = timm.list_models(f"*{bare}*") or timm.list_models(f"{bare[:4]}*")
        raise ExtractionError(
            f"timm has no model {bare!r}",
            where=where,
            fix=f"such as {', '.join(near[:FEW])}" if near else "see timm.list_models()",
        )
    try:
        with missing_noted() as missing:
            network: nn.Module = timm.create_model(name, pretrained=own, num_classes=0)
    except Exception as error:  # of timm, the hub, the network or the readers of files
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ExtractionError(
            f"this model cannot be had: {why}",
            where=where,
            fix="check the name; without a network, download its weights elsewhere and name the file by"
            " --weights",
        ) from error
    check_whole(missing, _classifiers(network), where)
    return network.eval()


def _told(network: nn.Module, name: str) -> Any:
    told: Any = getattr(network, "pretrained_cfg", {})
    return told.get(name)


def _full_name(network: nn.Module, asked: str) -> str:
    return ".".join(filter(None, (_told(network, "architecture"), _told(network, "tag")))) or asked


def _classifier(network: nn.Module) -> list[str]:
    """The names of the classifier's weights, which a file has and the network does not."""
    return [f"{name}.{part}" for name in _classifiers(network) for part in ("weight", "bias")]


def _classifiers(network: nn.Module) -> tuple[str, ...]:
    names = _told(network, "classifier") or ()
    return (names,) if isinstance(names, str) else tuple(names)


def _of_layer(network: nn.Module, request: Request, crop: int, where: str) -> nn.Module:
    where = f"{where} --layer {request.layer}"
    if not hasattr(network, "forward_intermediates"):
        raise ExtractionError(
            f"timm gives no layers of {request.model}", where=where, fix="leave --layer out"
        )
    try:
        activations = partial(_activations, network, int(request.layer))
        with torch.inference_mode():
            found = activations(torch.zeros(1, 3, crop, crop))
        if found.ndim != 4:
            raise ValueError(f"its activations are {tuple(found.shape[1:])}, not (C, h, w)")
    except (RuntimeError, ValueError, AssertionError, TypeError, IndexError) as error:
        why = str(error).partition("\n")[0]
        raise ExtractionError(
            f"{request.model} has no such layer: {why}",
            where=where,
            fix="write the number of a block or stage: 0 is the first, -1 the last",
        ) from error
    return Pooled(network, activations, "mean" if request.pooling in ("", "own") else request.pooling)


def _activations(network: Any, layer: int, photographs: Tensor) -> Tensor:
    (found,) = network.forward_intermediates(
        photographs, indices=[layer], output_fmt="NCHW", intermediates_only=True
    )
    return found


def _refuse(why: str, where: str) -> NoReturn:
    raise ExtractionError(
        f"the model prepares its photographs as we cannot: {why}", where=where, fix="name another model"
    )
