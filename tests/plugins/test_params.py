from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import ParamError, PluginError
from gzslbench.plugins.params import Params, build, fields_of, param, parse_assignments


@dataclass(frozen=True)
class Example(Params):
    lr: float = param(1e-4, "learning rate", above=0, high=1)
    epochs: int = param(10, "passes over the rows", low=1, unit="epochs")
    clip: bool = param(False, "whether to clip")
    variant: str = param("reference", "training rules", choices=("reference", "clean"))
    weight: float = param(1.0, "weight of the loss")


@given(
    st.floats(0, 1, exclude_min=True), st.integers(1), st.booleans(), st.sampled_from(["reference", "clean"])
)
def test_parameters_survive_json_and_text(lr: float, epochs: int, clip: bool, variant: str) -> None:
    params = Example(lr=lr, epochs=epochs, clip=clip, variant=variant)
    assert build(Example, json.loads(json.dumps(params.as_dict())), "json") == params
    if epochs < 10**4000:
        texts = [f"{name}={value}" for name, value in params.as_dict().items()]
        assert Example(**parse_assignments(Example, texts)) == params


def test_an_integer_is_accepted_as_a_float_but_not_the_reverse() -> None:
    params = Example(lr=1)
    assert type(params.lr) is float
    with pytest.raises(ParamError, match="takes int"):
        Example(epochs=10.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("lr", "fast", "takes float, not 'fast'"),
        ("lr", True, "takes float, not True"),
        ("lr", None, "takes float, not None"),
        ("epochs", True, "takes int, not True"),
        ("epochs", 1.5, "takes int, not 1.5"),
        ("clip", 1, "takes bool, not 1"),
        ("variant", 1, "takes str, not 1"),
        ("lr", 0.0, "out of range: 0.0"),
        ("lr", 1.01, "out of range: 1.01"),
        ("lr", float("nan"), "out of range: nan"),
        ("weight", float("inf"), "out of range: inf"),
        ("epochs", 0, "out of range: 0"),
        ("variant", "cleaner", "cannot be 'cleaner'"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: object, complaint: str) -> None:
    with pytest.raises(ParamError, match=complaint) as caught:
        build(Example, {name: value}, "defaults.toml: table [CUB]")
    assert caught.value.where == "defaults.toml: table [CUB]"
    assert repr(name) in caught.value.what
    with pytest.raises(ParamError, match=complaint) as caught:
        Example(**{name: value})  # type: ignore[arg-type]
    assert caught.value.where == "Example"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lr", "cannot read 'lr'"),
        ("=3", "no parameter ''"),
        ("epoch=3", "did you mean 'epochs'"),
        ("lr=", "takes float, not ''"),
        ("lr=fast", "takes float, not 'fast'"),
        ("lr=nan", "out of range"),
        ("epochs=1e3", "takes int, not '1e3'"),
        ("epochs=0", "out of range: 0"),
        ("clip=yes", "takes bool, not 'yes'"),
        ("variant=Clean", "reference | clean"),
    ],
)
def test_a_wrong_assignment_is_refused_by_name(text: str, complaint: str) -> None:
    with pytest.raises(ParamError) as caught:
        parse_assignments(Example, [text])
    assert complaint in str(caught.value)
    assert caught.value.where == "--set"


def test_assignments_give_values_of_the_right_type_and_the_last_one_counts() -> None:
    values = parse_assignments(Example, ["lr = 1e-3", "epochs=2", "clip=TRUE", "epochs=3"])
    assert values == {"lr": 0.001, "epochs": 3, "clip": True}
    assert [type(value) for value in values.values()] == [float, int, bool]


def test_the_error_for_an_unknown_name_proposes_the_nearest() -> None:
    with pytest.raises(ParamError, match="did you mean 'variant'"):
        build(Example, {"varient": "clean"}, "here")


def test_a_default_out_of_its_own_range_is_refused() -> None:
    @dataclass(frozen=True)
    class Broken(Params):
        lr: float = param(0.0, "learning rate", above=0)

    with pytest.raises(ParamError, match="out of range"):
        Broken()


def test_a_field_has_type_range_and_description() -> None:
    infos = {info.name: info for info in fields_of(Example)}
    assert list(infos) == ["lr", "epochs", "clip", "variant", "weight"]
    assert infos["lr"].range == "> 0, <= 1"
    assert infos["epochs"].range == ">= 1"
    assert infos["variant"].range == "reference | clean"
    assert infos["weight"].range == ""
    assert infos["clip"].range == "true | false"
    assert (infos["epochs"].type, infos["epochs"].unit) == (int, "epochs")
    assert infos["clip"].doc == "whether to clip"


@pytest.mark.parametrize("value", [10**309, -(10**309)])
def test_a_whole_number_that_no_float_holds_is_out_of_range(value: int) -> None:
    with pytest.raises(ParamError, match="parameter 'weight' is out of range"):
        build(Example, {"weight": value}, "here")


def refuse(_self: Params) -> None:
    raise ValueError("they contradict each other")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rate": (float, dataclasses.MISSING)}, "rate has no valid default"),
        ({"rate": ("int | None", param(1, "rate"))}, "rate has no valid type"),
        ({"rate": ("Unknown", param(1, "rate"))}, "name 'Unknown' is not defined"),
        ({"rate": (str, param("a", "rate", choices=5))}, "rate has no valid choices"),
        ({"rate": (int, param(1, 5))}, "rate has no valid doc"),
        ({"rate": (int, param(1, "rate", low="a"))}, "rate has no valid low"),
        ({"rate": (float, param(1.0, "rate", search=7))}, "rate has no valid search"),
        ({"epochs": (str, param("many", "epochs"))}, "epochs has no valid type"),
        ({"as_dict": (int, param(1, "a name that is taken"))}, "as_dict is a method"),
    ],
)
def test_a_parameter_that_is_declared_wrongly_names_its_class(fields: dict, words: str) -> None:
    annotations = {name: type_ for name, (type_, _) in fields.items()}
    values = {name: value for name, (_, value) in fields.items() if value is not dataclasses.MISSING}
    cls = dataclass(frozen=True)(type("Mine", (Params,), {"__annotations__": annotations, **values}))
    for _ in range(2):
        with pytest.raises(PluginError, match=r"the parameters \S*Mine cannot be used: ") as caught:
            build(cls, {}, "here")
        assert words in caught.value.what and "param(" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("name", "method", "words"),
    [
        ("as_dict", lambda _self: None, "as_dict is a method of Params"),
        ("__post_init__", refuse, "ValueError: they contradict each other"),
        ("__post_init__", lambda _self: sys.exit(0), "SystemExit: 0"),
    ],
)
def test_parameters_whose_own_methods_break_name_their_class(name: str, method: object, words: str) -> None:
    cls = dataclass(frozen=True)(type("Mine", (Params,), {name: method}))
    with pytest.raises(PluginError, match=r"the parameters \S*Mine cannot be used: ") as caught:
        build(cls, {}, "here")
    assert words in caught.value.what
