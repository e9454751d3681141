from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench.errors import CheckpointError
from gzslbench.report.figures.canvas import themed_svg
from gzslbench.report.figures.run_figures import figures_of_run
from gzslbench.runs.record import Failure
from gzslbench.runs.verify import PredictionsWarning

NAMES = ["training-curves", "seen-unseen", "gamma", "class-accuracy", "confusion"]
LINE = {"leg": "final", "stage": "game", "epoch": 12, "losses": {"critic/critic": 1.0}}


@pytest.fixture
def generative(record, folder):
    """The record as that of a method with a head, and its folder with the line of one epoch."""
    folder.append_metrics({**LINE, "metrics": record.metrics["last"].as_dict()})
    return replace(record, cell=replace(record.cell, head="softmax"))


def found(record, folder, with_features=False):
    return {item.name: item for item in figures_of_run(record, folder, with_features=with_features)}


def test_every_figure_is_named_titled_and_drawn_of_the_run(generative, folder):
    drawings = found(generative, folder)
    assert list(drawings) == NAMES
    for drawing in drawings.values():
        assert "ce-gzsl on CUB, seed 7" in drawing.title and not drawing.reason
        assert themed_svg(drawing.draw(), drawing.title).startswith("<svg")
    bars = drawings["class-accuracy"].draw().axes[0]
    assert [text.get_text() for text in bars.texts if text.get_label() == "name"] == [
        "owl",
        "bee",
        "cat",
        "dog",
        "fox",
    ]
    assert drawings["seen-unseen"].draw().axes[0].get_title(loc="left").endswith("41.7 %")


def test_without_epochs_there_are_no_training_curves(record, folder):
    drawing = found(record, folder)["training-curves"]
    assert drawing.draw is None and "trains no epochs" in drawing.reason


@pytest.mark.parametrize("content", ["{torn", '{"epoch": "one"}\n'])
def test_damaged_metrics_cost_the_training_curves_alone(generative, folder, content):
    folder.metrics_file.write_text('{"epoch": 1}\n' + content + "\n")
    drawings = found(generative, folder)
    assert drawings["training-curves"].draw is None and "line 2" in drawings["training-curves"].reason
    assert all(drawings[name].draw for name in NAMES[1:])


def test_without_predictions_what_needs_them_is_left_out_with_the_reason(generative, folder):
    folder.predictions_file.unlink()
    drawings = found(generative, folder)
    assert drawings["training-curves"].draw is not None
    for name in NAMES[1:]:
        assert drawings[name].draw is None and "there are no predictions" in drawings[name].reason
        assert "\n" not in drawings[name].reason


@pytest.mark.parametrize("epochs", [0, 2])
def test_of_a_diverged_run_there_is_what_it_came_to(generative, folder, epochs):
    failure = Failure("critic/critic", "game", epochs + 1)
    diverged = replace(generative, status="diverged", metrics={}, parameters=None, failure=failure)
    folder.metrics_file.unlink()
    for epoch in range(epochs):
        folder.append_metrics({**LINE, "epoch": epoch + 1})
    drawings = found(diverged, folder, with_features=True)
    message = f"critic/critic diverged in epoch {epochs + 1} of game"
    curves = drawings.pop("training-curves")
    if epochs:
        assert message in curves.draw().subfigs[0].get_suptitle()
    else:
        assert curves.draw is None and curves.reason == message
    assert set(drawings) == {*NAMES[1:], "features"}
    assert all(item.draw is None and "diverged" in item.reason for item in drawings.values())


def test_predictions_that_differ_from_the_record_are_a_warning(generative, folder):
    wrong = replace(generative, metrics={"last": replace(generative.metrics["last"], U=1.0)})
    with pytest.warns(PredictionsWarning, match="U 1.0000 against 25.0000"):
        assert found(wrong, folder)["confusion"].draw is not None


def test_a_scoring_method_has_no_features_to_show(record, folder):
    drawing = found(record, folder, with_features=True)["features"]
    assert drawing.draw is None and "synthesizes nothing" in drawing.reason


def test_a_reason_of_several_lines_becomes_one_line(generative, folder, monkeypatch):
    def fail(*_, **__):
        raise CheckpointError("does not fit:\n\tMissing key(s)", where="there", fix="run it\nagain")

    monkeypatch.setattr("gzslbench.runs.load_trained.open_trained", fail)
    drawing = found(generative, folder, with_features=True)["features"]
    assert drawing.reason == "does not fit: Missing key(s); there; run it again"


def test_a_model_that_cannot_be_opened_is_the_reason_why_features_are_left_out(generative, folder):
    drawing = found(generative, folder, with_features=True)["features"]
    assert drawing.draw is None and "settings are those of run" in drawing.reason
    assert "record.json" in drawing.reason


def test_the_mark_of_data_that_are_not_published_is_in_every_figure_and_its_title(generative, folder):
    task = replace(generative.task, notes=["synthetic data: like CUB"])
    for drawing in found(replace(generative, task=task), folder).values():
        assert drawing.title.endswith("Data: synthetic data.")
        assert [text.get_text() for text in drawing.draw().texts][-1] == "SYNTHETIC DATA"
