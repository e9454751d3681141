"""Load a vision model of transformers, with the model's own image processor."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Extractor, ImageTransform, Request, Weights
from gzslbench.prepare.extract.loading import (
    MAX_LISTED,
    check_features,
    first_line,
    hash_weights,
    import_package,
)

CLASS_TOKENS = ("cls_token", "class_token", "class_embedding")
OTHER_TOKENS = ("distillation_token", "register_tokens")
PRETRAININGS = {
    "facebook/dinov2": "self-supervised: lvd-142m",
    "facebook/dinov3": "self-supervised: lvd-1689m",
    "facebook/dino-": "self-supervised: imagenet-1k",
    "facebook/vit-mae": "self-supervised: imagenet-1k",
    "facebook/deit-": "imagenet-1k",
    "facebook/convnext": "imagenet-1k",
    "microsoft/resnet-": "imagenet-1k",
    "microsoft/beit-": "imagenet-22k",
    "google/vit-": "imagenet-22k",
    "google/siglip": "web image-text",
    "openai/clip": "web image-text",
    "laion/": "web image-text",
}
"""What well-known models learned from, by the start of their name; a 22k in it says ImageNet-22k."""
# transformers would ask the hub to convert weights that are not safetensors, in a pull request.
_NO_CONVERSION = "DISABLE_SAFETENSORS_CONVERSION"


def load(request: Request) -> Extractor:
    """Load the model with its own weights and preprocessing."""
    transformers = import_package("transformers", "hf")
    if find_spec("torchvision") is not None:  # transformers imports it, and hides why that fails
        fix = "install the torchvision that was built for this torch, or uninstall it"
        import_package("torchvision", "torchvision", fix)
    source = ModelSource.parse(request.model)
    if request.weights is not None:
        raise ExtractionError(
            "a model of transformers has its own weights",
            where=f"--weights {request.weights}",
            fix="leave --weights out; for your own weights, write hf:FOLDER of a save_pretrained",
        )
    try:
        layer = int(request.layer) if request.layer else None
    except ValueError as error:
        raise ExtractionError(
            f"hf has no layer {request.layer!r}",
            where="--layer",
            fix="write the number of a hidden state: 0 goes into the first block, -1 is the last",
        ) from error
    config = source.load(transformers.AutoConfig.from_pretrained)
    if not source.is_folder:
        source = replace(source, revision=getattr(config, "_commit_hash", None) or source.revision)
    where = f"hf:{source.label}"
    _check_vision(config, transformers, where)
    # The PIL backend gives the same pixels on every machine, with and without torchvision.
    processor = source.load(transformers.AutoImageProcessor.from_pretrained, backend="pil")
    transform = partial(run_processor, processor)
    noise = _check_size(transform, where)
    model = _load_model(source, config, transformers, where)
    network = VisionFeatures(model, layer, request.pooling or "own").eval()
    check_features(
        network, noise[None], f"{where} --pooling {network.pooling}", "see `gzslbench extractors hf`"
    )
    preparation = ImageTransform(transform, json.loads(processor.to_json_string()))
    weights = Weights(source.label, hash_weights(model), find_pretraining(source))
    return Extractor(network, weights, preparation, ("transformers",))


def run_processor(processor: Any, image: Image.Image) -> Tensor:
    """Preprocess an image to ``(3, h, w)`` float32."""
    pixels: Tensor = processor(images=image, return_tensors="pt")["pixel_values"][0]
    return pixels.float()


@dataclass(frozen=True)
class ModelSource:
    """Where a model of transformers is loaded from.

    Attributes:
        place: The folder's path, or the name on the hub.
        revision: A branch, tag or commit on the hub; None takes the main branch.
        is_folder: Whether it is a folder.
    """

    place: str
    revision: str | None = None
    is_folder: bool = False

    @classmethod
    def parse(cls, model: str) -> ModelSource:
        """Parse MODEL of ``hf:MODEL``: an existing folder comes before a name on the hub."""
        path = Path(model).expanduser()
        if path.is_dir():
            return cls(str(path.resolve()), is_folder=True)
        name, _, revision = model.partition("@")
        return cls(name, revision or None)

    @property
    def label(self) -> str:
        """The folder's name, or the name on the hub with the revision."""
        if self.is_folder:
            return Path(self.place).name
        return self.place + (f"@{self.revision}" if self.revision else "")

    def load(self, from_pretrained: Callable[..., Any], **settings: Any) -> Any:
        """Call a ``from_pretrained`` of transformers. Code that comes with the model is never run."""
        try:
            with _configure_transformers():
                return from_pretrained(
                    self.place, revision=self.revision, trust_remote_code=False, **settings
                )
        except Exception as error:  # transformers, the hub and readers of files each raise their own
            raise self._loading_error(error) from error

    def _loading_error(self, error: Exception) -> ExtractionError:
        kinds = {type(cause).__name__ for cause in _causes(error)}
        why = first_line(error)
        fix = (
            f"check the name; without a network, download it elsewhere (hf download {self.place} --local-dir"
            " FOLDER) and write hf:FOLDER; HF_HUB_OFFLINE=1 uses earlier downloads"
        )
        if "GatedRepoError" in kinds:
            why = "its owners give access on request"
            fix = "request it on its page and run `hf auth login`; or download it and write hf:FOLDER"
        elif "trust_remote_code" in str(error):
            why = "it comes with its own code, which is not run"
            fix = "name a model whose code is in transformers"
        elif self.is_folder:
            fix = "the folder needs complete config.json, preprocessor_config.json and model.safetensors"
        elif self.place.startswith(("/", ".", "~")):
            why, fix = "there is no such folder", "name the folder of a save_pretrained or of a download"
        return ExtractionError(f"this model cannot be loaded: {why}", where=f"hf:{self.label}", fix=fix)


