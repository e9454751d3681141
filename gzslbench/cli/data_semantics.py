"""gzslbench data semantics: what a text encoder makes of the classes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import data_option, dataset_argument, json_option

if TYPE_CHECKING:
    from gzslbench.prepare.text.encoder import Pooling

EPILOG = """\b
Examples:
  gzslbench data semantics CUB --encoder sentence-transformers:all-MiniLM-L6-v2 --name minilm --dry-run
  gzslbench data semantics FLO --encoder sentence-transformers:./all-MiniLM-L6-v2 --name minilm \\
      --descriptions FLO/cat_to_name.json --template "a photo of a {}, a type of flower."
  gzslbench data semantics AWA2 --encoder hf:openai/clip-vit-base-patch32 --name clip --template "a {}."
  gzslbench run --method eszsl --dataset FLO --semantics minilm

Names become words: 043.Yellow_bellied_Flycatcher is encoded as "Yellow bellied Flycatcher". Several
templates, or descriptions of a class, are encoded each, brought to length 1, and averaged. An .h5 file of
features beside the splits gets the new semantics too. `gzslbench data show DATASET --semantics NAME` tells
what made them.

Exit status: 0 the semantics are written (or, with --dry-run, could be); 2 something to mend.
"""


@click.command(epilog=EPILOG)
@dataset_argument
@click.option("--encoder", required=True, help="sentence-transformers:MODEL or hf:MODEL, a name or a folder.")
@click.option("--name", required=True, help="What `run --semantics` will take.")
@click.option(
    "--descriptions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A JSON object from class to text or texts, or a CSV file with the columns class and text.",
)
@click.option(
    "--template",
    "templates",
    multiple=True,
    help='A text with {} for the class, "a photo of a {}."; repeatable.',
)
@click.option(
    "--pooling",
    type=click.Choice(["mean", "cls"]),
    help="Of the states of hf:MODEL: their mean, or the first.  [default: mean; CLIP's own]",
)
@click.option("--split-of", help="The semantics whose split and class names are taken.  [default: att]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or cuda:N.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The _splits.mat file to write.  [default: NAME_splits.mat beside the others]",
)
@click.option("--overwrite", is_flag=True, help="Replace semantics of this name that this command wrote.")
@click.option("--dry-run", is_flag=True, help="Print the texts, and encode and write nothing.")
@data_option
@json_option()
def semantics(
    dataset: str,
    encoder: str,
    name: str,
    descriptions: Path | None,
    templates: tuple[str, ...],
    pooling: Pooling | None,
    split_of: str | None,
    device: str,
    out: Path | None,
    overwrite: bool,
    dry_run: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Encode the class names of DATASET, or descriptions of them, as its semantics NAME."""
    from gzslbench.prepare.text.basis import find_basis
    from gzslbench.prepare.text.building import Recipe, build_semantics, texts_of

    recipe = Recipe(name, encoder, descriptions, templates, pooling)
    basis = find_basis(dataset, split_of, data)
    if dry_run:
        texts = dict(zip(basis.class_names, texts_of(basis, recipe), strict=True))
        _print_texts(texts, as_json)
        return
    from gzslbench.computing.device import resolve_device

    built = build_semantics(basis, recipe, resolve_device(device), out, overwrite)
    if built.cut:
        share = f"{built.cut} of {built.provenance['texts']} texts"
        click.echo(f"{share} are longer than the model reads, and lose their ends", err=True)
    if as_json:
        told = {"files": [str(file) for file in built.files], "provenance": built.provenance}
        click.echo(json.dumps({**told, "classes": built.classes, "dimension": built.dimension}, indent=2))
        return
    for file in built.files:
        click.echo(f"wrote {file}: semantics of {built.classes} classes, {built.dimension} numbers each")
    if out is None:
        there = [dataset, "--semantics", name, *(["--data", str(data)] if data else [])]
        click.echo(f"next: {shlex.join(['gzslbench', 'data', 'show', *there])}")


def _print_texts(texts: dict[str, tuple[str, ...]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(texts, indent=2))
        return
    for name, each in texts.items():
        for text in each:
            click.echo(f"{name}\t{text}")
