from __future__ import annotations

from itertools import pairwise

from gzslbench.report.figures.training_curves import (
    ChosenEpochs,
    History,
    read_history,
    training_curves_figure,
)


def line(epoch, stage="game", fit="final", H=None, **losses):
    evaluated = {} if H is None else {"metrics": {"U": H - 1, "S": H + 1, "H": H}}
    return {"leg": fit, "stage": stage, "epoch": epoch, "losses": losses, **evaluated}


def shown(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def panel(figure, title):
    (found,) = [axes for axes in shown(figure) if axes.get_title(loc="left") == title]
    return found


def drawn(axes):
    return {item.get_label(): item.get_xydata().tolist() for item in axes.lines}


def legends(figure):
    parts = [part for part in figure.subfigs for part in part.legends]
    return [text.get_text() for legend in parts for text in legend.get_texts()]


def test_every_loss_has_a_panel_and_the_accuracies_theirs(beyond):
    lines = [line(epoch, a=1.0 / epoch, b=-2.0 * epoch) for epoch in (1, 2)] + [line(3, H=50.0, a=0.5, b=1.0)]
    figure = training_curves_figure(read_history([*lines, line(6, H=60.0, a=0.25, b=2.0)]), [])
    assert panel(figure, "a").lines[0].get_xydata().tolist() == [[1, 1], [2, 0.5], [3, 0.5], [6, 0.25]]
    assert panel(figure, "b").lines[0].get_xydata().tolist() == [[1, -2], [2, -4], [3, 1], [6, 2]]
    above = drawn(shown(figure)[0])
    assert above == {
        "U": [[3, 49], [6, 59]],
        "S": [[3, 51], [6, 61]],
        "H": [[3, 50], [6, 60]],
    }
    assert shown(figure)[0].get_ylabel() == "accuracy (%)"
    assert legends(figure) == ["U", "S", "H"]
    assert beyond(figure) == []


def test_chosen_epochs_are_marked_and_those_chosen_on_test_look_otherwise_and_say_so(beyond):
    choices = [
        ChosenEpochs("final", 6, 25, 60.0, "last", peeks=False),
        ChosenEpochs("final", 3, 4, 70.0, "test-peek", peeks=True),
        ChosenEpochs("final", 6, 4, 65.0, "test-peek-inner", peeks=True),
        ChosenEpochs("validation", 6, 4, 65.0, "elsewhere", peeks=False),
    ]
    figure = training_curves_figure(read_history([line(3, H=50.0), line(6, H=60.0)]), choices)
    marks = {item.get_label().partition(":")[0]: item for item in shown(figure)[0].lines}
    assert marks["last"].get_xydata().tolist() == [[6, 60]]
    assert marks["test-peek"].get_xydata().tolist() == [[3, 70]]
    assert marks["test-peek-inner"].get_xydata().tolist() == [[6, 65]]
    assert "elsewhere" not in marks
    markers = [marks[name].get_marker() for name in ("last", "test-peek", "test-peek-inner")]
    assert len(set(markers)) == 3
    assert marks["last"].get_fillstyle() == "full" and marks["test-peek"].get_fillstyle() == "none"
    assert ["TEST" in text for text in legends(figure)] == [False, False, False, False, True, True]
    assert beyond(figure) == []


def test_losses_are_those_of_the_last_fit_with_their_stages(beyond):
    lines = [
        line(epoch, stage, fit, loss=scale * epoch)
        for fit, scale in (("validation", 1.0), ("final", 2.0))
        for stage in ("warm", "game")
        for epoch in (1, 2)
    ]
    figure = training_curves_figure(read_history(lines), [])
    for stage in ("warm", "game"):
        (drawn_line,) = panel(figure, f"{stage}: loss").lines
        assert drawn_line.get_xydata().tolist() == [[1, 2], [2, 4]]
    assert figure.subfigs[0].get_suptitle() == "losses, final fit: all of trainval"
    alone = training_curves_figure(read_history(lines[:4]), [])
    assert alone.subfigs[0].get_suptitle() == "losses, validation fit: held-out classes"
    assert beyond(figure) == []


def test_each_fit_with_accuracies_has_a_panel_with_its_name(beyond):
    lines = [line(2, fit="validation", H=20.0), line(4, fit="validation", H=30.0), line(4, H=60.0)]
    choice = ChosenEpochs("validation", 4, 2, 31.0, "best H of validation classes", peeks=False)
    figure = training_curves_figure(read_history(lines), [choice])
    validation, final = shown(figure)
    assert "held-out" in validation.get_title(loc="left") and "trainval" in final.get_title(loc="left")
    assert drawn(validation)["H"] == [[2, 20], [4, 30]] and drawn(final)["H"] == [[4, 60]]
    assert drawn(validation)[choice.label] == [[4, 31]]
    assert beyond(figure) == []


def test_one_evaluated_epoch_is_a_dot():
    figure = training_curves_figure(read_history([line(1, a=1.0), line(2, H=50.0, a=0.5)]), [])
    (dots,) = {item.get_marker() for item in shown(figure)[0].lines}
    assert dots == "o"
    assert panel(figure, "a").lines[0].get_marker() == "None"


def test_a_loss_of_many_orders_has_a_logarithmic_axis_unless_it_is_ever_negative():
    lines = [
        line(epoch, wide=10.0**-epoch, mixed=10.0**-epoch - 0.01, narrow=1.0 * epoch)
        for epoch in (1, 2, 3, 4)
    ]
    figure = training_curves_figure(read_history(lines), [])
    assert [panel(figure, name).get_yscale() for name in ("wide", "mixed", "narrow")] == [
        "log",
        "linear",
        "linear",
    ]


def test_a_run_that_diverged_says_when_and_has_no_accuracies(beyond):
    failure = "critic/critic diverged in epoch 3 of game"
    figure = training_curves_figure(read_history([line(1, a=1.0), line(2, a=9.0)]), [], failure)
    assert figure.subfigs[0].get_suptitle() == f"losses, final fit: all of trainval; {failure}"
    assert [axes.get_title(loc="left") for axes in shown(figure)] == ["a"]
    assert beyond(figure) == []


def test_the_names_of_many_losses_do_not_touch(beyond):
    series = [(1, 1.0), (2, 2.0)]
    losses = {("game", f"phase_number/term_number_{i}"): series for i in range(12)}
    figure = training_curves_figure(History(losses, {}), [])
    assert len(shown(figure)) == 12
    boxes = [axes._left_title.get_window_extent() for axes in shown(figure)[:4]]
    assert all(first.x1 < second.x0 for first, second in pairwise(boxes))
    assert beyond(figure) == []


def test_hostile_names_of_stages_and_terms_are_drawn_as_they_are(hostile, beyond):
    lines = [line(1, stage=name, **{name + "/" + name: 1.0}) for name in hostile[:8]]
    figure = training_curves_figure(read_history(lines), [])
    assert len(shown(figure)) == 8
    assert shown(figure)[0].get_title(loc="left").startswith("<script>alert(1)</script>")
    assert beyond(figure) == []
