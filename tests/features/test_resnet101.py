from __future__ import annotations

import hashlib
import http.server
import threading

import pytest
import torch
from torch.nn import functional

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Preparation
from gzslbench.prepare.extract.extract import make_request
from gzslbench.prepare.extract.loading import Pooled
from gzslbench.testing import extractor_checks
from gzslbench_features.resnet101 import SPEC, loading
from gzslbench_features.resnet101.loading import BLOCKS, PUBLISHED, PublishedWeights, ResNet101, load

ONE_BLOCK = dict.fromkeys(BLOCKS, 1)


def random_network():
    """A network whose statistics are not those of a new one."""
    torch.manual_seed(0)
    network = ResNet101().eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return network


@pytest.fixture(scope="module")
def network():
    return random_network()


@pytest.fixture(scope="module")
def short_network_and_file(tmp_path_factory):
    """A network with one block per layer, and the file of its weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "BLOCKS", ONE_BLOCK)
        network = random_network()
    file = tmp_path_factory.mktemp("weights") / "resnet101-x.pth"
    torch.save(network.state_dict(), file)
    return network, file


@pytest.fixture
def short_network(short_network_and_file, monkeypatch):
    """The short network, which is also what ``load`` builds."""
    monkeypatch.setattr(loading, "BLOCKS", ONE_BLOCK)
    return short_network_and_file[0]


@pytest.fixture
def file(short_network, short_network_and_file):
    return short_network_and_file[1]


def published_names():
    """Return the names in torchvision's files: 44,549,160 weights, and statistics."""

    def normalization(name):
        return [
            f"{name}.{part}"
            for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        ]

    names = ["conv1.weight", *normalization("bn1"), "fc.weight", "fc.bias"]
    for layer, blocks in enumerate((3, 4, 23, 3), start=1):
        for block in range(blocks):
            for part in (1, 2, 3):
                place = f"layer{layer}.{block}"
                names += [f"{place}.conv{part}.weight", *normalization(f"{place}.bn{part}")]
        names += [
            f"layer{layer}.0.downsample.0.weight",
            *normalization(f"layer{layer}.0.downsample.1"),
        ]
    return names


def test_names_and_count_are_those_of_the_published_file(network):
    assert sorted(network.state_dict()) == sorted(published_names())
    assert sum(parameter.numel() for parameter in network.parameters()) == 44_549_160


