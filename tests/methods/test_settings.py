"""Parameters, presets and notes of every method."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import resources

import pytest

from gzslbench.plugins.params import build, fields_of
from gzslbench.plugins.presets import load_presets, preset
from gzslbench.plugins.registry import plugins

METHODS = sorted(plugins().methods())
PROMISED = """
    syn_num batch_size nz embed_size outz_size nhF ins_weight cls_weight ins_temp cls_temp lr lr_decay_epoch
"""
PUBLISHED_OTHERWISE = {
    "epochs": "nepoch",
    "embed_size": "embedSize",
    "outz_size": "outzSize",
    "lr_decay_rate": "lr_dec_rate",
    "lambda_gp": "lambda1",
}


def table(header, *rows):
    """Settings by dataset, from rows of a table whose first column is the dataset."""
    names = header.split()
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


CE_GZSL = table(
    "nz syn_num nhF ins_weight cls_weight lr lr_decay_epoch ins_temp cls_temp batch_size epochs",
    ("AWA1", 85, 1800, 2048, 0.001, 0.001, 1e-4, 50, 0.1, 0.1, 4096, 130),
    ("AWA2", 85, 2400, 2048, 0.001, 0.001, 1e-4, 10, 0.1, 0.1, 4096, 130),
    ("CUB/sent", 1024, 100, 2048, 0.001, 0.001, 1e-4, 100, 0.1, 0.1, 2048, 450),
    ("FLO", 512, 600, 1024, 0.01, 0.01, 1e-4, 100, 0.1, 0.1, 2048, 740),
    ("SUN", 102, 100, 1024, 0.01, 0.01, 5e-5, 100, 0.1, 0.1, 1024, 1000),
)
CE_GZSL_EVERYWHERE = {
    "variant": "reference",
    "embed_size": 2048,
    "outz_size": 512,
    "ngh": 4096,
    "ndh": 4096,
    "critic_iter": 5,
    "lambda_gp": 10.0,
    "beta1": 0.5,
    "lr_decay_rate": 0.99,
    "classifier_lr": 1e-3,
    "head_epochs": 25,
    "zsl_epochs": 100,
}
F_CLSWGAN = table(
    "epochs lr cls_weight syn_num nz",
    ("AWA1", 30, 1e-5, 0.01, 1800, 85),
    ("CUB", 56, 1e-4, 0.01, 300, 312),
    ("FLO", 80, 1e-4, 0.1, 1200, 1024),
    ("SUN", 40, 2e-4, 0.01, 400, 102),
    ("APY", 50, 1e-5, 0.01, 1800, 64),
)
F_CLSWGAN_EVERYWHERE = {
    "batch_size": 64,
    "ngh": 4096,
    "ndh": 4096,
    "critic_iter": 5,
    "lambda_gp": 10.0,
    "beta1": 0.5,
    "pretrain_epochs": 50,
    "pretrain_lr": 1e-3,
    "pretrain_batch_size": 100,
    "classifier_lr": 1e-3,
    "head_epochs": 25,
    "head_batch_size": 0,
}
F_VAEGAN_D2 = table(
    "epochs lr gamma_d gamma_g encoded_noise syn_num classifier_lr",
    ("AWA2", 120, 1e-5, 10.0, 10.0, True, 1800, 1e-3),
    ("CUB", 300, 1e-4, 10.0, 10.0, True, 300, 1e-3),
    ("FLO", 500, 1e-4, 10.0, 10.0, False, 1200, 1e-3),
    ("SUN", 400, 1e-3, 1.0, 1.0, True, 400, 5e-4),
    ("APY", 500, 1e-4, 10.0, 10.0, False, 1200, 1e-3),
)
VAEGAN_EVERYWHERE = {
    "nz": 0,
    "ngh": 4096,
    "ndh": 4096,
    "lambda_gp": 10.0,
    "beta1": 0.5,
    "head_epochs": 25,
    "head_batch_size": 0,
}
F_VAEGAN_D2_EVERYWHERE = {**VAEGAN_EVERYWHERE, "batch_size": 64, "critic_iter": 5, "adapt_penalty": False}
TF_VAEGAN = table(
    "epochs syn_num lr classifier_lr gamma_d gamma_g a1 a2 recons_weight feed_lr freeze_dec encoded_noise",
    ("AWA2", 120, 1800, 1e-5, 1e-3, 10.0, 10.0, 0.01, 0.01, 0.1, 1e-4, True, True),
    ("CUB", 300, 300, 1e-4, 1e-3, 10.0, 10.0, 1.0, 1.0, 0.01, 1e-5, False, True),
    ("FLO", 500, 1200, 1e-4, 1e-3, 10.0, 10.0, 0.5, 0.5, 0.01, 1e-5, False, False),
    ("SUN", 400, 400, 1e-3, 5e-4, 1.0, 1.0, 0.1, 0.01, 0.01, 1e-4, False, True),
    ("APY", 500, 1200, 1e-4, 1e-3, 10.0, 10.0, 0.5, 0.5, 0.01, 1e-5, False, False),
)
TF_VAEGAN_EVERYWHERE = {
    **VAEGAN_EVERYWHERE,
    "variant": "reference",
    "batch_size": 64,
    "critic_iter": 5,
    "adapt_penalty": True,
    "dec_lr": 1e-4,
}
FREE = table(
    "epochs syn_num batch_size critic_iter lr classifier_lr gamma_d center_margin incenter_weight"
    " recons_weight other_center freeze_dec encoded_noise",
    ("AWA1", 301, 4600, 64, 1, 1e-5, 1e-3, 10.0, 50.0, 0.1, 0.001, "nearest", True, True),
    ("APY", 401, 400, 64, 1, 1e-5, 1e-3, 10.0, 50.0, 0.5, 0.001, "nearest", True, False),
    ("AWA2", 401, 4600, 64, 1, 1e-5, 1e-3, 10.0, 50.0, 0.5, 0.001, "nearest", True, True),
    ("CUB", 501, 700, 64, 1, 1e-4, 1e-3, 10.0, 200.0, 0.8, 0.001, "random", False, True),
    ("FLO", 501, 2400, 256, 5, 1e-4, 1e-3, 10.0, 200.0, 0.8, 0.001, "random", False, False),
    ("SUN", 601, 300, 512, 1, 2e-4, 5e-4, 1.0, 120.0, 0.8, 0.1, "random", False, True),
)
FREE_EVERYWHERE = {
    **VAEGAN_EVERYWHERE,
    "variant": "reference",
    "adapt_penalty": True,
    "center_weight": 0.5,
    "dec_lr": 1e-4,
}
LISGAN = table(
    "epochs lr cls_weight nz syn_num sample_weight mean_weight",
    ("AWA1", 30, 1e-5, 0.01, 85, 1800, 3e-5, 1e-3),
    ("CUB", 56, 1e-4, 0.01, 312, 300, 1e-3, 1e-2),
    ("FLO", 80, 1e-4, 0.1, 1024, 1200, 0.03, 0.1),
    ("SUN", 40, 2e-4, 0.01, 102, 400, 3e-5, 0.3),
    ("APY", 50, 1e-5, 0.01, 64, 1800, 3e-4, 0.3),
)
LISGAN_EVERYWHERE = {
    **{name: F_CLSWGAN_EVERYWHERE[name] for name in ("batch_size", "critic_iter", "lambda_gp", "beta1")},
    "pretrain_epochs": 100,
    "clusters": 3,
    "mean_of": 20,
    "head_epochs": 50,
    "zsl_epochs": 50,
}
CYCLE_CLSWGAN = table(
    "epochs lr critic_lr syn_num regressor_epochs head_epochs",
    ("AWA1", 285, 1e-4, 1e-3, 1200, 40, 37),
    ("CUB/sent", 926, 1e-4, 1e-3, 200, 40, 80),
    ("FLO", 926, 1e-4, 1e-3, 300, 40, 18),
    ("SUN", 985, 6.15e-4, 8.68e-3, 141, 100, 85),
)
DEM = table(
    "hidden weight_decay lr batch_size neighbour",
    ("AWA1/original_att", 1600, 1e-3, 1e-4, 64, "euclidean"),
    ("AWA2/original_att", 1600, 1e-3, 1e-4, 64, "euclidean"),
    ("CUB/original_att", 1200, 1e-2, 1e-5, 100, "cosine"),
    ("SUN/original_att", 1600, 1e-5, 1e-4, 64, "euclidean"),
    ("APY/original_att", 1600, 1e-4, 1e-4, 64, "euclidean"),
)
SAE = table(
    "weight semantics_weight",
    ("CUB", 0.2, 80.0),
    ("AWA1", 0.8, 3.2),
    ("AWA2", 0.2, 0.8),
    ("APY", 2.56, 0.16),
    ("SUN", 0.08, 0.32),
)
ESZSL = table("alpha gamma", ("CUB", 3, 0), ("AWA1", 3, 0), ("AWA2", 3, 0), ("APY", 2, 0), ("SUN", 3, 2))
ALE = table("lr", ("CUB", 0.3), ("AWA1", 0.01), ("AWA2", 0.01), ("APY", 0.04), ("SUN", 0.1))
DEVISE = table(
    "lr margin normalization",
    ("CUB", 1.0, 1.0, "l2"),
    ("AWA1", 0.01, 200.0, "standardize"),
    ("AWA2", 0.001, 150.0, "standardize"),
    ("APY", 1.0, 1.0, "l2"),
    ("SUN", 0.01, 3.0, "none"),
)
SJE = table(
    "lr margin normalization",
    ("CUB", 0.1, 4.0, "standardize"),
    ("AWA1", 1.0, 2.5, "l2"),
    ("AWA2", 1.0, 2.5, "l2"),
    ("APY", 0.01, 1.5, "none"),
    ("SUN", 1.0, 2.0, "standardize"),
)
CADA_VAE_HEADS = table(
    "head_epochs zsl_epochs", ("CUB", 23, 22), ("SUN", 21, 30), ("AWA1", 33, 25), ("AWA2", 29, 39)
)
BIAS_GZSL = table(
    "epochs lr hidden",
    ("AWA1", 5, 1e-3, 1024),
    ("CUB", 15, 0.01, 1024),
    ("CUB/sent", 20, 0.01, 2048),
    ("FLO", 15, 0.01, 2048),
    ("SUN", 15, 0.01, 1024),
)
BIAS_AWARE = table(
    "epochs lr hidden entropy_weight decay",
    ("AWA1", 5, 1e-4, 1024, 0.5, False),
    ("CUB/sent", 25, 0.01, 2048, 0.1, True),
    ("FLO", 50, 0.01, 2048, 0.1, True),
    ("SUN", 25, 0.01, 1024, 0.1, True),
)
ICIS = table("batch_size", ("AWA2", 20), ("CUB", 16), ("SUN", 16))
E_PGN = table(
    "epochs episodes inner_loop batch_size lr critic_hidden critic_dropout activation refine_over",
    ("AWA1", 30, 50, 100, 100, 5e-5, 1200, 0.7, "tanh", "classes"),
    ("AWA2", 30, 50, 30, 64, 2e-4, 1800, 0.5, "relu", "rows"),
    ("CUB/sent", 15, 100, 10, 32, 5e-5, 1600, 0.4, "tanh", "rows"),
    ("FLO", 50, 100, 10, 32, 5e-5, 1200, 0.4, "relu", "rows"),
)
CNZSL = table("seen_factor", ("AWA1", 0.95), ("AWA2", 0.95), ("CUB", 1.0), ("SUN", 0.95), ("APY", 0.95))
CNZSL_EVERYWHERE = {
    "epochs": 50,
    "batch_size": 256,
    "lr": 5e-4,
    "lr_decay_epoch": 25,
    "lr_decay_rate": 0.1,
    "weight_decay": 1e-4,
    "hidden": 1024,
    "scale": 5.0,
    "normalization": "variance",
}
DAZLE = table(
    "epochs momentum unit_vectors balanced",
    ("CUB", 20, 0.9, False, False),
    ("SUN", 100, 0.9, False, True),
    ("AWA2", 20, 0.0, True, True),
)
MSDN = table(
    "epochs momentum calibration distillation first_share unit_vectors nonnegative balanced",
    ("CUB", 30, 0.9, 0.1, 1e-3, 0.9, False, False, False),
    ("SUN", 70, 0.9, 1e-4, 1e-2, 0.7, False, False, True),
    ("AWA2", 50, 0.0, 0.12, 1e-7, 1.0, True, True, True),
)
MSDN_EVERYWHERE = {"variant": "reference", "batch_size": 50, "lr": 1e-4, "weight_decay": 1e-4, "margin": 1.0}
TRANSZERO = table(
    "epochs optimizer momentum width hidden dropout self_attention calibration regression unit_vectors"
    " balanced",
    ("CUB", 200, "adam", 0.0, 300, 512, 0.4, True, 0.3, 0.005, False, False),
    ("SUN", 400, "sgd", 0.9, 128, 2048, 0.3, False, 0.25, 0.001, False, True),
    ("AWA2", 200, "sgd", 0.0, 300, 512, 0.5, True, 2.0, 0.0005, True, True),
)
APN = table(
    "pooling regression groups local_class local_regression local_groups compactness seen_penalty",
    ("CUB", "max", 1e-2, 5e-5, 1.0, 0.1, 4e-2, 1e-9, 0.7),
    ("SUN", "mean", 1e-4, 1e-3, 1.0, 5e-2, 5e-3, 2e-7, 0.4),
    ("AWA2", "mean", 1e-4, 5e-4, 1.0, 1e-2, 5e-7, 2e-9, 0.7),
)
SDGZSL = table(
    "ga beta dis syn_num s_dim classifier_lr",
    ("APY", 0.1, 1.0, 1.0, 1200, 128, 0.005),
    ("AWA2", 0.5, 1.0, 0.3, 5000, 1024, 0.003),
    ("CUB", 5.0, 0.003, 0.3, 1000, 2048, 0.002),
    ("CUB/sent", 3.0, 0.3, 0.3, 1200, 312, 0.005),
)
ZLAP = table("seen_ratio", ("AWA2", 1000.0), ("SUN", 60.0), ("APY", 300.0), ("CUB", 30.0))
ZLAP_EVERYWHERE = {
    "per_class": 10,
    "epochs": 60,
    "batch_size": 512,
    "lr": 1e-4,
    "beta1": 0.5,
    "lr_halved_at": 30,
    "temperature": 0.04,
}


@pytest.fixture(params=METHODS)
def spec(request):
    return plugins().method(request.param)


def readme_of(spec):
    package = spec.load.partition(":")[0].rpartition(".")[0]
    return resources.files(package).joinpath("README.md").read_text(encoding="utf-8")


def test_the_promised_arguments_of_ce_gzsl_are_parameters_and_in_its_readme():
    spec = plugins().method("ce-gzsl")
    names, readme = {info.name for info in fields_of(spec.params)}, readme_of(spec)
    assert [name for name in PROMISED.split() if name not in names or f"`{name}`" not in readme] == []


def test_the_readme_of_ce_gzsl_gives_the_published_name_where_it_differs():
    spec = plugins().method("ce-gzsl")
    names = {info.name for info in fields_of(spec.params)}
    section = readme_of(spec).partition("| here | published |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|$", section, re.MULTILINE))
    assert rows == PUBLISHED_OTHERWISE
    assert rows.keys() <= names and not names & set(rows.values())


def test_every_preset_builds_and_names_its_source(spec):
    presets = load_presets(spec)
    assert {"default", "AWA1", "AWA2", "CUB", "CUB/sent", "FLO", "SUN", "APY", "digits"} <= set(presets)
    for name, found in presets.items():
        assert found.source, name
        build(spec.params, found.values, name)


@pytest.mark.parametrize(
    ("method", "key", "expected"),
    [
        (method, key, {**everywhere, **row})
        for method, rows, everywhere in (
            ("ce-gzsl", CE_GZSL, CE_GZSL_EVERYWHERE),
            ("f-clswgan", F_CLSWGAN, F_CLSWGAN_EVERYWHERE),
            ("f-vaegan-d2", F_VAEGAN_D2, F_VAEGAN_D2_EVERYWHERE),
            ("free", FREE, FREE_EVERYWHERE),
            ("tf-vaegan", TF_VAEGAN, TF_VAEGAN_EVERYWHERE),
            ("lisgan", LISGAN, LISGAN_EVERYWHERE),
            ("cycle-clswgan", CYCLE_CLSWGAN, {"batch_size": 64, "lambda_gp": 10.0, "cycle_weight": 0.01}),
            ("dem", DEM, {"variant": "reference"}),
            ("sae", SAE, {"compare_in": "features"}),
            ("eszsl", ESZSL, {"targets": "binary"}),
            ("ale", ALE, {"margin": 1.0, "normalization": "l2"}),
            ("devise", DEVISE, {"terms": "first"}),
            ("sje", SJE, {"search": "scaled"}),
            ("cnzsl", CNZSL, CNZSL_EVERYWHERE),
            ("dazle", DAZLE, {"batch_size": 50, "lr": 1e-4, "calibration": 0.1, "margin": 1.0}),
            ("msdn", MSDN, MSDN_EVERYWHERE),
            ("transzero", TRANSZERO, {"batch_size": 50, "lr": 1e-4, "weight_decay": 1e-4, "margin": 1.0}),
            ("apn", APN, {"variant": "reference", "batch_size": 64, "beta1": 0.5}),
            ("sdgzsl", SDGZSL, {"batch_size": 64}),
            (
                "e-pgn",
                E_PGN,
                {"hidden": 1800, "held_out_classes": 10, "variant": "reference", "dropout": 0.2},
            ),
            ("cada-vae", CADA_VAE_HEADS, {"batch_size": 50, "epochs": 100}),
        )
        for key, row in rows.items()
    ],
)
def test_presets_hold_the_published_numbers(method, key, expected):
    spec = plugins().method(method)
    dataset, _, semantics = key.partition("/")
    params = build(spec.params, preset(spec, dataset, semantics or "att").values, key)
    assert {name: getattr(params, name) for name in expected} == expected


def test_ce_gzsl_on_cub_with_attributes_differs_from_sentences_only_in_its_noise():
    spec = plugins().method("ce-gzsl")
    att, sent = (dict(preset(spec, "CUB", semantics).values) for semantics in ("att", "sent"))
    assert att == {**sent, "nz": 312}


@pytest.mark.parametrize("name", ["AWA1", "AWA2", "CUB", "CUB/sent", "FLO", "SUN", "APY"])
def test_ce_gzsl_presets_say_that_their_epochs_were_found_on_the_test_set(name):
    source = load_presets(plugins().method("ce-gzsl"))[name].source
    assert "epochs: where the authors saw test H peak" in source


def test_no_preset_of_cycle_clswgan_is_called_published():
    sources = [found.source for found in load_presets(plugins().method("cycle-clswgan")).values()]
    assert sources and not any(source.startswith("published") for source in sources)


@pytest.mark.parametrize(("dataset", "expected"), [(k, {**ZLAP_EVERYWHERE, **v}) for k, v in ZLAP.items()])
def test_the_settings_of_zlap_are_the_published_ones(dataset, expected):
    spec = plugins().head("zlap")
    params = build(spec.params, preset(spec, dataset, "att").values, dataset)
    assert {name: getattr(params, name) for name in expected} == expected


@pytest.mark.parametrize(("key", "expected"), BIAS_AWARE.items())
def test_the_settings_of_the_bias_aware_head_are_the_published_ones(key, expected):
    spec = plugins().head("bias-aware")
    dataset, _, semantics = key.partition("/")
    params = build(spec.params, preset(spec, dataset, semantics or "att").values, key)
    expected = {**expected, "margin": 0.2, "temperature": 0.05, "batch_size": 64}
    assert {name: getattr(params, name) for name in expected} == expected


def test_sentences_take_over_the_numbers_of_cub_only_where_their_table_says_so():
    spec = plugins().method("f-clswgan")
    att, sent = (preset(spec, "CUB", semantics).values for semantics in ("att", "sent"))
    assert att["nz"] == 312 and sent["nz"] == 1024
    assert att["epochs"] == sent["epochs"] == 56


def test_an_unknown_dataset_takes_the_default_table(spec):
    assert preset(spec, "mine", "att").table == "default"


@pytest.mark.acceptance
def test_describing_the_methods_imports_no_torch():
    code = (
        "import sys; from gzslbench.plugins.registry import plugins;"
        "from gzslbench.plugins.presets import load_presets;"
        f"[load_presets(plugins().method(name)) for name in {METHODS!r}];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
