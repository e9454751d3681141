"""Parameters, presets and notes of the methods that came first."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module, resources

import pytest

from gzslbench.errors import ParamError
from gzslbench.params import build, fields_of
from gzslbench.plugins import plugins
from gzslbench.presets import load_presets, preset

METHODS = ("ce-gzsl", "f-clswgan")
PUBLISHED_ARGUMENTS = """
    syn_num batch_size nz embed_size outz_size nhF ngh ndh ins_weight cls_weight ins_temp cls_temp lr
    lr_decay_epoch lr_decay_rate lambda_gp critic_iter beta1 epochs classifier_lr
"""


@pytest.fixture(params=METHODS)
def spec(request):
    return plugins().method(request.param)


def test_every_published_argument_of_ce_gzsl_is_a_parameter():
    names = [info.name for info in fields_of(plugins().method("ce-gzsl").params)]
    assert [name for name in PUBLISHED_ARGUMENTS.split() if name not in names] == []


def test_every_parameter_says_what_it_means_and_what_it_takes(spec):
    for info in fields_of(spec.params):
        assert info.doc and info.range, info.name


def test_every_preset_builds_and_names_its_source(spec):
    presets = load_presets(spec)
    assert {"default", "AWA1", "AWA2", "CUB", "CUB/sent", "FLO", "SUN", "APY", "digits"} <= set(presets)
    for name, found in presets.items():
        assert found.source, name
        build(spec.params, found.values, name)


@pytest.mark.parametrize(
    ("dataset", "semantics", "nz", "syn_num", "nh_f", "lr", "weight"),
    [
        ("AWA1", "att", 85, 1800, 2048, 1e-4, 0.001),
        ("AWA2", "att", 85, 2400, 2048, 1e-4, 0.001),
        ("CUB", "sent", 1024, 100, 2048, 1e-4, 0.001),
        ("FLO", "att", 512, 600, 1024, 1e-4, 0.01),
        ("SUN", "att", 102, 100, 1024, 5e-5, 0.01),
    ],
)
def test_ce_gzsl_presets_hold_the_authors_numbers(dataset, semantics, nz, syn_num, nh_f, lr, weight):
    spec = plugins().method("ce-gzsl")
    params = build(spec.params, preset(spec, dataset, semantics).values, dataset)
    assert (params.nz, params.syn_num, params.nhF, params.lr) == (nz, syn_num, nh_f, lr)
    assert params.ins_weight == params.cls_weight == weight
    assert (params.variant, params.ngh, params.embed_size) == ("reference", 4096, 2048)


@pytest.mark.parametrize(
    ("dataset", "epochs", "lr", "weight", "syn_num"),
    [("AWA1", 30, 1e-5, 0.01, 1800), ("CUB", 56, 1e-4, 0.01, 300), ("FLO", 80, 1e-4, 0.1, 1200),
     ("SUN", 40, 2e-4, 0.01, 400), ("APY", 50, 1e-5, 0.01, 1800)],
)  # fmt: skip
def test_f_clswgan_presets_hold_the_official_numbers(dataset, epochs, lr, weight, syn_num):
    spec = plugins().method("f-clswgan")
    params = build(spec.params, preset(spec, dataset, "att").values, dataset)
    assert (params.epochs, params.lr, params.cls_weight, params.syn_num) == (epochs, lr, weight, syn_num)
    assert (params.batch_size, params.pretrain_epochs, params.pretrain_batch_size) == (64, 50, 100)


def test_sentences_take_over_the_numbers_of_cub_only_where_their_table_says_so():
    spec = plugins().method("f-clswgan")
    att, sent = (preset(spec, "CUB", semantics).values for semantics in ("att", "sent"))
    assert att["nz"] == 312 and sent["nz"] == 1024
    assert att["epochs"] == sent["epochs"] == 56


def test_an_unknown_dataset_takes_the_default_table(spec):
    assert preset(spec, "mine", "att").table == "default"


def test_parameters_out_of_range_are_refused_by_name(spec):
    with pytest.raises(ParamError, match="lambda_gp"):
        spec.params(lambda_gp=-1.0)
    with pytest.raises(ParamError, match="batch_size"):
        spec.params(batch_size=0)


def test_the_readme_names_every_loss_and_parameter_of_the_method(spec):
    module, _, name = spec.load.partition(":")
    package = module.rpartition(".")[0]
    readme = resources.files(package).joinpath("README.md").read_text(encoding="utf-8")
    method, losses = vars(import_module(module))[name], import_module(f"{package}.losses")
    named = [member for member in dir(method) if member.endswith("_loss")]
    named += [
        f for f, at in inspect.getmembers(losses, inspect.isfunction) if at.__module__ == losses.__name__
    ]
    named += [info.name for info in fields_of(spec.params)]
    assert any(member.endswith("_loss") for member in named)
    assert [member for member in named if f"`{member}`" not in readme] == []


def test_describing_the_methods_imports_no_torch():
    code = (
        "import sys; from gzslbench.plugins import plugins; from gzslbench.presets import load_presets;"
        f"[load_presets(plugins().method(name)) for name in {METHODS!r}];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