def find_pretraining(source: ModelSource) -> str:
    """Return what a well-known model of the hub learned from; ``unknown`` for others and for folders."""
    if source.is_folder:
        return "unknown"
    if re.search(r"2[12]k", source.place):
        return "imagenet-22k"
    known = (data for name, data in PRETRAININGS.items() if source.place.startswith(name))
    return next(known, "unknown")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextmanager
def _configure_transformers() -> Iterator[None]:
    """Prevent conversions, and the report of unused heads: this extractor leaves heads out on purpose."""
    from transformers.utils import logging

    verbosity, conversion = logging.get_verbosity(), os.environ.get(_NO_CONVERSION)
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    os.environ[_NO_CONVERSION] = "1"
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if conversion is None:
            del os.environ[_NO_CONVERSION]
        else:
            os.environ[_NO_CONVERSION] = conversion


def _check_vision(config: Any, transformers: Any, where: str) -> None:
    """Refuse a model without a vision part before its weights are downloaded."""
    classes = transformers.MODEL_MAPPING.get(type(config), None)
    candidates = classes if isinstance(classes, tuple) else (classes,)
    sees = any(getattr(candidate, "main_input_name", "") == "pixel_values" for candidate in candidates)
    if not sees and type(config) not in transformers.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING:
        raise ExtractionError(
            f"{config.model_type} is not a vision model",
            where=where,
            fix="name a vision model, for example hf:facebook/dinov2-base",
        )


def _check_size(transform: Callable[[Image.Image], Tensor], where: str) -> Tensor:
    """Check that images of all sizes get one size, and return one preprocessed image of noise."""
    pixels = torch.randint(256, (2, 301, 203, 3), generator=torch.Generator().manual_seed(0))
    first, second = (Image.fromarray(image) for image in pixels.byte().numpy())
    try:
        tall, wide = transform(first), transform(second.transpose(Image.Transpose.ROTATE_90))
    except (ValueError, TypeError, KeyError, RuntimeError, AttributeError) as error:
        raise ExtractionError(
            f"its image processor fails: {first_line(error)}",
            where=where,
            fix="name another model",
        ) from error
    if tall.shape != wide.shape:
        raise ExtractionError(
            "its image processor does not bring images to one size",
            where=where,
            fix="name another model; or download it into a folder, set size and crop_size in the folder's"
            " preprocessor_config.json, and write hf:FOLDER",
        )
    return tall


