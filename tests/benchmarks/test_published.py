from __future__ import annotations

from collections import Counter

import pytest

from gzslbench.plugins.registry import Plugins, every_entry, is_own
from gzslbench.report.published import PublishedNumber, published_numbers, published_of, read_published
from gzslbench_benchmarks.published import FOLDER, gzslbench_published

FILES = sorted(FOLDER.glob("*.toml"))


def of(
    method: str, dataset: str, semantics: str = "att", label: str = "", **fields: object
) -> PublishedNumber:
    """The only number of that description; not fine-tuned by default."""
    wanted = {"dataset": dataset, "semantics": semantics, "label": label, "finetuned": False, **fields}
    numbers = published_of(method, [FOLDER])
    (found,) = [each for each in numbers if all(getattr(each, name) == wanted[name] for name in wanted)]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_holds_valid_numbers_that_no_two_entries_give_twice(path) -> None:
    numbers = read_published(path)
    keys = Counter(
        (each.dataset, each.semantics, each.features, each.finetuned, each.split, each.setting, each.label)
        for each in numbers
    )
    assert max(keys.values()) == 1
    assert {each.title for each in numbers} == {numbers[0].title}


def test_the_numbers_that_contradict_themselves_are_known() -> None:
    """Printed so by the authors; which of the three is wrong is unknown, so they are not corrected."""
    inconsistent = {
        (each.method, each.dataset, each.semantics, each.finetuned): (each.U, each.S, each.H)
        for each in published_numbers(FOLDER)
        if each.consistent is False
    }
    assert inconsistent == {
        ("sdgzsl", "AWA2", "att", True): (69.6, 86.5, 73.7),
        ("sdgzsl", "APY", "att", True): (36.2, 60.7, 47.5),
        ("zslvit", "SUN", "att", True): (45.9, 48.4, 47.3),
    }


@pytest.mark.parametrize(
    ("number", "scores", "printed"),
    [
        (of("tf-vaegan", "FLO", finetuned=True), (69.5, 92.5, 79.4, 74.7), "63.8"),
        (of("izf", "AWA1"), (61.3, 80.5, 69.6, None), "69.1"),
        (of("dvbe", "AWA2"), (63.6, 70.8, 67.0, None), "41.9"),
    ],
    ids=["tf-vaegan", "izf", "dvbe"],
)
def test_a_corrected_misprint_is_consistent_and_its_note_has_the_print(number, scores, printed) -> None:
    assert (number.U, number.S, number.H, number.T1) == scores
    assert number.consistent
    assert printed in number.note


def test_an_h_that_no_source_prints_is_left_to_be_computed() -> None:
    unprinted = [each for each in published_numbers(FOLDER) if each.H is None and each.harmonic is not None]
    assert [(each.method, each.dataset) for each in unprinted] == [("f-clswgan", "APY")]
    assert round(unprinted[0].harmonic or 0, 1) == 42.9


