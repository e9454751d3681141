"""A model of transformers as an extractor."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Extractor, Request, Weights
from gzslbench.prepare.extract.packages import require
from gzslbench.prepare.extract.weights import sha256_of_network
from gzslbench_features.huggingface.network import Features, checked
from gzslbench_features.huggingface.preparation import preparation_of
from gzslbench_features.huggingface.source import Source

FEW = 3


def load(request: Request) -> Extractor:
    """The model with its own weights and preparation.

    Raises:
        ExtractionError: transformers is missing, there is no such model, layer or pooling, the model sees no
            photographs, weights of it are missing, or its preparation is one that we do not have.
    """
    transformers = require("transformers", "hf")
    if find_spec("torchvision") is not None:  # transformers imports it where there is one
        require(
            "torchvision", "torchvision", "install the one that was built for this torch, or uninstall it"
        )
    source = Source.of(request.model)
    if request.weights is not None:
        raise ExtractionError(
            "the weights of a model of transformers come with it",
            where=f"--weights {request.weights}",
            fix="leave --weights out; write hf:FOLDER for weights of your own, saved by save_pretrained",
        )
    layer = _number(request.layer)
    config = source.had(transformers.AutoConfig.from_pretrained)
    if not source.folder:
        source = replace(source, revision=getattr(config, "_commit_hash", None) or source.revision)
    where = f"hf:{source.label}"
    _check_sight(config, transformers, where)
    processor = source.had(transformers.AutoImageProcessor.from_pretrained, backend="pil")
    preparation = preparation_of(processor, where)
    model = _model(source, config, transformers, where)
    network = checked(Features(model, layer, request.pooling or "own").eval(), preparation.crop, where)
    return Extractor(network, Weights(source.label, sha256_of_network(model)), preparation, ("transformers",))


def _number(layer: str) -> int | None:
    try:
        return int(layer) if layer else None
    except ValueError as error:
        raise ExtractionError(
            f"hf has no layer {layer!r}",
            where="--layer",
            fix="write the number of a hidden state: 0 goes into the first block, -1 is the last",
        ) from error


def _check_sight(config: Any, transformers: Any, where: str) -> None:
    """Refuse what sees no photographs before its weights are downloaded."""
    kind = transformers.MODEL_MAPPING.get(type(config), None)
    several = kind if isinstance(kind, tuple) else (kind,)
    sees = any(getattr(each, "main_input_name", "") == "pixel_values" for each in several)
    if not sees and type(config) not in transformers.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING:
        raise ExtractionError(
            f"{config.model_type} is no model of photographs alone",
            where=where,
            fix="name a vision model, for example hf:facebook/dinov2-base",
        )


def _model(source: Source, config: Any, transformers: Any, where: str) -> nn.Module:
    """The model without a head, every weight of it read; a pooling layer that was not trained is left out."""
    model, told = source.had(
        transformers.AutoModel.from_pretrained,
        config=config,
        dtype=torch.float32,
        weights_only=True,
        output_loading_info=True,
    )
    missing = sorted(name for name in told["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ExtractionError(
            f"{len(missing)} weights are missing from it, for example {', '.join(missing[:FEW])}",
            where=where,
            fix="name the model that these weights were saved from, whole",
        )
    pooler = getattr(model, "pooler", None)
    if isinstance(pooler, nn.Module) and (
        told["missing_keys"] or any(isinstance(each, nn.Linear) for each in pooler.modules())
    ):
        model.pooler = None
    return model
