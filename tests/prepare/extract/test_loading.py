from __future__ import annotations

import random
from contextlib import suppress

import pytest
import torch
from torch import nn

from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract.loading import import_package, read_weights


def test_weights_of_the_same_names_and_shapes_are_loaded(tmp_path):
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "weights.pth")
    network = nn.Linear(3, 2)
    read_weights(network, tmp_path / "weights.pth")
    kept = torch.load(tmp_path / "weights.pth")
    assert torch.equal(network.weight, kept["weight"]) and torch.equal(network.bias, kept["bias"])


class Trap:
    def __reduce__(self):
        return print, ("the code in the file was run",)


def with_versions(versions):
    state = nn.Linear(3, 2).state_dict()
    state._metadata = versions
    return state


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (nn.Linear(3, 5).state_dict(), "another network: size mismatch for weight"),
        (nn.Sequential(nn.Linear(3, 2)).state_dict(), "another network"),
        (with_versions([1]), r"another network: .*list"),
        ([1, 2], "does not contain weights by name"),
        ({1: torch.zeros(2)}, "does not contain weights by name"),
        (Trap(), "damaged, or is not one"),
        (None, "damaged, or is not one"),
    ],
    ids=["shape", "names", "versions", "list", "numbers", "code", "bytes"],
)
def test_other_files_are_refused_and_the_network_stays(tmp_path, content, complaint, capsys):
    file = tmp_path / "weights.pth"
    if content is None:
        file.write_bytes(b"not a file of torch")
    else:
        torch.save(content, file)
    network = nn.Linear(3, 2)
    before = network.weight.detach().clone()
    with pytest.raises(ExtractionError, match=complaint) as caught:
        read_weights(network, file)
    assert str(file) in str(caught.value)
    assert torch.equal(network.weight, before) and capsys.readouterr().out == ""


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path, zipped):
    network, file = nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30)), tmp_path / "weights.pth"
    torch.save(network.state_dict(), file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    for end in range(1, len(whole) - 1, 97):
        file.write_bytes(whole[:end])
        with pytest.raises(ExtractionError, match=r"damaged, or is not one: .+") as caught:
            read_weights(network, file)
        assert str(file) in str(caught.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_byte_gives_weights_or_a_refusal(tmp_path, zipped):
    network, file = nn.Linear(3, 2), tmp_path / "weights.pth"
    torch.save(network.state_dict(), file, _use_new_zipfile_serialization=zipped)
    whole, draws = file.read_bytes(), random.Random(0)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[draws.randrange(len(whole))] = draws.randrange(256)
        file.write_bytes(damaged)
        with suppress(ExtractionError):
            read_weights(network, file)


def test_a_missing_file_of_weights_is_named(tmp_path):
    with pytest.raises(ExtractionError, match="none"):
        read_weights(nn.Linear(1, 1), tmp_path / "none.pth")


def test_an_installed_module_is_imported():
    import json.decoder

    assert import_package("json.decoder", "none") is json.decoder


def test_a_missing_package_is_named_with_its_extra():
    with pytest.raises(ExtractionError, match="not installed: nowhere") as caught:
        import_package("nowhere.at.all", "some")
    assert caught.value.fix == "pip install 'gzslbench[some]'"


@pytest.mark.parametrize("kind", ["ImportError", "RuntimeError", "OSError", "AttributeError"])
def test_a_package_that_fails_to_import_is_reported_with_its_message(tmp_path, monkeypatch, kind):
    (tmp_path / f"broken_{kind.lower()}.py").write_text(f"raise {kind}('no such operator')")
    monkeypatch.syspath_prepend(tmp_path)
    for fix in ("", "get another"):
        with pytest.raises(ExtractionError, match="cannot be imported: no such operator") as caught:
            import_package(f"broken_{kind.lower()}", "some", fix)
        assert caught.value.fix == (
            fix or f"install a version of broken_{kind.lower()} that fits the other packages"
        )
