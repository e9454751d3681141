"""gzslbench finetune: train an extractor on the seen classes of a dataset."""

from __future__ import annotations

from typing import Any

import click

from gzslbench.cli import completion
from gzslbench.cli import options as opt
from gzslbench.cli.options import NOT_NEGATIVE, POSITIVE, flag, option

EPILOG = """\b
Examples:
  gzslbench finetune --dataset CUB --images CUB/images --extractor resnet101 \\
      --weights IMAGENET1K_V2 --epochs 30 --lr 1e-5 --workers 8
  gzslbench finetune --dataset my-birds --images photos --layers 7 \\
      --extractor efficientnet-lite0
  gzslbench extract --dataset my-birds --images photos \\
      --extractor efficientnet-lite0 \\
      --weights my-birds/efficientnet_lite0_finetuned.pt

A softmax over the seen classes is trained on the images of trainval; then the classifier is thrown away. No
image of a test row is opened. A tenth of the rows of each class do not train: the epoch with the highest
accuracy on them gives the weights. Epoch 0 is the network before fine-tuning, for comparison.

--select val and --calibrate val test on rows of trainval, which this network has seen. For an honest choice,
fine-tune again with --for-validation, extract these features too, and name them for the run:

\b
  gzslbench run --method eszsl --dataset my-birds --calibrate val \\
      --features efficientnet_lite0_finetuned \\
      --validation-features efficientnet_lite0_finetuned_for_validation

If it is interrupted, the same command continues after the last complete epoch. A finished file is kept;
--again replaces it.
"""


@click.command(epilog=EPILOG)
@opt.photographs_options
@option("--weights", "The weights to begin with: a file, or a name that the extractor knows.")
@option("--epochs", "How often every image is seen.", POSITIVE, default=10)
@option(
    "--lr",
    "The learning rate of the network at the start; it falls to 0 as a cosine. That of the classifier is ten"
    " times as high. The authors of TF-VAEGAN name 1e-5 or 1e-6 for a whole ResNet-101.",
    click.FloatRange(min=0, min_open=True),
    default=1e-4,
)
@option(
    "--layers",
    "How many blocks are trained, from the end. Fewer are faster and change the features less.",
    metavar="N|all",
    default="all",
    callback=lambda ctx, param, value: 0 if value == "all" else POSITIVE.convert(value, param, ctx),
)
@option(
    "--augment",
    "crop: cut out a random part, and mirror every second image. flip: only mirror. none: change nothing.",
    ["crop", "flip", "none"],
    default="crop",
)
@option(
    "--batch-norm",
    "The statistics of batch normalizations: frozen, which suits small batches, or trained.",
    ["frozen", "train"],
    default="frozen",
)
@option("--batch-size", "Images in a batch.", POSITIVE, default=32)
@flag(
    "--for-validation",
    "Leave out the rows on which validation is tested: all of the validation classes, some of the others.",
)
@option(
    "--semantics",
    "For --for-validation: the semantics whose file decides the validation classes. [default: att]",
    shell_complete=completion.semantics,
)
@option("--seed", "The seed of order, augmentation and dropout.", NOT_NEGATIVE, default=0)
@opt.workers_option
@opt.device_option
@opt.precision_option
@opt.data_option
@option(
    "--out",
    "The file to write. [default: next to the splits, named after the extractor]",
    opt.OutputFile(".pt"),
)
@flag("--again", "Start over; replace a finished file.")
def finetune(**options: Any) -> None:
    """Train an extractor on the seen classes of a dataset, for `gzslbench extract --weights`."""
    from gzslbench.api.build import run_finetuning
    from gzslbench.prepare.finetune.finetune import FinetuneRequest

    request = FinetuneRequest(**options)
    path, made = run_finetuning(request)
    chosen = made["history"][made["chosen_epoch"]]
    click.echo(f"wrote {path}: epoch {chosen['epoch']}, held-out accuracy {chosen['accuracy']:.1f} %")
    where = f"--dataset {request.dataset} --images {request.images} --extractor {request.extractor}"
    click.echo(f"next: gzslbench extract {where} --weights {path}", err=True)