def plainly(state, x):
    """ResNet-101 written out from its weights by name."""

    def normalize(name, x):
        mean, var, weight, bias = (
            state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        scale = weight / torch.sqrt(var + 1e-5)
        return x * scale[:, None, None] + (bias - mean * scale)[:, None, None]

    def convolved(name, x, stride=1, padding=0):
        return functional.conv2d(x, state[f"{name}.weight"], stride=stride, padding=padding)

    x = torch.clamp(normalize("bn1", convolved("conv1", x, 2, 3)), min=0)
    x = functional.max_pool2d(functional.pad(x, (1, 1, 1, 1), value=float("-inf")), 3, 2)
    for layer, blocks in enumerate((3, 4, 23, 3), start=1):
        for block in range(blocks):
            name, stride = f"layer{layer}.{block}", 2 if layer > 1 and block == 0 else 1
            y = torch.clamp(normalize(f"{name}.bn1", convolved(f"{name}.conv1", x)), min=0)
            y = torch.clamp(normalize(f"{name}.bn2", convolved(f"{name}.conv2", y, stride, 1)), min=0)
            y = normalize(f"{name}.bn3", convolved(f"{name}.conv3", y))
            if f"{name}.downsample.0.weight" in state:
                x = normalize(f"{name}.downsample.1", convolved(f"{name}.downsample.0", x, stride))
            x = torch.clamp(x + y, min=0)
    return x.flatten(2).sum(2) / (x.shape[2] * x.shape[3])


def test_features_are_those_of_the_network_written_out(network):
    images = torch.randn(2, 3, 65, 97)
    with torch.inference_mode():
        found, expected = network(images).mean(dim=(2, 3)), plainly(network.state_dict(), images)
    assert found.shape == (2, 2048)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_features_are_torchvisions_for_the_same_weights(network):
    try:
        from torchvision.models import resnet101
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision does not import: {error}")
    theirs = resnet101()
    theirs.load_state_dict(network.state_dict())
    theirs.fc = torch.nn.Identity()
    images, features = torch.randn(2, 3, 224, 224), Pooled(network, network, "mean")
    with torch.inference_mode():
        assert torch.allclose(features(images), theirs.eval()(images), rtol=1e-5, atol=1e-5)


STORED = (
    *(0.22981, 0.011772, 0.591017, 0.211795, 1.235214, 0.480494, 1.878286, 0.206112),
    *(0.227932, 0.011168, 0.5839, 0.187726, 1.215046, 0.461256, 1.858932, 0.199372),
)
"""Every 256th feature of two images, as torchvision 0.29.1 computed them with torch 2.13.0 on a CPU."""


def wave(start, shape):
    """Numbers that look random and need no generator: they are the same everywhere."""
    places = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(0.7 * places + start).reshape(shape)


def with_waves_for_weights(network):
    state = network.state_dict()
    for number, (name, value) in enumerate(state.items()):
        values = wave(number, value.shape)
        if name.endswith("num_batches_tracked"):
            continue
        if value.ndim > 1:
            values *= (0.3 / value[0].numel()) ** 0.5
        elif name.endswith("running_var"):
            values = 1 + values / 2
        elif name.endswith("weight"):
            values = 0.5 + values / 4
        else:
            values /= 4
        state[name] = values.float()
    network.load_state_dict(state)
    return network.eval()


@pytest.mark.acceptance
def test_features_are_those_that_torchvision_once_gave_for_the_same_weights():
    with torch.inference_mode():
        found = with_waves_for_weights(ResNet101())(wave(0, (2, 3, 65, 97)).float()).mean(dim=(2, 3))
    assert torch.allclose(found[:, ::256].flatten(), torch.tensor(STORED), rtol=1e-4, atol=1e-5)


def test_it_loads_a_file_and_says_what_to_do_without_one(short_network, file):
    loaded = load(make_request(SPEC, weights=str(file)))
    assert loaded.weights.name == file.name and not loaded.network.training
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(loaded.network(images), short_network(images).mean(dim=(2, 3)))
    with pytest.raises(ExtractionError, match="without weights") as caught:
        load(make_request(SPEC))
    assert "IMAGENET1K_V2" in str(caught.value)


@pytest.mark.acceptance
def test_with_weights_it_keeps_its_contract(file):
    for check in extractor_checks(SPEC, weights=str(file)):
        check()


@pytest.mark.parametrize(("layer", "width"), [("layer1", 256), ("layer2", 512), ("layer3", 1024)])
def test_features_of_earlier_layers_are_pooled_over_places(short_network, file, layer, width):
    found = load(make_request(SPEC, weights=str(file), layer=layer, pooling="max")).network
    images = torch.randn(2, 3, 48, 64)
    with torch.inference_mode():
        activations = short_network(images, layer=layer)
        assert torch.equal(found(images), activations.flatten(2).max(dim=2).values)
    assert activations.shape[1] == width


@pytest.fixture
def serve():
    """Serve one file locally; return its address, and a list with the number of requests."""
    servers = []

    def serve_it(file):
        asked = [0]

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked[0] += 1
                self.send_response(200)
                self.send_header("Content-Length", str(file.stat().st_size))
                self.end_headers()
                self.wfile.write(file.read_bytes())

            def log_message(self, *arguments):
                pass

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/{file.name}", asked

    yield serve_it
    for server in servers:
        server.shutdown()
        server.server_close()


def test_published_weights_are_downloaded_once_and_checked_with_their_own_preparation(
    file, tmp_path, monkeypatch, serve
):
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    url, asked = serve(file)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    known = PublishedWeights(url, sha256[:8], Preparation(short_side=232))
    monkeypatch.setitem(PUBLISHED, "IMAGENET1K_V2", known)
    for _ in range(2):
        loaded = load(make_request(SPEC, weights="IMAGENET1K_V2"))
        assert loaded.weights.sha256 == sha256 and loaded.preparation.short_side == 232
        assert loaded.weights.pretraining == "imagenet-1k"
    assert asked == [1]
    from_file = load(make_request(SPEC, weights=str(file)))  # its sha256 tells what it is
    assert from_file.preparation.short_side == 232 and from_file.weights.pretraining == "imagenet-1k"
    monkeypatch.setitem(PUBLISHED, "IMAGENET1K_V2", PublishedWeights(url, "cd907fc2", Preparation()))
    assert load(make_request(SPEC, weights=str(file))).weights.pretraining == "unknown"


def test_a_download_that_is_another_file_is_refused_and_not_kept(file, tmp_path, monkeypatch, serve):
    url, _ = serve(file)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setitem(PUBLISHED, "IMAGENET1K_V1", PublishedWeights(url, "63fe2227", Preparation()))
    with pytest.raises(ExtractionError, match="cannot be downloaded") as caught:
        load(make_request(SPEC, weights="IMAGENET1K_V1"))
    assert url in str(caught.value) and not list(tmp_path.rglob("*.pth"))
