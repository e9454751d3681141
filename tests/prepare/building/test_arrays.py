"""A dataset from arrays: every kind of file, and every kind of wrong input."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from gzslbench.data.load import load_dataset, verify_dataset
from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.building.arrays import read_features, read_labels, read_row_names
from gzslbench.prepare.building.plan import Request
from gzslbench.prepare.building.write import build_dataset
from gzslbench.prepare.extract.listings import read_image_list

CLASSES = ("bell", "drum", "flute", "Höllen lärm")
EACH, WIDTH = 5, 3
RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.permutation(np.repeat(np.arange(len(CLASSES)), EACH))
LABELS = [CLASSES[number] for number in NUMBERS]
FEATURES = (RANDOM.normal(size=(len(LABELS), WIDTH)) + NUMBERS[:, None]).astype(np.float32)
SEMANTICS = {name: RANDOM.normal(size=2).astype(np.float32) for name in CLASSES[::-1]}
FILES = [f"recordings/{row}.wav" for row in range(len(LABELS))]


def write_csv(path: Path, rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture
def table(tmp_path) -> Path:
    return write_csv(
        tmp_path / "words.csv", [["class", "a", "b"], *([name, *v] for name, v in SEMANTICS.items())]
    )


def numbers(rows):
    return [list(map(str, row)) for row in rows.tolist()]


def write(kind: str, folder: Path) -> tuple[Path, Path, Path]:
    """Write features, labels and names of rows in one kind of file; return what to pass as a path."""
    if kind == "npy":
        arrays = {"features": FEATURES, "labels": np.array(LABELS), "names": np.array(FILES)}
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        return tuple(folder / f"{name}.npy" for name in arrays)
    if kind == "npy, in Fortran's order and double precision":
        np.save(folder / "features.npy", np.asfortranarray(FEATURES.astype(np.float64)))
        return folder / "features.npy", *write("csv", folder)[1:]
    path = folder / f"data.{kind.partition(' ')[0]}"
    if kind == "npz":
        np.savez_compressed(path, features=FEATURES, labels=np.array(LABELS), names=np.array(FILES))
    elif kind == "npz with other names":
        np.savez(path, f=FEATURES, l=np.array(LABELS), n=np.array(FILES), m=np.zeros(3))
        return tuple(Path(f"{path}:{name}") for name in "fln")
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("set/features", data=FEATURES, chunks=(3, 2), compression="gzip")
            file["set/labels"], file["set/image_files"] = LABELS, FILES
    elif kind == "mat":
        cells = {
            name: np.array(found, dtype=object)[:, None]
            for name, found in (("labels", LABELS), ("image_files", FILES))
        }
        savemat(path, {"features": FEATURES.T, **cells})
    elif kind == "csv":
        write_csv(folder / "features.csv", numbers(FEATURES))
        write_csv(folder / "labels.csv", [[label] for label in LABELS])
        write_csv(folder / "names.csv", [[file] for file in FILES])
        return tuple(folder / f"{name}.csv" for name in ("features", "labels", "names"))
    elif kind == "csv in one":
        rows = (
            [file, label, *row] for file, label, row in zip(FILES, LABELS, numbers(FEATURES), strict=True)
        )
        write_csv(path, [["File", "Label", "f0", "f1", "f2"], *rows])
    elif kind.startswith("parquet"):
        pyarrow = pytest.importorskip("pyarrow", reason="needs pip install 'gzslbench[parquet]'")
        from pyarrow import parquet

        columns = {f"f{i}": FEATURES[:, i] for i in range(WIDTH)}
        if "lists" in kind:
            columns = {"embedding": FEATURES.tolist(), "seconds": np.ones(len(LABELS))}
        columns |= {"label": LABELS, "file": FILES}
        parquet.write_table(pyarrow.table(columns), path)
    return path, path, path


KINDS = (
    *("npy", "npy, in Fortran's order and double precision", "npz", "npz with other names", "h5", "mat"),
    *("csv", "csv in one", "parquet", "parquet of lists"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_dataset(tmp_path, table, kind):
    features, labels, names = write(kind, tmp_path)
    build_dataset(
        tmp_path / "sounds",
        Request(
            semantics=table,
            features=features,
            labels=labels,
            names=names,
            features_name="mfcc",
            unseen=["drum"],
        ),
    )
    found = load_dataset(tmp_path / "sounds")
    np.testing.assert_array_equal(found.features, FEATURES)
    assert [found.class_names[label] for label in found.labels] == LABELS
    assert found.class_names == tuple(SEMANTICS) and found.image_files == tuple(FILES)
    np.testing.assert_array_equal(found.semantics, list(SEMANTICS.values()))
    assert [found.class_names[label] for label in found.unseen_classes] == ["drum"]
    assert found.task_id.startswith("sounds/mfcc/att/ps-")
    assert {path.name for path in (tmp_path / "sounds").iterdir()} == {
        "att_splits.mat", "build.json", "listing.csv", "mfcc.h5"
    }  # fmt: skip


def test_arrays_in_memory_give_the_same_dataset_as_files(tmp_path, table):
    request = Request(semantics=SEMANTICS, features=FEATURES, labels=LABELS, unseen_classes=1, names=FILES)
    from_memory = build_dataset(tmp_path / "one", request).plan
    features, labels, names = write("npy", tmp_path)
    request = Request(semantics=table, features=features, labels=labels, names=names, unseen_classes=1)
    assert build_dataset(tmp_path / "other", request).plan.identity == from_memory.identity
    arguments = json.loads((tmp_path / "one" / "build.json").read_text(encoding="utf-8"))["arguments"]
    assert arguments["features"] == f"array of shape {FEATURES.shape}" and arguments["seed"] == 0


def test_another_list_of_unseen_classes_is_named(tmp_path):
    request = Request(semantics=SEMANTICS, features=FEATURES, labels=LABELS, unseen=["drum"])
    build_dataset(tmp_path / "made", request)
    with pytest.raises(DataError, match=r"--unseen was \['drum'\] and is \['bell'\]"):
        build_dataset(tmp_path / "made", replace(request, unseen=["bell"]))


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64, str])
def test_numbers_of_classes_count_the_rows_of_the_table(tmp_path, table, first, kind):
    order = list(SEMANTICS)
    labels = np.array([order.index(label) + first for label in LABELS]).astype(kind)
    np.save(tmp_path / "labels.npy", labels[:, None])
    request = Request(semantics=table, features=FEATURES, labels=tmp_path / "labels.npy", unseen=["drum"])
    rows = build_dataset(tmp_path / "made", request).plan.rows
    assert [rows.classes[label] for label in rows.labels] == LABELS


def test_numbers_that_the_table_has_as_names_are_names(tmp_path):
    semantics = {"7": [1, 0], "10": [0, 1], "2": [1, 1]}
    labels = [7, 7, 10, 10, 2, 2]
    request = Request(semantics=semantics, features=FEATURES[:6], labels=labels, unseen=["10"])
    rows = build_dataset(tmp_path / "made", request).plan.rows
    assert [rows.classes[label] for label in rows.labels] == list(map(str, labels))


def test_rows_of_a_table_without_names_are_the_sorted_numbers(tmp_path):
    request = Request(semantics=np.eye(3), features=FEATURES[:6], labels=[7, 7, 10, 10, 2, 2], unseen=["10"])
    plan = build_dataset(tmp_path / "made", request).plan
    assert plan.rows.classes == ("2", "7", "10")
    np.testing.assert_array_equal(plan.semantics, np.eye(3))


def test_the_dataset_is_verified_and_the_same_build_is_not_repeated(tmp_path):
    request = Request(
        semantics=SEMANTICS, features=FEATURES, labels=LABELS, unseen_classes=2, validation_classes=1
    )
    assert build_dataset(tmp_path / "made", request).is_new
    dataset, lines = verify_dataset(tmp_path / "made")
    assert all(line.agrees for line in lines) and {"content", "sha256 of att_splits.mat"} <= {
        line.what for line in lines
    }
    assert dataset.image_files == () and not (tmp_path / "made" / "listing.csv").exists()
    stored = (tmp_path / "made" / "features.h5").read_bytes()
    assert not build_dataset(tmp_path / "made", request).is_new
    assert (tmp_path / "made" / "features.h5").read_bytes() == stored
    changed = Request(
        semantics=SEMANTICS, features=FEATURES + 1, labels=LABELS, unseen_classes=2, validation_classes=1
    )
    with pytest.raises(DataError, match="not those of this dataset"):
        build_dataset(tmp_path / "made", changed)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(len(LABELS))), st.integers(0, 9))
def test_rows_with_names_are_split_alike_in_every_order(order, seed):
    from gzslbench.prepare.building.plan import plan_build

    def tested(rows):
        request = Request(
            semantics=SEMANTICS, features=FEATURES[rows], labels=[LABELS[row] for row in rows],
            names=[FILES[row] for row in rows], unseen_classes=1, seed=seed,
        )  # fmt: skip
        plan = plan_build(request)
        return {plan.rows.names[row] for row in plan.partition.split.test_seen}

    assert tested(order) == tested(range(len(LABELS)))


def with_value(row: int, column: int, value: float) -> np.ndarray:
    features = FEATURES.astype(np.float64)
    features[row, column] = value
    return features


@pytest.mark.parametrize(
    ("features", "complaint"),
    [
        (FEATURES[:-1], r"19 rows of features, but 20 labels"),
        (FEATURES.T, r"3 rows of features, but 20 labels(.|\n)*save its transpose"),
        (with_value(4, 2, np.nan), r"feature 3 of image 5 is nan"),
        (with_value(0, 1, -np.inf), r"feature 2 of image 1 is -inf"),
        (with_value(0, 1, 1e39), r"feature 2 of image 1 is 1e\+39"),
        (np.zeros_like(FEATURES), "every feature column is constant"),
        (FEATURES.astype(complex), r"real numbers, but these are complex128(.|\n)*astype"),
        (FEATURES.astype(np.int32), r"real numbers, but these are int32"),
        (FEATURES > 0, "real numbers, but these are bool"),
        (FEATURES.astype(str), "numbers are expected, but these are <U"),
        (FEATURES.astype(object), "numbers are expected, but these are object"),
        (FEATURES[:, None], r"\(20, 1, 3\): region features are not supported yet"),
        (FEATURES[:, 0], r"features of shape \(20,\)"),
        (FEATURES[:, :0], r"features of shape \(20, 0\)"),
        ([[1.0, 2.0], [3.0]], "not an array"),
    ],
)
def test_wrong_features_are_an_error_and_nothing_is_written(tmp_path, table, features, complaint):
    request = Request(semantics=table, features=features, labels=LABELS, unseen=["drum"])
    with pytest.raises(DataError, match=complaint):
        build_dataset(tmp_path / "made", request)
    assert sorted(tmp_path.iterdir()) == [table]


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([*LABELS[:-1], "drumm"], r"'drumm' has no semantics"),
        (
            [label if label != "drum" else "bell" for label in LABELS],
            r"'drum' has semantics(.|\n)*no row with",
        ),
        ([label if label != "drum" else "Bell" for label in LABELS], "differs only in case"),
        ([*LABELS[:-1], " "], "row 20 has no label"),
        (np.array(LABELS).reshape(4, 5), r"labels of shape \(4, 5\)"),
        (NUMBERS + 0.5, "not all labels are whole numbers"),
        (np.where(NUMBERS == 3, np.nan, NUMBERS), "not all labels are whole numbers"),
        (NUMBERS > 1, "labels are names or numbers, but these are bool"),
        (NUMBERS + 2, r"4 numbers from 2 to 5, but the semantics describe 4 classes"),
        (np.minimum(NUMBERS, 2), r"3 numbers from 0 to 2, but the semantics describe 4 classes"),
        ([None, *LABELS[1:]], "labels are names or numbers, but these are object"),
    ],
)
def test_wrong_labels_are_an_error_and_nothing_is_written(tmp_path, table, labels, complaint):
    request = Request(semantics=table, features=FEATURES, labels=labels, unseen_classes=1)
    with pytest.raises(DataError, match=complaint):
        build_dataset(tmp_path / "made", request)
    assert sorted(tmp_path.iterdir()) == [table]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"unseen": []}, "0 of 4 classes are unseen"),
        ({"unseen": ["Drum"]}, r"no row with this label: 'Drum' \(did you mean 'drum'\?\)"),
        ({"unseen": CLASSES}, "4 of 4 classes are unseen"),
        ({"names": FILES[1:]}, "19 names, but 20 labels"),
        ({"names": [*FILES[1:], FILES[1]]}, r"'recordings/1.wav' of row 20 is empty, or is that of row 1"),
        (
            {"semantics": {**SEMANTICS, "whistle": [1, 2]}},
            r"'whistle' has semantics(.|\n)*no row with this label",
        ),
        ({"semantics": {**SEMANTICS, "BELL": [1, 2]}}, "differs only in case"),
        ({"semantics": {**SEMANTICS, "bell": [1, 2, 3]}}, "not a matrix"),
        ({"semantics": np.ones((5, 2))}, "5 rows, but there are 4 classes"),
        ({"semantics": {**SEMANTICS, "bell": [np.nan, 1]}}, "number 1 is nan"),
    ],
)
def test_contradictions_are_an_error_and_nothing_is_written(tmp_path, changed, complaint):
    settings = {"semantics": SEMANTICS, "features": FEATURES, "labels": LABELS, "unseen": ["drum"], **changed}
    with pytest.raises(DataError, match=complaint):
        build_dataset(tmp_path / "made", Request(**settings))
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_is_twice_in_the_table_is_refused(tmp_path, table):
    with table.open("a", encoding="utf-8") as file:
        file.write("bell,1,2\n")
    with pytest.raises(DataError, match=r"'bell' is repeated(.|\n)*line 5(.|\n)*line 6"):
        build_dataset(
            tmp_path / "made", Request(semantics=table, features=FEATURES, labels=LABELS, unseen=["drum"])
        )


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"features": None, "labels": None}, "--images, --features"),
        ({"images": Path("photos")}, "--images, --features"),
        ({"labels": None}, "--labels"),
        ({"features_name": "a/b"}, "--features-name"),
        ({"images": Path("photos"), "features": None, "labels": None, "names": FILES}, "--labels, --names"),
        ({"images": Path("photos"), "features": None}, "--labels, --names"),
        (
            {"images": Path("photos"), "features": None, "labels": None, "features_name": "x"},
            "--features-name",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(wrong, where):
    settings = {"semantics": SEMANTICS, "features": FEATURES, "labels": LABELS, "unseen_classes": 1, **wrong}
    with pytest.raises(ParamError, match=where):
        Request(**settings)


@pytest.mark.parametrize("kind", ["npy", "npz", "h5", "mat", "parquet"])
@pytest.mark.parametrize("kept", [0, 1, 40, 0.6, 0.98])
def test_a_truncated_file_is_an_error(tmp_path, kind, kept):
    path = write(kind, tmp_path)[0]
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(DataError, match=rf"{path.name}"):
        np.asarray(read_features(path, len(LABELS)))


def test_a_square_matrix_of_a_mat_file_is_refused(tmp_path):
    savemat(tmp_path / "x.mat", {"features": FEATURES[:3]})
    with pytest.raises(DataError, match="a square matrix"):
        read_features(tmp_path / "x.mat", 3)


def test_pickled_arrays_are_not_opened(tmp_path):
    np.save(tmp_path / "x.npy", FEATURES.astype(object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", features=FEATURES.astype(object))
    (tmp_path / "y.npy").write_bytes(__import__("pickle").dumps(FEATURES))
    for name in ("x.npy", "x.npz", "y.npy"):
        with pytest.raises(DataError, match=r"(?i)(object|pickle)(.|\n)*without pickled objects"):
            read_features(tmp_path / name, len(LABELS))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,b\n1,2\n3\n", r"1 columns, but the first line has 2(.|\n)*line 3"),
        ("a,b\n1,2\n3,x\n", r"'x' in column 2 is not a number(.|\n)*line 3"),
        ("1,2\n,4\n", r"'nothing' in column 1 is not a number(.|\n)*line 2"),
        ("1;2\n3;4\n", "is not a number|rows of features"),
        ("1,2\n3,4\n5,6\n", "3 rows of features, but 2 labels"),
        ("", r"features of shape \(0, 0\)"),
        ('"1,2\n', "not a line of CSV"),
    ],
)
def test_errors_in_a_csv_of_features_name_the_line(tmp_path, text, complaint):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=complaint):
        read_features(tmp_path / "x.csv", 2)


def test_a_csv_of_labels_names_its_column_or_has_a_single_one(tmp_path):
    path = tmp_path / "labels.csv"
    for text, expected in (
        ("bell\ndrum\n", ["bell", "drum"]),
        ("label\nbell\ndrum\n", ["bell", "drum"]),
        ("file,class\na.wav,bell\nb.wav,drum\n", ["bell", "drum"]),
        ("\ufefflabels\n3\n1\n", ["3", "1"]),
    ):
        path.write_text(text, encoding="utf-8")
        assert read_labels(path)[0] == expected
    path.write_text("who,what\na,bell\nb,drum\n")
    with pytest.raises(DataError, match=r"which of 2 arrays(.|\n)*labels.csv:NAME"):
        read_labels(path)
    assert read_labels(Path(f"{path}:what"))[0] == ["bell", "drum"]
    with pytest.raises(DataError, match=r"no 'whta'(.|\n)*did you mean 'what'"):
        read_labels(Path(f"{path}:whta"))
    path.write_text("file,class\na.wav,bell,\n")
    with pytest.raises(DataError, match=r"3 columns, but the first line has 2(.|\n)*line 2"):
        read_row_names(path, 1)


def test_other_files_are_refused_by_their_ending_and_missing_ones_by_name(tmp_path):
    (tmp_path / "x.pkl").touch()
    with pytest.raises(DataError, match=r"x.pkl(.|\n)*\.npy, \.npz"):
        read_features(tmp_path / "x.pkl", 2)
    for name in ("none.npy", "none.h5:features"):
        with pytest.raises(DataError, match="No such file"):
            read_features(tmp_path / name, 2)


def test_without_pyarrow_the_error_names_the_extra(tmp_path, monkeypatch):
    (tmp_path / "x.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"gzslbench\[parquet\]"):
        read_features(tmp_path / "x.parquet", 2)


def test_large_files_are_not_read_into_memory(tmp_path):
    np.save(tmp_path / "x.npy", FEATURES)
    assert isinstance(read_features(tmp_path / "x.npy", len(LABELS)), np.memmap)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["features"] = FEATURES
    assert isinstance(read_features(tmp_path / "x.h5", len(LABELS)), np.memmap)


def test_images_in_one_folder_have_their_classes_from_a_list(tmp_path):
    for file in FILES:
        (tmp_path / "all" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / file).write_bytes(file.encode())
    write_csv(tmp_path / "list.csv", [["file", "class"], *zip(FILES, LABELS, strict=True)])
    listed = {"labels": tmp_path / "list.csv", "names": tmp_path / "list.csv"}
    request = Request(semantics=SEMANTICS, images=tmp_path / "all", unseen=["drum"], **listed)
    build_dataset(tmp_path / "made", request)
    found = read_image_list(
        "gzslbench.prepare.extract.listings:list_built", tmp_path / "made", tmp_path / "all"
    )
    assert found.files == tuple(FILES)
    assert [list(SEMANTICS)[label] for label in found.labels] == LABELS
    (tmp_path / "all" / FILES[3]).unlink()
    with pytest.raises(DataError, match=rf"1 images are missing, the first is {FILES[3]}"):
        build_dataset(tmp_path / "other", request)
