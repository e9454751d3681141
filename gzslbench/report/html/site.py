"""The HTML report: a static site of stored runs. It opens from disk and needs no network."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from joblib import Parallel, cpu_count, delayed
from markupsafe import Markup

from gzslbench import __version__
from gzslbench.errors import GzslBenchError, StoreError
from gzslbench.evaluation.calibration import calibrate
from gzslbench.evaluation.predictions import load_predictions
from gzslbench.evaluation.selection import RULES
from gzslbench.files import atomic_folder, make_folder, read_file, writing
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.spec import spec_fields
from gzslbench.report.figures.run_figures import Drawing, figures_of_run
from gzslbench.report.leaderboard.board import Board, boards, comparisons, published_rows
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.leaderboard.significance import OverClasses
from gzslbench.report.leaderboard.stored_classes import StoredClasses, read_intervals
from gzslbench.report.leaderboard.tables import comparison_table, leaderboard_table, left_out_notes
from gzslbench.report.printing import format_value
from gzslbench.report.published import PublishedNumber
from gzslbench.report.terminal import plugins
from gzslbench.report.terminal.predictions import ClassOutcome, class_outcomes
from gzslbench.report.terminal.run import CHOSEN_ON, record_sections, repeat_command
from gzslbench.runs.record import CALIBRATED, EPOCHS, EXTERNAL, Record
from gzslbench.runs.store import RunFolder
from gzslbench.runs.verify import PredictionsWarning, find_problems

INDEX = "index.html"
RUNS = "runs.html"
MARK = ".gzslbench-site"
"""File that marks a folder as a report, so that the next report may replace it; it has digests of pages."""
METRICS = ("T1", "U", "S", "H", "AUSUC")
"""In the order in which the field prints them."""
_PAGES_PER_PROCESS = 10
"""From so many pages on, a further process is worth the seconds that it takes to start."""
_ELSEWHERE = "choose another folder with --out"


@dataclass(frozen=True)
class SiteContent:
    """Everything that the pages show: runs, installed methods by name, and notes.

    ``numbers`` are published ones of any method; ``stored`` returns, by run id, H by a rule as it was stored.
    """

    entries: Sequence[Entry]
    specs: Mapping[str, MethodSpec]
    numbers: Sequence[PublishedNumber]
    stored: Callable[[str], Mapping[str, float]]
    notes: Sequence[str] = ()

    @cached_property
    def methods(self) -> list[str]:
        """Names of the methods that have a page: the installed ones, and those of runs."""
        return sorted({*self.specs, *(entry.method for entry in self.entries)})

    @cached_property
    def rules(self) -> dict[str, int]:
        """By rule, how many runs have numbers by it; controls do not count."""
        return _count_rules(self.entries)

    @property
    def pages(self) -> int:
        """Number of pages: the overview, the list of runs, and one for each method and run."""
        return 2 + len(self.methods) + len(self.entries)


def run_file(run: str) -> str:
    """Return the file of the page of the run with this id, relative to the site's root."""
    return f"runs/{_file_name(run)}.html"


def method_file(method: str) -> str:
    """Return the file of the page of the method of this name, relative to the site's root."""
    return f"methods/{_file_name(method)}.html"


