from __future__ import annotations

import warnings

import matplotlib
import pytest

from gzslbench.report.figures.canvas import canvas, figure_style, label


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain", "plain"),
        (" two\nlines\t", "two lines"),
        ("\x00nul\x1b", "�nul�"),
        ("half \ud83d", "half �"),
        ("private \ue000", "private �"),
        ("$x_1$ <b> & 朱鷺 🦜", "$x_1$ <b> & 朱鷺 🦜"),
        ("n" * 41, "n" * 39 + "…"),
        ("n" * 40, "n" * 40),
        (7, "7"),
        ("", "(no name)"),
        (" \n", "(no name)"),
    ],
)
def test_a_label_is_one_short_line_of_what_can_be_drawn(name, shown):
    assert label(name) == shown


def test_the_users_own_style_neither_counts_nor_changes():
    with matplotlib.rc_context({"axes.linewidth": 9.0, "lines.linewidth": 9.0, "font.size": 30}):
        with figure_style(**{"font.size": 11}):
            assert matplotlib.rcParams["axes.linewidth"] == 0.6
            assert matplotlib.rcParams["lines.linewidth"] == 1.2
            assert matplotlib.rcParams["font.size"] == 11
        assert matplotlib.rcParams["axes.linewidth"] == 9.0
        assert matplotlib.rcParams["font.size"] == 30


def test_glyphs_that_the_font_lacks_are_no_warning_and_others_still_are():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with canvas(2, 2) as figure:
            figure.text(0.1, 0.5, "朱鷺 🦜")
        with pytest.raises(UserWarning, match="something else"), figure_style():
            warnings.warn("something else", UserWarning, stacklevel=1)
