from __future__ import annotations

import numpy as np
import pytest

from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.building.plan import plan_build


def test_semantics_are_in_the_order_of_the_class_folders(folders):
    plan = plan_build(folders.request())
    expected = [folders.values[name] for name in sorted(folders.values)]
    np.testing.assert_array_equal(plan.semantics, expected)


@pytest.mark.parametrize("kind", ["npy", "listed npy"])
def test_every_kind_of_table_gives_the_same_dataset(folders, tmp_path, kind):
    plan = plan_build(folders.request())
    names = sorted(folders.values)
    order = names[::-1] if "listed" in kind else names
    file, more = tmp_path / "table.npy", {}
    np.save(file, np.array([folders.values[name] for name in order]))
    if "listed" in kind:
        more["class_names"] = tmp_path / "names.txt"
        more["class_names"].write_text("\n".join(order), encoding="utf-8")
    assert plan_build(folders.request(semantics=file, **more)).identity == plan.identity


def test_unseen_classes_are_those_listed(folders, tmp_path):
    listed = tmp_path / "unseen.txt"
    listed.write_text("\ufeffseal\n\n  Hölle 🦊 \n", encoding="utf-8")
    made = plan_build(folders.request(unseen=listed)).partition
    assert made.unseen == ("Hölle 🦊", "seal")


def test_validation_classes_are_seen_ones(folders):
    for seed in range(10):
        made = plan_build(folders.request(seed=seed, validation_classes=2)).partition
        assert len(made.validation) == 2 and not set(made.validation) & set(made.unseen)


def test_all_mismatches_are_reported_at_once(folders):
    folders.values["grizzly baer"] = folders.values.pop("grizzly bear")
    folders.values["unicorn"] = np.ones(3)
    folders.write_table()
    (folders.images / "bare").mkdir()
    with pytest.raises(DataError) as refused:
        plan_build(folders.request())
    for line in (
        "the class folder 'bare' has no image",
        "the class folder 'bare' has no semantics",
        "the class folder 'grizzly bear' has no semantics (did you mean 'grizzly baer'?)",
        f"'grizzly baer' has semantics ({folders.table}: line 7), but no class folder (did you mean 'grizzly",
        f"'unicorn' has semantics ({folders.table}: line 8), but no class folder",
    ):
        assert line in str(refused.value)


def test_many_mismatches_are_counted(folders):
    for number in range(30):
        folders.add(f"class {number}/1.jpg", str(number).encode())
    with pytest.raises(DataError, match="and 20 more"):
        plan_build(folders.request())


def test_a_class_that_is_twice_in_the_table_is_refused(folders):
    for name, complaint in (("seal", "'seal' is repeated\n"), ("SEAL", "'seal' differs only in case")):
        with folders.table.open("a") as file:
            file.write(f"{name},1,2,3\n")
        with pytest.raises(DataError, match=rf"{complaint}(.|\n)*line 4(.|\n)*line 8"):
            plan_build(folders.request())
        folders.write_table()


def test_semantics_that_are_all_zero_are_refused(folders):
    folders.values["seal"] = np.zeros(3)
    folders.write_table()
    with pytest.raises(DataError, match=r"\(seal\) are all zero"):
        plan_build(folders.request())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seal\nzebra\n", r"'zebra' \(did you mean 'zebra, plain'\?\)(.|\n)*line 2"),
        ("seal\nantelope\nseal\n", r"'seal' is repeated(.|\n)*line 1 and (.|\n)*line 3"),
        ("Seal\nseal\n", "differs only in case"),
        ("\n\n", "0 of 6 classes are unseen"),
        (
            "\n".join(("antelope", "grizzly bear", "seal", "zebra, plain", 'the "great" auk', "Hölle 🦊")),
            "6 of 6",
        ),
    ],
)
def test_errors_in_a_list_of_unseen_classes_name_the_line(folders, tmp_path, text, complaint):
    (tmp_path / "unseen.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=complaint):
        plan_build(folders.request(unseen=tmp_path / "unseen.txt"))


def test_class_names_for_a_table_must_match_its_rows(folders, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("seal\n")
    with pytest.raises(DataError, match="names its classes itself"):
        plan_build(folders.request(class_names=names))
    np.save(tmp_path / "table.npy", np.ones((6, 2)))
    with pytest.raises(DataError, match="1 class names for 6 rows"):
        plan_build(folders.request(semantics=tmp_path / "table.npy", class_names=names))


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"unseen_classes": None}, "--unseen, --unseen-classes"),
        ({"unseen_classes": 6}, "--unseen-classes"),
        ({"unseen_classes": 0}, "--unseen-classes"),
        ({"validation_classes": 4}, "--validation-classes"),
        ({"validation_classes": 0}, "--validation-classes"),
        ({"test_seen": 0.0}, "--test-seen"),
        ({"test_seen": 1.0}, "--test-seen"),
        ({"test_seen": float("nan")}, "--test-seen"),
        ({"semantics_name": "a/b"}, "--semantics-name"),
        ({"semantics_name": ""}, "--semantics-name"),
        ({"semantics_name": "original_att"}, "--semantics-name"),
    ],
)
def test_wrong_options_are_refused_by_name(folders, wrong, where):
    with pytest.raises(ParamError, match=where):
        plan_build(folders.request(**wrong))


def test_a_list_and_a_number_of_unseen_classes_are_refused(folders):
    with pytest.raises(ParamError, match="one of the two"):
        folders.request(unseen=folders.table, unseen_classes=2)