def _file_name(name: str) -> str:
    """Return ``name`` if it is a plain file name, else its plain characters with its hash."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:60]
    return f"{plain}~{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def link(file: str, base: str) -> str:
    """Return the address of a page, as seen from one whose path to the root is ``base``: empty or ``../``."""
    return quote(f"{base}{file}")


def web_address(url: str) -> str:
    """Return ``url`` if it is a web address, else nothing, because it might run a script."""
    return url if re.match(r"https?://", url) else ""


_ENVIRONMENT = Environment(
    loader=PackageLoader("gzslbench.report.html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["format_value"] = format_value
_ENVIRONMENT.globals.update(
    version=__version__,
    INDEX=INDEX,
    RUNS=RUNS,
    link=link,
    run_file=run_file,
    method_file=method_file,
    web_address=web_address,
    metrics=METRICS,
    epochs=EPOCHS,
    all_rules=(*RULES, EXTERNAL),
    rules=RULES,
    without_test=[rule for rule in RULES if not rule.startswith("test")],
    chosen_on=CHOSEN_ON,
    marks=plugins.MARKS,
    base="",
)


def _render(template: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(**values)


def _count_rules(entries: Iterable[Entry]) -> dict[str, int]:
    finished = [entry.summary for entry in entries if entry.summary.headline and not entry.summary.control]
    counts = Counter(rule for summary in finished for rule in summary.metrics)
    found = {rule: counts[rule] for rule in RULES if counts[rule]}
    return found or dict.fromkeys(["last"] * (EXTERNAL in counts), 0)  # external results are by every rule


def _first_rule(counts: Mapping[str, int]) -> str:
    """Return the rule of most runs, but none that looked at the test set if there is another."""
    return max(counts, key=lambda rule: (not rule.startswith("test"), counts[rule]), default="last")


def overview_page(content: SiteContent, figures: bool) -> str:
    """Return the first page: leaderboards by every rule, with figures of the one that is shown first.

    Where runs that differ from the presets could join others, there are also leaderboards for any parameters.
    """
    first, classes = _first_rule(content.rules), StoredClasses()
    found = list(_wide_boards(content, classes, any_parameters=False))
    joined = list(_wide_boards(content, classes, any_parameters=True))
    if offered := len(joined) < len(found):
        found += joined
    drawn: list[tuple[str, Sequence[tuple[Drawing, Markup | None]]]] = []
    if figures:
        from gzslbench.report.figures.leaderboards import figures_of_boards  # it imports matplotlib

        for metric in METRICS:
            shown = [same[metric] for board, same, joined in found if board.rule == first and not joined]
            drawings = (drawing for drawing in figures_of_boards(shown) if drawing.draw)
            drawn.append((metric, _draw(drawings)))
    left_out = [f"by {first}: {note}" for note in left_out_notes(boards(content.entries, first, "H")[1])]
    published = (published_rows(board, content.numbers) for board, *_ in found)
    tables = [
        (*parts, leaderboard_table(parts[0], rows, intervals="both"))
        for parts, rows in zip(found, published, strict=True)
    ]
    return _render(
        "index.html",
        tables=tables,
        first=first,
        counts=content.rules,
        any_parameters=offered,
        data=list(dict.fromkeys((board.group.features, board.group.semantics) for board, *_ in found)),
        settings=sorted({board.group.setting for board, *_ in found}),
        datasets=sorted({name for board, *_ in found for name in board.tasks}),
        notes=[*content.notes, *left_out],
        figures=drawn,
        controls=[entry for entry in content.entries if entry.summary.control],
        runs=len(content.entries),
        methods=content.methods,
    )


def _wide_boards(
    content: SiteContent, classes: StoredClasses, *, any_parameters: bool
) -> Iterator[tuple[Board, dict[str, Board], bool]]:
    """Yield each leaderboard, the same one in the order of each metric, and ``any_parameters``."""
    for rule in content.rules:
        make = partial(boards, content.entries, rule, any_parameters=any_parameters)
        wide = make("H", OverClasses(classes), METRICS, classes)[0]
        by_metric = [make(metric)[0] for metric in METRICS]
        for board, *same in zip(wide, *by_metric, strict=True):
            yield board, dict(zip(METRICS, same, strict=True)), any_parameters


def runs_page(content: SiteContent) -> str:
    """Return the list of all runs."""
    return _render("runs.html", entries=content.entries)


def method_page(name: str, content: SiteContent) -> str:
    """Return a method's page: what it is, its parameters, published numbers, and its runs next to those.

    Most published numbers are not calibrated, so ours next to them are not either.
    """
    spec = content.specs.get(name)
    entries = [entry for entry in content.entries if entry.method == name]
    numbers = [number for number in content.numbers if number.method == name]
    rule = _first_rule(_count_rules(entries)).removesuffix(CALIBRATED)
    found = comparisons(boards(entries, rule, "H")[0], numbers, content.stored(rule))
    return _render(
        "method.html",
        base="../",
        name=name,
        about={} if spec is None else spec_fields(spec),
        parameters=None if spec is None else plugins.parameters_json(spec),
        published=plugins.published_rows(numbers),
        published_notes=plugins.read_in_code(numbers),
        comparison=comparison_table(found, rule, "H") if found else None,
        compared=found,
        entries=entries,
    )


def run_page(entry: Entry, figures: bool) -> str:
    """Return a run's page: everything about it."""
    folder = entry.folder
    record = folder.record()
    if record is None:
        raise StoreError("the record is gone", where=folder.record_file, fix="make the report again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredictionsWarning)  # the page lists the problems
        drawn = _draw(figures_of_run(record, folder, with_features=False)) if figures else []
    return _render(
        "run.html",
        base="../",
        record=record,
        entry=entry,
        command=repeat_command(record),
        intervals=read_intervals(record, folder),
        problems=find_problems(folder),
        classes=_classes(record, folder),
        sections=record_sections(record),
        figures=drawn,
    )


def _classes(record: Record, folder: RunFolder) -> list[ClassOutcome]:
    """Return every candidate class; none if the predictions cannot be read, which the problems say."""
    names = record.task.class_names or ()
    try:
        predictions = load_predictions(folder.predictions_file)
    except GzslBenchError:
        return []
    if record.headline is None or len(names) != len(predictions.seen):
        return []
    return class_outcomes(calibrate(predictions, record.headline.gamma), names)


def _draw(drawings: Iterable[Drawing]) -> list[tuple[Drawing, Markup | None]]:
    """Draw what can be drawn, as SVG inside the page."""
    from gzslbench.report.figures.canvas import themed_svg

    return [
        (drawing, Markup(themed_svg(drawing.draw(), drawing.title)) if drawing.draw else None)
        for drawing in drawings
    ]


def build_site(
    content: SiteContent,
    out: Path,
    *,
    figures: bool = True,
    advance: Callable[[int], None] = lambda pages: None,
) -> None:
    """Write the site to ``out`` in one step; ``advance`` gets the number of pages that were written since.

    A page of a run is copied from the site before if nothing that it shows has changed since.
    """
    check_output_folder(out)
    before, digests = _read_digests(out), {}
    with _writing(out), atomic_folder(out) as scratch:
        parts = list(_files(content, figures))
        kept = {file for file, inputs, _ in parts if before.get(file) == _page_digest(inputs, out / file)}
        pages = _make_pages([make for file, inputs, make in parts if inputs and file not in kept])
        for file, inputs, make in parts:
            path = scratch / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if file in kept:
                shutil.copyfile(out / file, path)
            else:
                path.write_bytes((next(pages) if inputs else make()).encode("utf-8", "replace"))
            if inputs:
                digests[file] = _page_digest(inputs, path)
            if file.endswith(".html"):
                advance(1)
        about = "A report of gzslbench; the next one replaces this folder."
        (scratch / MARK).write_text(json.dumps({"about": about, "pages": digests}, indent=1) + "\n")
        if out.exists():
            shutil.copymode(out, scratch)


def _make_pages(makers: Sequence[Callable[[], str]]) -> Iterator[str]:
    """Yield pages in order; many are made by a process per core, because figures take seconds."""
    processes = max(1, min(cpu_count(), len(makers) // _PAGES_PER_PROCESS))
    yield from Parallel(processes, return_as="generator")(delayed(make)() for make in makers)


def _read_digests(out: Path) -> dict[str, str]:
    """Return the digests of the pages of the site before, by file; empty if there is none."""
    try:
        return dict(json.loads(read_file(out / MARK))["pages"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}


def _page_digest(inputs: str, page: Path) -> str:
    """Return a digest of a page and what it was made from; empty if the page is gone."""
    return sha256(inputs.encode() + page.read_bytes()).hexdigest() if page.is_file() else ""


def _run_digest(entry: Entry, figures: bool) -> str:
    """Return a digest of everything that decides the page of a run: its files, the presets, and the code."""
    digest = sha256(f"{_code_digest()} {figures} {entry}".encode("utf-8", "replace"))
    folder = entry.folder
    for path in (folder.record_file, folder.predictions_file, folder.metrics_file):
        content = sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        digest.update(content.encode())
    return digest.hexdigest()


@cache
def _code_digest() -> str:
    root = files("gzslbench")
    paths = sorted(
        path for path in Path(str(root)).rglob("*") if path.suffix in (".py", ".html", ".mplstyle")
    )
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def check_output_folder(out: Path) -> None:
    """Raise a StoreError unless ``out`` is a site or an empty or missing folder, and can be written."""
    with _writing(out):
        if out == Path.cwd():
            raise StoreError("the current folder cannot be replaced", where=out, fix=_ELSEWHERE)
        if out.exists() and not out.is_dir():
            raise StoreError("it is a file, not a folder", where=out, fix=_ELSEWHERE)
        if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
            raise StoreError("the folder contains other files", where=out, fix=_ELSEWHERE)
        make_folder(out.parent)


def _writing(out: Path) -> AbstractContextManager[None]:
    return writing(out, "the report cannot be written", elsewhere=_ELSEWHERE)


def _files(content: SiteContent, figures: bool) -> Iterator[tuple[str, str, Callable[[], str]]]:
    """Return every file of the site: its path, a digest of what it is made from or nothing, and its maker."""
    for name in ("site.css", "site.js"):
        asset = files("gzslbench.report.html") / "assets" / name
        yield f"assets/{name}", "", partial(asset.read_text, encoding="utf-8")
    yield INDEX, "", partial(overview_page, content, figures)
    yield RUNS, "", partial(runs_page, content)
    for name in content.methods:
        yield method_file(name), "", partial(method_page, name, content)
    for entry in content.entries:
        inputs = _run_digest(entry, figures)
        yield run_file(entry.summary.id), inputs, partial(run_page, entry, figures)
