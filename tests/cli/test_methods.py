from __future__ import annotations

import json

from gzslbench.params import fields_of
from gzslbench.plugins import plugins
from gzslbench.presets import load_presets


def test_every_method_is_listed_with_paper_kind_and_setting(invoke) -> None:
    done = invoke("methods")
    assert done.exit_code == 0
    for spec in plugins().methods().values():
        row = next(line for line in done.output.splitlines() if line.startswith(spec.name))
        for text in (spec.title, spec.kind, spec.setting, spec.paper):
            assert text in row


def test_every_parameter_and_preset_of_a_method_is_described(invoke) -> None:
    spec = plugins().method("ce-gzsl")
    done = invoke("methods", "ce-gzsl")
    assert done.exit_code == 0
    starts = [line.split()[0] for line in done.output.splitlines() if line.strip()]
    assert {info.name for info in fields_of(spec.params)} <= set(starts)
    for name, preset in load_presets(spec).items():
        assert name in starts
        assert " ".join(preset.source.split()[:3]) in done.output


def test_presets_and_defaults_give_the_settings_of_a_run(invoke) -> None:
    spec = plugins().method("ce-gzsl")
    described = json.loads(invoke("methods", "ce-gzsl", "--json").output)
    defaults = {each["name"]: each["default"] for each in described["parameters"]}
    assert described["presets"]["default"]["values"] == {}
    for name, preset in load_presets(spec).items():
        shown = {**defaults, **described["presets"][name]["values"]}
        assert shown == {**spec.params().as_dict(), **preset.values}


def test_an_unknown_method_is_answered_with_the_nearest(invoke) -> None:
    done = invoke("methods", "ce-gsl")
    assert done.exit_code == 2
    assert "did you mean 'ce-gzsl'?" in done.stderr
