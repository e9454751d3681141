"""gzslbench data semantics: encode the classes of a dataset with a text encoder."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from gzslbench.cli.options import (
    PATH,
    data_option,
    dataset_argument,
    device_option,
    flag,
    json_option,
    option,
)

EPILOG = """\b
Examples:
  gzslbench data semantics CUB --encoder all-MiniLM-L6-v2 --name minilm --dry-run
  gzslbench data semantics FLO --encoder ./all-MiniLM-L6-v2 --name minilm \\
      --descriptions FLO/cat_to_name.json --template "a photo of a {}, a type of flower."
  gzslbench data semantics AWA2 --encoder openai/clip-vit-base-patch32 --name clip --template "a {}."
  gzslbench run --method eszsl --dataset FLO --semantics minilm

MODEL is a model of sentence-transformers, or a text or CLIP model of transformers: a name on the Hugging
Face hub, or a folder. Plain text models are pooled by the mean over tokens.

Descriptions are a JSON object from class to text or texts; CSV with the columns class and text, or image and
text (captions); a .txt file with a line `# class` above the paragraphs of each class, or with one line a
class; or a folder with class.txt, or with a folder of .txt files for each class.

Names become words: 043.Yellow_bellied_Flycatcher is encoded as "Yellow bellied Flycatcher". If a class has
several texts, each encoding is scaled to length 1, and then they are averaged. An .h5 file of features next
to the splits gets the new semantics too. `gzslbench data show DATASET --semantics NAME` shows what made them.
"""


@click.command(epilog=EPILOG)
@dataset_argument
@option("--encoder", "Name or folder of a text encoder.", metavar="MODEL", required=True)
@option("--name", "The name that `run --semantics` takes.", required=True)
@option(
    "--descriptions",
    "Texts about the classes: a .json, .csv or .txt file, or a folder of .txt files.",
    PATH,
)
@option(
    "--long-texts",
    "What to do with texts that are longer than the model reads: ignore their ends, or encode them in"
    " pieces and average.",
    ("cut", "split"),
    default="cut",
)
@option(
    "--template",
    'A text with {} for the class, "a photo of a {}."; repeatable.',
    to="templates",
    multiple=True,
)
@option("--split-of", "The semantics whose split and class names are used. [default: att]")
@device_option
@flag("--overwrite", "Replace semantics of this name that this command wrote.")
@flag("--dry-run", "Print the texts. Encode and write nothing.")
@data_option
@json_option()
def semantics(
    dataset: str,
    encoder: str,
    name: str,
    descriptions: Path | None,
    long_texts: str,
    templates: tuple[str, ...],
    split_of: str | None,
    device: str,
    overwrite: bool,
    dry_run: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Encode the class names of DATASET, or descriptions of them, as its semantics NAME."""
    from gzslbench.prepare.text.build import SemanticsRequest, build_semantics, collect_texts, find_basis

    request = SemanticsRequest(name, encoder, descriptions, templates, long_texts == "split")
    basis = find_basis(dataset, split_of, data)
    if dry_run:
        texts = dict(zip(basis.class_names, collect_texts(basis, request)[0], strict=True))
        lines = [f"{name}\t{text}" for name, of_class in texts.items() for text in of_class]
        click.echo(json.dumps(texts, indent=2) if as_json else "\n".join(lines))
        return
    from gzslbench.computing.device import resolve_device

    files, provenance = build_semantics(basis, request, resolve_device(device), overwrite)
    if provenance["texts_cut"]:
        share = f"{provenance['texts_cut']} of {provenance['texts']} texts"
        ends = "their ends are ignored (--long-texts split reads them)"
        click.echo(f"{share} are longer than the model reads; {ends}", err=True)
    if note := provenance.get("note"):
        click.echo(f"note: {note}", err=True)
    if as_json:
        click.echo(json.dumps({"files": [str(file) for file in files], "provenance": provenance}, indent=2))
        return
    for file in files:
        click.echo(f"wrote {file}: semantics of {len(basis.class_names)} classes")
    shown = [dataset, "--semantics", name, *(["--data", str(data)] if data else [])]
    click.echo(f"next: {shlex.join(['gzslbench', 'data', 'show', *shown])}")