@pytest.mark.parametrize(
    ("number", "scores"),
    [
        (of("ce-gzsl", "AWA1"), (65.3, 73.4, 69.1, 71.0)),
        (of("ce-gzsl", "CUB", "sent"), (63.9, 66.8, 65.3, 77.5)),
        (of("ce-gzsl", "CUB"), (52.4, 60.9, 56.4, None)),
        (of("ce-gzsl", "APY", label="rerun by ZLAP's authors, batch 512"), (28.3, 65.8, 39.6, None)),
        (of("ce-gzsl", "SUN", label="+ ZLAP"), (50.9, 35.7, 42.0, None)),
        (of("zlap", "CUB", "sent", "WGAN + ZLAP"), (73.0, 64.8, 68.7, None)),
        (of("f-clswgan", "FLO"), (59.0, 73.8, 65.6, 67.2)),
        (of("f-clswgan", "CUB", "sent"), (50.3, 58.3, 54.0, None)),
        (of("lisgan", "APY"), (34.3, 68.2, 45.7, 43.1)),
        (of("cada-vae", "CUB", "sent"), (52.0, 54.8, 53.4, None)),
        (of("f-vaegan-d2", "SUN", finetuned=True), (50.1, 37.8, 43.1, 65.6)),
        (of("tf-vaegan", "CUB"), (52.8, 64.7, 58.1, 64.9)),
        (of("free", "SUN"), (47.4, 37.2, 41.7, 65.0)),
        (of("sdgzsl", "FLO", features="E-PGN"), (83.3, 90.2, 86.6, 85.4)),
        (of("gcm-cf", "APY"), (37.1, 56.8, 44.9, None)),
        (of("icce", "CUB", "unknown"), (67.3, 65.5, 66.4, 78.4)),
        (of("zerodiff", "SUN", finetuned=True), (63.0, 56.9, 59.8, 77.3)),
        (of("vads", "AWA2"), (75.4, 83.6, 79.3, 82.5)),
        (of("cnzsl", "AWA1", label="the notebook, last epoch"), (64.1, 73.4, 68.4, 69.7)),
        (of("eszsl", "FLO"), (None, None, None, 51.1)),
        (of("relation-net", "CUB"), (37.4, 61.1, 46.4, 54.8)),
        (of("sje", "SUN"), (14.7, 30.5, 19.8, 53.7)),
        (of("zero-shot-clip", "CUB", "unknown"), (29.6, 29.9, 29.7, None)),
        (of("apn", "CUB", finetuned=True), (None, None, 67.2, 72.1)),
        (of("dazle", "AWA2", label="the authors' notebooks"), (60.38, 76.28, 67.41, 67.89)),
        (of("transzero", "SUN"), (52.6, 33.4, 40.8, 65.6)),
        (of("transzero-pp", "AWA2"), (64.6, 82.7, 72.5, 72.6)),
        (of("msdn", "CUB"), (68.7, 67.5, 68.1, 76.1)),
        (of("duet", "SUN", finetuned=True), (45.7, 45.8, 45.8, 64.4)),
        (of("rezsl", "AWA2", finetuned=True), (63.8, 85.6, 73.1, 70.9)),
        (of("genzsl", "AWA2", "clip"), (86.1, 88.7, 87.4, 92.2)),
        (of("svip", "CUB", finetuned=True), (72.1, 78.1, 75.0, 79.8)),
        (of("dkgzsl", "CUB", "sent", features="vit-b16 regions"), (79.0, 73.5, 76.2, 87.2)),
        (of("scfa", "FLO"), (86.8, 91.5, 89.1, 91.9)),
    ],
    ids=lambda value: f"{value.method}-{value.dataset}" if isinstance(value, PublishedNumber) else "",
)
def test_numbers_are_as_the_sources_print_them(number: PublishedNumber, scores) -> None:
    assert (number.U, number.S, number.H, number.T1) == scores


def test_what_is_not_inductive_or_not_of_the_usual_features_says_so() -> None:
    numbers = published_numbers(FOLDER)
    transductive = {each.method for each in numbers if each.setting != "inductive"}
    assert transductive == {"genzsl", "icis", "lisgan", "lfgaa", "hsva"}
    usual = {each.method for each in numbers if each.features == "res101" and not each.finetuned}
    assert {"ce-gzsl", "tf-vaegan", "eszsl"} <= usual
    trained_on_images = {"apn", "duet", "rezsl", "svip", "zslvit", "lfgaa"}
    of_other_networks = {
        *("dazle", "dkgzsl", "genzsl", "msdn", "transzero", "transzero-pp", "vads", "zero-shot-clip"),
    }
    assert not usual & (trained_on_images | of_other_networks)
    assert {each.split for each in numbers if each.method == "gcm-cf"} == {"ps-v2"}


def test_a_habit_says_where_it_was_read() -> None:
    for each in published_numbers(FOLDER):
        assert {each.selection, each.calibration} == {"unknown"} or each.code, each


def test_the_habits_are_those_of_the_programs() -> None:
    """As read in the code that ``code`` names."""
    numbers = published_numbers(FOLDER)
    assert {each.method for each in numbers if each.calibration == "test-peek"} == {"rezsl", "svip"}
    fixed = {each.method for each in numbers if each.calibration == "fixed"}
    margins = {"dazle", "msdn", "transzero", "transzero-pp"}
    assert fixed == {*margins, "apn", "cnzsl", "duet", "zslvit"}
    assert {each.selection for each in numbers if each.method == "ce-gzsl"} == {"test-peek"}
    assert {each.selection for each in numbers if each.method == "cada-vae"} == {"last"}


def test_what_rests_on_memory_cites_no_page_as_seen() -> None:
    for each in published_numbers(FOLDER):
        assert (each.verified == "seen") == (each.source != "the paper, not looked up again"), each


def test_the_file_of_a_method_of_ours_has_its_name_and_title() -> None:
    titles = {path.stem: read_published(path)[0].title for path in FILES}
    ours = Plugins(entry for entry in every_entry() if is_own(entry)).methods()
    with_numbers = ours.keys() & titles.keys()
    assert len(with_numbers) >= 16
    assert {name: titles[name] for name in with_numbers} == {name: ours[name].title for name in with_numbers}


def test_the_plugin_offers_the_folder_of_the_files() -> None:
    assert list(gzslbench_published()) == [FOLDER]
    assert len(FILES) == 52
