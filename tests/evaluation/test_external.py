"""``gz.metrics``: metrics of scores and labels from any program, against plain numpy."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import DataError
from gzslbench.evaluation.external import CHUNK_ROWS, metrics
from gzslbench.evaluation.metrics import ChanceWarning
from gzslbench.evaluation.predictions import load_predictions, save_predictions

pytestmark = pytest.mark.filterwarnings("ignore::gzslbench.evaluation.metrics.ChanceWarning")
SEEN = np.array([True, False, True, False, True])
LABELS = np.array([0, 0, 1, 2, 2, 3, 3, 3, 4, 1])


def random_scores(seed=0, labels=LABELS, seen=SEEN):
    random = np.random.default_rng(seed)
    return random.normal(size=(len(labels), len(seen))) + np.eye(len(seen))[labels]


@st.composite
def problems(draw):
    seen = np.array(draw(st.permutations([True, False, *draw(st.lists(st.booleans(), max_size=6))])))
    sides = [
        draw(st.lists(st.sampled_from(np.flatnonzero(seen == side).tolist()), min_size=1, max_size=20))
        for side in (True, False)
    ]
    labels = np.array(draw(st.permutations(sides[0] + sides[1])))
    return random_scores(draw(st.integers(0, 2**32)), labels, seen), labels, seen


@given(problems())
def test_metrics_are_those_of_plain_numpy(plain_metrics, problem):
    found = metrics(*problem).as_dict()
    for name, value in plain_metrics(*problem).items():
        assert found[name] == pytest.approx(value, abs=1e-10), name


@given(problems())
def test_labels_from_the_highest_score_give_the_same_u_s_and_h(problem):
    scores, labels, seen = problem
    by_scores, by_labels = metrics(*problem), metrics(scores.argmax(1), labels, seen)
    assert (by_labels.U, by_labels.S, by_labels.H) == (by_scores.U, by_scores.S, by_scores.H)
    assert by_labels.AUSUC is by_labels.curve is None
    assert by_labels.per_class == by_scores.per_class
    assert by_labels.T1 in (None, by_scores.T1)


@given(problems(), st.data())
def test_scores_that_tie_are_given_to_the_first_class_as_argmax_does(plain_metrics, problem, data):
    _, labels, seen = problem
    row = st.lists(st.integers(-2, 2), min_size=len(seen), max_size=len(seen))
    scores = np.array(data.draw(st.lists(row, min_size=len(labels), max_size=len(labels))))
    found, expected = metrics(scores, labels, seen), plain_metrics(scores, labels, seen)
    assert (found.S, found.U, found.T1) == pytest.approx([expected[name] for name in ("S", "U", "T1")])


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(problem, random):
    scores, labels, seen = problem
    order = list(range(len(labels)))
    random.shuffle(order)
    shuffled = metrics(scores[order], labels[order], seen).as_dict()
    assert shuffled == pytest.approx(metrics(*problem).as_dict(), abs=1e-10)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_scores_of_each_width_are_taken(plain_metrics, dtype):
    scores = random_scores().astype(dtype)
    expected = plain_metrics(scores.astype(np.float32 if dtype == np.float16 else dtype), LABELS, SEEN)
    assert metrics(scores, LABELS, SEEN).as_dict() == pytest.approx(expected, abs=1e-10)


def test_tensors_and_lists_give_the_numbers_of_arrays():
    scores = random_scores()
    expected = metrics(scores, LABELS, SEEN).as_dict()
    tensors = torch.from_numpy(scores).requires_grad_(), torch.from_numpy(LABELS), torch.from_numpy(SEEN)
    assert metrics(*tensors).as_dict() == expected
    assert metrics(scores.tolist(), LABELS.tolist(), SEEN.tolist()).as_dict() == expected
    rounded = tensors[0].bfloat16()
    assert metrics(rounded, LABELS, SEEN).as_dict() == metrics(rounded.float(), LABELS, SEEN).as_dict()


def test_seen_classes_can_be_given_by_number():
    scores = random_scores()
    expected = metrics(scores, LABELS, SEEN)
    assert metrics(scores, LABELS, [4, 0, 2]).as_dict() == expected.as_dict()
    assert metrics(scores.argmax(1), LABELS, [4, 0, 2]).H == expected.H


def test_labels_tell_t1_only_if_no_unseen_row_is_predicted_as_seen():
    right = metrics(LABELS, LABELS, SEEN)
    assert (right.U, right.S, right.H, right.T1, right.AUSUC) == (100, 100, 100, 100, None)
    lost = LABELS.copy()
    lost[2] = 0  # a row of the unseen class 1
    assert metrics(lost, LABELS, SEEN).T1 is None


def test_each_class_has_its_name_rows_and_accuracy():
    report = metrics(LABELS, LABELS, SEEN, class_names=["a", "b", "c", "d", "<e>"])
    assert [(one.name, one.seen, one.rows) for one in report.per_class] == [
        ("a", True, 2), ("b", False, 2), ("c", True, 2), ("d", False, 3), ("<e>", True, 1),
    ]  # fmt: skip
    assert {one.accuracy for one in report.per_class} == {100.0}
    assert repr(report) == "U 100.00, S 100.00, H 100.00, T1 100.00, AUSUC –"
    page = report._repr_html_()
    assert "&lt;e&gt;" in page
    assert page.count("<tr>") == 2 + 1 + 5


def test_scores_beyond_one_block_are_all_read(plain_metrics):
    labels = np.arange(CHUNK_ROWS + 7) % 5
    scores = random_scores(3, labels)
    assert metrics(scores, labels, SEEN).as_dict() == pytest.approx(
        plain_metrics(scores, labels, SEEN), abs=1e-9
    )


def test_very_large_scores_keep_their_order():
    scores = np.where(np.eye(5)[LABELS] == 1, 1.7e308, -1.7e308)
    assert metrics(scores, LABELS, SEEN).H == 100


NAN = random_scores()
NAN[7, 3] = np.nan
WRONG = {
    "score of entry 7 .* class 3 .* is nan": (NAN, LABELS, SEEN),
    "score of entry 7 .* class 3 .* is -inf": (np.where(np.isnan(NAN), -np.inf, NAN), LABELS, SEEN),
    "shape": (random_scores()[:-1], LABELS, SEEN),
    "shape \\(10, 4\\)": (random_scores()[:, :-1], LABELS, SEEN),
    "shape \\(10, 5, 1\\)": (random_scores()[:, :, None], LABELS, SEEN),
    "no array": ([[1.0, 2.0], [1.0]], [0, 1], [0]),
    "type complex128": (random_scores().astype(complex), LABELS, SEEN),
    "type bool": (random_scores() > 0, LABELS, SEEN),
    "labels have .* float64": (random_scores(), LABELS.astype(float), SEEN),
    "scores have .* float64": (LABELS.astype(float), LABELS, SEEN),
    "class 5 of entry 3": (np.where(np.arange(10) == 3, 5, LABELS), LABELS, SEEN),
    "class -1 of entry 0": (random_scores(), LABELS - 1, SEEN),
    "class 9 of entry 1": (random_scores(), LABELS, [0, 9]),
    "5 classes are seen and 0 are not": (random_scores(), LABELS, np.ones(5, bool)),
    "Sparse": (torch.eye(10, 5).to_sparse(), LABELS, SEEN),
    "masked array": (np.ma.masked_array(random_scores(), mask=np.eye(10, 5)), LABELS, SEEN),
    "would make 100000001 classes": (LABELS, LABELS, [100_000_000]),
    "a class is named twice": (random_scores(), LABELS, [1, 1, 1, 0, 0]),
    "no class to average over": (random_scores()[:2], LABELS[:2], SEEN),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_input_is_a_clear_error(message):
    with pytest.raises(DataError, match=message):
        metrics(*WRONG[message])


def test_names_of_another_number_of_classes_are_refused():
    with pytest.raises(DataError, match="4 names"):
        metrics(random_scores(), LABELS, SEEN, class_names=["a", "b", "c", "d"])


@pytest.mark.parametrize("given", [random_scores(), random_scores().astype(np.float32), LABELS])
def test_predictions_of_scores_and_of_labels_can_be_stored(given, tmp_path):
    report, path = metrics(given, LABELS, SEEN), tmp_path / "predictions.npz"
    save_predictions(path, report.predictions)
    read = load_predictions(path)
    assert read.gap.dtype == report.predictions.gap.dtype
    for name, array in vars(report.predictions).items():
        assert np.array_equal(getattr(read, name), array), name


@pytest.mark.acceptance
def test_metrics_of_arrays_need_no_torch():
    program = (
        "import sys; from gzslbench.evaluation.external import metrics;"
        "metrics([[1.0, 0.0], [0.0, 1.0]], [0, 1], [0]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("shift", [0, 1])
def test_labels_of_other_classes_are_a_warning(shift):
    labels = np.arange(20)
    scores = np.eye(20)[(labels + shift) % 20]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        metrics(scores, labels, labels < 13)
    said = [str(warning.message) for warning in caught if warning.category is ChanceWarning]
    assert said == ["S is 0.0 %, near chance: check the order of rows, labels and classes"] * shift
