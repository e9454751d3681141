"""`gzslbench run`: seeds, wrong options, and what the terminal shows."""

from __future__ import annotations

import re

import pytest

SMALL = ("--set", "ngh=16", "--set", "ndh=16", "--set", "syn_num=5", "--set", "batch_size=512")
GAN = ("run", "--method", "f-clswgan", "--dataset", "digits", "--epochs", "1", *SMALL)


def test_seeds_may_be_separated_by_commas_and_end_with_mean_and_deviation(gzslbench):
    outcome = gzslbench(*GAN, "--seed", "1,2", "--seed", "2")
    assert outcome.exit_code == 0, outcome.output
    found = [float(line.split()[3]) for line in outcome.stdout.splitlines() if line.startswith("last  ")]
    assert len(found) == 2
    mean, deviation = (
        float(line.split()[3]) for line in outcome.stdout.splitlines() if line.startswith(("mean", "sd"))
    )
    assert mean == pytest.approx(sum(found) / 2, abs=0.011)
    assert deviation == pytest.approx(abs(found[0] - found[1]) / 2**0.5, abs=0.011)
    assert "last over 2 seeds" in outcome.stdout


def test_one_seed_has_no_table_of_seeds(gzslbench):
    assert "over 1 seeds" not in gzslbench("run", "--method", "eszsl", "--dataset", "digits").stdout


@pytest.mark.parametrize("seed", ["x", "1,", "-1", "1,x"])
def test_a_seed_that_is_no_number_is_refused(gzslbench, seed):
    outcome = gzslbench(*GAN, "--seed", seed)
    assert outcome.exit_code == 2
    assert "--seed" in outcome.output


def test_a_parameter_as_an_option_gets_the_option_that_sets_it(gzslbench):
    outcome = gzslbench("run", "--method", "f-clswgan", "--dataset", "digits", "--lambda-gp", "5")
    assert outcome.exit_code == 2
    assert "--set lambda_gp=5" in outcome.output


def test_an_option_that_no_parameter_has_gets_the_parameters_of_the_method(gzslbench):
    outcome = gzslbench("run", "--method", "eszsl", "--dataset", "digits", "--lr", "1")
    assert outcome.exit_code == 2
    assert "eszsl has parameters for --set NAME=VALUE: form, alpha, gamma, targets" in outcome.output


@pytest.mark.parametrize("arguments", [("--lr", "1"), ("--method", "x", "--lr", "1")])
def test_another_unknown_option_gets_no_wrong_advice(gzslbench, arguments):
    outcome = gzslbench("run", "--dataset", "digits", *arguments)
    assert outcome.exit_code == 2
    assert "No such option" in outcome.output
    assert "--set" not in outcome.output


def test_a_closed_form_has_no_row_that_chooses_an_epoch(gzslbench):
    text = gzslbench("run", "--method", "eszsl", "--dataset", "digits").stdout
    assert re.search("^last ", text, re.MULTILINE)
    assert "TEST gamma" in text
    assert "TEST epoch" not in text
    trained = gzslbench(*GAN).stdout
    assert "TEST epoch" in trained


def test_it_says_at_once_what_is_read(gzslbench):
    outcome = gzslbench("run", "--method", "eszsl", "--dataset", "digits", "--json")
    assert outcome.stderr.startswith("reading digits")
    assert outcome.stdout.startswith("{")