def _load_model(source: ModelSource, config: Any, transformers: Any, where: str) -> nn.Module:
    """Load the model without a head, with all its weights; an untrained pooling layer is removed."""
    model, info = source.load(
        transformers.AutoModel.from_pretrained,
        config=config,
        dtype=torch.float32,
        weights_only=True,
        output_loading_info=True,
    )
    missing = sorted(name for name in info["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ExtractionError(
            f"{len(missing)} weights are missing, for example {', '.join(missing[:MAX_LISTED])}",
            where=where,
            fix="use a complete model: missing weights would be random numbers",
        )
    pooler = getattr(model, "pooler", None)
    # A pooler with a linear layer was trained for texts or not at all: features come from before it.
    if isinstance(pooler, nn.Module) and (
        info["missing_keys"] or any(isinstance(module, nn.Linear) for module in pooler.modules())
    ):
        model.pooler = None
    network: nn.Module = model
    return network


class VisionFeatures(nn.Module):
    """Maps images to one row of features each."""

    def __init__(self, model: nn.Module, layer: int | None, pooling: str) -> None:
        """Take ``pooling`` of hidden state ``layer``, or of the last output if ``layer`` is None.

        For a layer, ``own`` is its class token, or the mean if there is none.
        """
        super().__init__()
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.has_class_token, self.special_tokens = count_tokens(self.tower)

    @property
    def tower(self) -> nn.Module:
        """The vision part of the model."""
        part: nn.Module = getattr(self.model, "vision_model", self.model)
        return part

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(B, 3, h, w)`` to ``(B, width)``."""
        if self.layer is None and self.pooling == "own":
            return self._own_features(images)[0]
        return self._pool(self._state(images))

    def with_places(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same, and the ``(B, d, side, side)`` patches or places before pooling."""
        if self.layer is None and self.pooling == "own":
            features, state = self._own_features(images)
            state = self._state(images) if state is None else state
        else:
            state = self._state(images)
            features = self._pool(state)
        places = self._places(state)
        side = isqrt(places.shape[2])
        return features, places.reshape(*places.shape[:2], side, side)

    def _state(self, images: Tensor) -> Tensor:
        """Return the hidden state ``(B, T, d)`` or ``(B, d, h, w)`` of the layer, the last by default."""
        output = self.tower(pixel_values=images, output_hidden_states=self.layer is not None)
        if self.layer is None:
            state: Tensor = output.last_hidden_state
            return state
        states = output.hidden_states
        if not -len(states) <= self.layer < len(states):
            raise ValueError(
                f"it has hidden states 0 to {len(states) - 1}, also counted -{len(states)} to -1 from the end"
            )
        chosen: Tensor = states[self.layer]
        return chosen

    def _own_features(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the projected image, else the pooled output, else the class token or mean.

        The last hidden state follows, where the same call gives it.
        """
        project: Any = getattr(self.model, "get_image_features", None)
        if project is not None:
            output = project(pixel_values=images)
            projected: Tensor = output if isinstance(output, Tensor) else output.pooler_output
            return projected.flatten(1), None
        output = self.model(pixel_values=images)
        pooled: Tensor | None = getattr(output, "pooler_output", None)
        state: Tensor = output.last_hidden_state
        return (self._pool(state) if pooled is None else pooled).flatten(1), state

    def _pool(self, state: Tensor) -> Tensor:
        """Map ``(B, T, d)`` tokens or ``(B, d, h, w)`` places to ``(B, d)``."""
        class_token = state.ndim == 3 and self.has_class_token
        if self.pooling == "cls" or (self.pooling == "own" and class_token):
            if not class_token:
                raise ValueError("it has no class token; use --pooling mean or max")
            return state[:, 0]
        places = self._places(state)
        return places.amax(2) if self.pooling == "max" else places.mean(2)

    def _places(self, state: Tensor) -> Tensor:
        """Return ``(B, d, R)`` of the patches or places."""
        places = state[:, self.special_tokens :].transpose(1, 2) if state.ndim == 3 else state.flatten(2)
        # Patches of a square image form a square; anything else means that a special token was missed.
        side = isqrt(places.shape[2])
        if side**2 != places.shape[2] or (state.ndim == 4 and state.shape[2] != side):
            raise ValueError(
                f"its activations {tuple(state.shape[1:])} are not a square of patches or places; use another"
                " layer, or leave --layer and --pooling out"
            )
        return places


def count_tokens(tower: nn.Module) -> tuple[bool, int]:
    """Return whether there is a class token, and how many tokens come before the patches."""
    last_names = ((name.rpartition(".")[2], weight) for name, weight in tower.named_parameters())
    special = {
        name: (weight.shape[-2] if weight.ndim > 1 else 1)
        for name, weight in last_names
        if name in (*CLASS_TOKENS, *OTHER_TOKENS)
    }
    return any(name in CLASS_TOKENS for name in special), sum(special.values())
