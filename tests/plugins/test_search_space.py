from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import ParamError
from gzslbench.plugins.params import (
    Choices,
    Params,
    Span,
    choices,
    fields_of,
    linear,
    log,
    param,
    steps,
)
from gzslbench.plugins.presets import load_presets
from gzslbench.plugins.registry import plugins


@dataclass(frozen=True)
class Example(Params):
    lr: float = param(1e-4, "learning rate", above=0, high=1)
    epochs: int = param(10, "passes over the rows", low=1, high=5000, unit="epochs")
    clip: bool = param(False, "whether to clip")
    variant: str = param("plain", "training rules", choices=("plain", "fancy"))


INFO = {info.name: info for info in fields_of(Example)}


@pytest.mark.parametrize(
    ("name", "text", "space"),
    [
        ("lr", "1e-5..1e-3:log", log(1e-5, 1e-3)),
        ("lr", " 0.1 .. 1 ", linear(0.1, 1.0)),
        ("lr", "0.25..0.75:0.25", steps(0.25, 0.75, 0.25)),
        ("lr", "0.1,0.2", choices(0.1, 0.2)),
        ("epochs", "10..1000:log", log(10, 1000)),
        ("epochs", "100..2000:100", steps(100, 2000, 100)),
        ("clip", "true,false", choices(True, False)),
        ("variant", "plain, fancy", choices("plain", "fancy")),
    ],
)
def test_a_space_survives_text(name, text, space) -> None:
    found = INFO[name].parse_space(text, "--search")
    assert found == space
    assert INFO[name].parse_space(str(found), "--search") == space


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("lr", "0..1", "out of range: 0.0"),
        ("lr", "0.1..2", "out of range: 2.0"),
        ("lr", "1e-3..1e-5", "low end is not below"),
        ("lr", "0.1..0.1", "low end is not below"),
        ("lr", "0.1..0.2:1", "its step"),
        ("lr", "0.1..0.2:-1", "its step"),
        ("lr", "0.1..0.2:lug", "cannot read 'lug'"),
        ("lr", "0.1", "two or more different values"),
        ("lr", "0.1,0.1", "two or more different values"),
        ("lr", "0.1..", "takes float, not ''"),
        ("lr", "", "two or more different values, not ''"),
        ("epochs", "64-512", "two or more different values, not '64-512'"),
        ("epochs", "1..2.5", "takes int"),
        ("epochs", "1..5:1.5", "cannot read '1.5'"),
        ("variant", "plain..fancy", "takes str"),
        ("variant", "plain,other", "'variant' cannot be 'other'"),
        ("clip", "false..true", "takes bool"),
    ],
)
def test_a_space_that_does_not_fit_the_parameter_is_refused(name, text, complaint) -> None:
    with pytest.raises(ParamError, match=complaint) as caught:
        INFO[name].parse_space(text, "--search")
    assert caught.value.where == "--search" and caught.value.fix


@pytest.mark.parametrize("space", [log(0.0, 1.0), steps(1, 5, 0.5), linear(1.0, 5.0)], ids=str)
def test_a_space_in_param_is_checked_like_one_on_the_command_line(space) -> None:
    loose = param(3, "any number", low=0)
    cls = dataclass(frozen=True)(type("Loose", (Params,), {"n": loose, "__annotations__": {"n": "int"}}))
    with pytest.raises(ParamError):
        fields_of(cls)[0].check_space(space, "search space of n")


@given(st.integers(-50, 50), st.integers(1, 60), st.integers(1, 20), st.integers(-200, 200))
def test_steps_are_shifted_to_a_value_and_stay_in_the_span_that_contains_it(low, width, step, value) -> None:
    span = steps(low, low + width, min(step, width))
    wider = span.including(value)
    assert wider.step == span.step
    assert (value - wider.low) % wider.step == 0 and (wider.high - wider.low) % wider.step == 0
    assert wider.low <= value <= wider.high
    assert min(low, value) <= wider.low < min(low, value) + span.step
    assert max(span.high, value) - span.step < wider.high <= max(span.high, value)


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.booleans())
def test_a_span_is_widened_no_further_than_to_the_value(one, other, value, logarithmic) -> None:
    span = Span(min(one, other), max(one, other), logarithmic)
    wider = span.including(value)
    assert wider.logarithmic is logarithmic
    assert {wider.low, wider.high} <= {one, other, value}
    assert wider.low <= min(span.low, value) and wider.high >= max(span.high, value)


def test_a_logarithmic_span_cannot_include_zero_and_choices_grow() -> None:
    assert log(0.1, 1.0).including(0.0) is None
    assert choices("a", "b").including("c") == Choices(("c", "a", "b"))


@pytest.mark.parametrize("name", plugins().methods())
def test_every_space_can_include_the_values_of_every_preset(name) -> None:
    spec = plugins().method(name)
    for info in fields_of(spec.params):
        if info.search is None:
            continue
        values = {preset.values.get(info.name, info.default) for preset in load_presets(spec).values()}
        for value in {*values, info.default}:
            wider = info.search.including(value)
            assert wider is not None, (info.name, value)
            info.check_space(wider, "test")


def test_the_methods_that_papers_tuned_have_spaces() -> None:
    def searched(name):
        return {info.name for info in fields_of(plugins().method(name).params) if info.search is not None}

    assert {"lr", "ins_weight", "cls_weight", "ins_temp", "cls_temp", "syn_num"} <= searched("ce-gzsl")
    for name in ("f-clswgan", "lisgan", "cycle-clswgan"):
        assert {"lr", "cls_weight", "syn_num", "classifier_lr"} <= searched(name)
    assert searched("eszsl") == {"alpha", "gamma"}
    assert searched("dem") == {"weight_decay"}


def test_a_parameter_may_declare_its_space_as_the_option_writes_it() -> None:
    @dataclass(frozen=True)
    class Texts(Params):
        lr: float = param(1e-4, "learning rate", above=0, search="1e-5..1e-3:log")
        epochs: int = param(10, "passes over the rows", low=1, search="10,20")

    found = {info.name: info.search for info in fields_of(Texts)}
    assert found == {"lr": log(1e-5, 1e-3), "epochs": choices(10, 20)}


def test_a_declared_space_that_cannot_be_read_names_the_parameter() -> None:
    @dataclass(frozen=True)
    class Wrong(Params):
        lr: float = param(1e-4, "learning rate", above=0, search="1e-5..1e-3:logs")

    with pytest.raises(ParamError, match="cannot read 'logs'") as caught:
        fields_of(Wrong)
    assert "Wrong.lr" in str(caught.value.where)
