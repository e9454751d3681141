from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.errors import DataError
from gzslbench.prepare.building.tables import _read_csv as read_csv_table

CLASSES = ["ant", "bee", "cat"]
ROWS = "ant,1,2\nbee,3,4\ncat,5,6\n"


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_csv_table(path, CLASSES)

    return read


@pytest.mark.parametrize(
    "header", ["", "class,x,y\n", ",0,1\n", "name,0,1\n", "name,1,2\n", "\ufeffclass,x,y\n", "\ufeff", "\n\n"]
)
def test_a_header_is_not_a_class(read, header):
    table = read(header + ROWS)
    assert table.names == ("ant", "bee", "cat")
    assert table.values.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_a_class_with_counted_numbers_is_no_header(read):
    assert read("ant,0,1\nbee,3,4\ncat,5,6\n").names == ("ant", "bee", "cat")


def test_lines_end_in_any_way_and_places_are_lines(read):
    table = read('class,x\r\n"ant",1\r\n\r\nbee,2\r\n"c\nat",3\r\n')
    assert [place.rpartition(": ")[2] for place in table.places] == ["line 2", "line 4", "line 6"]
    assert table.names == ("ant", "bee", "c\nat")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no line with semantics"),
        ("class,x,y\n", "no line with semantics"),
        ("ant\nbee\n", r"single column(.|\n)*line 1"),
        ("ant;1;2\nbee;3;4\n", r"single column(.|\n)*commas"),
        ("class,x,y\nant,1,2\nbee,3\n", r"2 columns, but the first line has 3(.|\n)*line 3"),
        ("ant,1,2\nbee,3,4,5\n", r"4 columns, but the first line has 3(.|\n)*line 2"),
        ("class,x,y\nant,1,nan\n", r"'nan' under 'y' is not a finite number(.|\n)*line 2"),
        ("ant,1,2\nbee,inf,4\n", r"'inf' under 'column 2'(.|\n)*line 2"),
        ("ant,1,2\nbee,3,1e39\n", r"'1e39' under(.|\n)*line 2"),
        ("ant,1,2\nbee,3,\n", r"'nothing' under(.|\n)*line 2"),
        ("ant,1,2\nbee,3,four\n", r"'four' under(.|\n)*line 2"),
        ("ant,1,2\nbee,3,1_000\n", r"'1_000' under(.|\n)*line 2"),
        ("ant,1,x\nbee,3,4\n", r"'x' under(.|\n)*line 1"),
        ("ant,1,2\n,3,4\n", r"no class in the first column(.|\n)*line 2"),
        ('ant,1,2\n"bee,3,4\n', r"not a line of CSV(.|\n)*line 2"),
        ('ant,1,2\n"bee"x,3,4\n', r"not a line of CSV(.|\n)*line 2"),
        (b"ant,1,2\nb\xe9e,3,4\n", r"not UTF-8(.|\n)*line 2"),
    ],
)
def test_errors_name_the_line(read, text, complaint):
    with pytest.raises(DataError, match=complaint):
        read(text)


cells = st.floats(width=32, allow_nan=False, allow_infinity=False)
names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).map(str.strip)


@settings(max_examples=25)
@given(
    st.lists(names.filter(bool), min_size=1, max_size=5, unique=True),
    st.lists(cells, min_size=5, max_size=5),
)
def test_every_csv_table_is_read_as_it_was_written(tmp_path_factory, listed, values):
    import unicodedata

    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(["class", "x"])
    writer.writerows([name, repr(value)] for name, value in zip(listed, values, strict=False))
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    table = read_csv_table(path, listed)
    assert list(table.names) == [unicodedata.normalize("NFC", name) for name in listed]
    np.testing.assert_array_equal(table.values[:, 0], np.array(values[: len(listed)], dtype=np.float32))
