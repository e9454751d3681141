from __future__ import annotations

from dataclasses import asdict, replace

from gzslbench.report.figures.training_curves import ChosenEpochs, chosen_epochs
from gzslbench.runs.record import Failure, ValidationChoice


def numbers(record, epoch, head_epoch, H):
    return replace(record.metrics["last"], epoch=epoch, head_epoch=head_epoch, H=H)


def test_the_headline_is_first_and_rules_that_look_at_the_test_say_so(record):
    metrics = {
        "test-peek": numbers(record, 8, 3, 60.0),
        "test-peek-inner": numbers(record, 12, 3, 50.0),
        "test-peek-outer": numbers(record, 8, 3, 60.0),
        "last": numbers(record, 12, 25, 40.0),
    }
    found = list(chosen_epochs(replace(record, metrics=metrics)))
    assert found == [
        ChosenEpochs("final", 12, 25, 40.0, "last", peeks=False),
        ChosenEpochs("final", 8, 3, 60.0, "test-peek", peeks=True),
        ChosenEpochs("final", 12, 3, 50.0, "test-peek-inner", peeks=True),
        ChosenEpochs("final", 8, 3, 60.0, "test-peek-outer", peeks=True),
    ]
    labels = [choice.label.replace("\n", " ") for choice in found[:2]]
    assert labels == [
        "last: epoch 12, head's epoch 25",
        "test-peek: epoch 8, head's epoch 3, chosen on TEST",
    ]


def test_a_choice_on_validation_classes_is_of_the_validation_fit(record):
    best = asdict(numbers(record, 6, 8, 55.0))
    chosen = ValidationChoice(**best, task="of the validation split", counts={}, notes=[])
    headline = {"val": numbers(record, 6, 8, 45.0)}
    found = list(chosen_epochs(replace(record, selection="val", metrics=headline, validation=chosen)))
    assert [(item.fit, item.epoch, item.head_epoch, item.H, item.peeks) for item in found] == [
        ("final", 6, 8, 45.0, False),
        ("validation", 6, 8, 55.0, False),
    ]
    assert "validation classes" in found[1].label.replace("\n", " ")


def test_a_diverged_run_chose_nothing(record):
    failure = Failure("critic/critic", "game", 3)
    diverged = replace(record, status="diverged", metrics={}, parameters=None, failure=failure)
    assert list(chosen_epochs(diverged)) == []
