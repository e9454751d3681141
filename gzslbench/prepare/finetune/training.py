"""Train a network with a softmax over seen classes, and choose an epoch on held-out training rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from gzslbench.computing.device import autocast, matmul_precision
from gzslbench.computing.seeds import generator, stream
from gzslbench.data.dataset import Rows
from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract.image import normalize
from gzslbench.prepare.extract.loading import explain_failure
from gzslbench.prepare.finetune.blocks import find_blocks
from gzslbench.prepare.finetune.images import TrainingImages
from gzslbench.training.checkpoint import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from gzslbench.prepare.finetune.finetune import FinetuneRequest

CLASSIFIER_FACTOR = 10.0
"""The learning rate of the classifier over that of the network."""
CLASSIFIER_DECAY = 1e-4
"""The weight of its squared weights while the classifier is fitted alone."""


class FineTuning:
    """A network in training.

    The usual recipe of the field (Xian et al., f-VAEGAN-D2, CVPR 2019): the backbone learns to classify the
    seen classes. The classifier is first fitted on the features of the unchanged network, so that a random
    start does not spoil them (Kumar et al., ICLR 2022); this is epoch 0.

    Attributes:
        trained: The names of the trained modules; the empty name is the whole network.
        history: By epoch from 0, the mean loss (None for 0) and the held-out accuracy in percent.
        best_epoch: The epoch after 0 of the highest held-out accuracy; of equal ones the first.
        best: The weights of this epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: FinetuneRequest,
        images: TrainingImages,
        rows: tuple[Rows, Rows],
        device: torch.device,
    ) -> None:
        """Prepare to train on the first ``rows``; the second choose the epoch.

        Raises:
            ExtractionError: The network has fewer blocks than are to be trained, or cannot be trained.
        """
        self.network, self.recipe, self.images = network, recipe, images
        self.rows, self.device = rows, device
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        labels = images.image_list.labels
        classes = np.unique(labels[rows[0]])
        self.targets = torch.from_numpy(np.searchsorted(classes, labels))  # of other rows without meaning
        with explain_failure("the network", "name another extractor"), torch.no_grad():
            pixels = self._send(torch.stack([images[int(rows[0][0])][0]]))
            blocks = find_blocks(network, pixels) if recipe.layers else []
        if recipe.layers > len(blocks):
            what, fix = f"the network has {len(blocks)} blocks", f"give a number up to {len(blocks)}, or all"
            raise ExtractionError(what, where=f"--layers {recipe.layers}", fix=fix)
        self.trained = [name for block in blocks[-recipe.layers :] for name in block] or [""]
        network.requires_grad_(False)
        for name in self.trained:
            network.get_submodule(name).requires_grad_(True)
        with explain_failure("the network in training", "name another extractor"):
            features = network(pixels)
            if not features.requires_grad:
                raise ValueError("its features do not depend on weights that can be trained")
        self.classifier = nn.Linear(features.shape[1], len(classes)).to(device)
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        self.trained_weights = sum(weight.numel() for weight in weights)
        groups = ((weights, 1.0), (list(self.classifier.parameters()), CLASSIFIER_FACTOR))
        self.optimizer = torch.optim.AdamW([{"params": part, "factor": factor} for part, factor in groups])
        self.history: list[dict[str, Any]] = []
        self.best_epoch, self.best = 0, network.state_dict()

    def run(
        self, checkpoint: Path, owner: str, step: Callable[[int], None], note: Callable[[str], None]
    ) -> None:
        """Train to the last epoch, from the checkpoint if there is one; write one after every epoch.

        ``step`` receives how many more images are done, ``note`` a line for every epoch.
        """
        if checkpoint.is_file():
            self._restore(load_checkpoint(checkpoint, owner, self.device))
            note(f"continues after epoch {len(self.history) - 1}")
            step(len(self.history) * sum(map(len, self.rows)))
        with matmul_precision(self.recipe.precision, deterministic=False):
            for epoch in range(len(self.history), self.recipe.epochs + 1):
                loss = self._train(epoch, step) if epoch else None
                if loss is None:
                    self._fit_classifier(step)
                accuracy = self._measure(step)
                if epoch and all(accuracy > line["accuracy"] for line in self.history[1:]):
                    state = self.network.state_dict()
                    self.best_epoch = epoch
                    self.best = {name: value.cpu().contiguous().clone() for name, value in state.items()}
                self.history.append({"epoch": epoch, "loss": loss, "accuracy": accuracy})
                save_checkpoint(checkpoint, owner, self._state())
                shown = "the classifier alone" if loss is None else f"loss {loss:.3f}"
                note(f"epoch {epoch} of {self.recipe.epochs}: {shown}, held-out accuracy {accuracy:.1f} %")

    def _train(self, epoch: int, step: Callable[[int], None]) -> float:
        """Train one epoch, and return the mean loss. All that is random depends only on seed and epoch."""
        recipe, rows = self.recipe, self.rows[0]
        order = torch.randperm(len(rows), generator=generator("cpu", recipe.seed, "order", epoch)).numpy()
        batches = np.array_split(rows[order], math.ceil(len(rows) / recipe.batch_size))
        total = torch.zeros((), device=self.device)
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(stream(recipe.seed, "network", epoch))  # dropout draws from the global stream
            self._set_training()
            for number, (pixels, targets) in enumerate(self._load(batches, epoch)):
                done = (epoch - 1 + number / len(batches)) / recipe.epochs
                for group in self.optimizer.param_groups:
                    group["lr"] = recipe.lr * group["factor"] * (1 + math.cos(math.pi * done)) / 2
                with autocast(self.device, recipe.precision):
                    scores = self.classifier(self.network(pixels).float())
                loss = functional.cross_entropy(scores.float(), targets)
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                total += loss.detach() * len(targets)
                step(len(targets))
        self.network.eval()
        mean = float(total) / len(rows)
        if not math.isfinite(mean):
            fix = "lower --lr, or use --precision fp32"
            raise ExtractionError(f"the loss is not finite in epoch {epoch}", where="--lr", fix=fix)
        return mean

    def _set_training(self) -> None:
        """Turn on dropout in what trains, and the statistics of batches unless they are frozen."""
        for name in self.trained:
            self.network.get_submodule(name).train()
        for module in self.network.modules():
            if isinstance(module, _BatchNorm) and self.recipe.batch_norm == "frozen":
                module.eval()

    def _load(self, batches: Sequence[Rows], epoch: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pixels and targets on the device, without waiting for the device."""
        images = replace(self.images, epoch=epoch)
        lists = [batch.tolist() for batch in batches]
        on_gpu = self.device.type == "cuda"
        workers = self.recipe.workers
        with explain_failure("the images", "give each image an input of one shape"):
            for pixels, rows in DataLoader(
                images, batch_sampler=lists, num_workers=workers, pin_memory=on_gpu
            ):
                yield self._send(pixels), self.targets[rows].to(self.device, non_blocking=True)

    def _send(self, pixels: Tensor) -> Tensor:
        sent = normalize(pixels.to(self.device, non_blocking=True), self.images.preparation)
        return sent.contiguous(memory_format=torch.channels_last)

    def _evaluate(self, rows: Rows, step: Callable[[int], None]) -> tuple[Tensor, Tensor]:
        """Return the features ``(n, d)`` of these rows as they will be extracted, and their targets."""
        found: list[tuple[Tensor, Tensor]] = []
        with torch.no_grad(), autocast(self.device, self.recipe.precision):
            for pixels, targets in self._load(np.array_split(rows, math.ceil(len(rows) / 32))):
                found.append((self.network(pixels).float(), targets))
                step(len(targets))
        features = torch.cat([features for features, _ in found])
        if not features.isfinite().all():
            fix = "check the weights, or try --precision fp32"
            raise ExtractionError("the network gives NaN or infinite features", where="--extractor", fix=fix)
        return features, torch.cat([targets for _, targets in found])

    def _fit_classifier(self, step: Callable[[int], None]) -> None:
        """Fit the classifier on the features of the unchanged network, by L-BFGS from zero."""
        features, targets = self._evaluate(self.rows[0], step)
        for part in self.classifier.parameters():
            nn.init.zeros_(part)
        weights = list(self.classifier.parameters())
        solver = torch.optim.LBFGS(weights, max_iter=200, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            solver.zero_grad()
            decay = CLASSIFIER_DECAY * self.classifier.weight.square().sum()
            value = functional.cross_entropy(self.classifier(features), targets) + decay
            value.backward()  # type: ignore[no-untyped-call]
            return value

        solver.step(loss)  # type: ignore[no-untyped-call]

    def _measure(self, step: Callable[[int], None]) -> float:
        """Return the mean over the classes of the accuracy on held-out rows, in percent."""
        features, targets = self._evaluate(self.rows[1], step)
        with torch.no_grad():
            right = (self.classifier(features).argmax(1) == targets).double()
        counts = torch.bincount(targets)
        return 100 * float((torch.bincount(targets, right)[counts > 0] / counts[counts > 0]).mean())

    def _state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in ("network", "classifier", "optimizer")}
        return {**parts, **{name: getattr(self, name) for name in ("best", "best_epoch", "history")}}

    def _restore(self, state: dict[str, Any]) -> None:
        for name in ("network", "classifier", "optimizer"):
            getattr(self, name).load_state_dict(state.pop(name))
        vars(self).update(state)
        self.best = {name: value.cpu() for name, value in self.best.items()}
