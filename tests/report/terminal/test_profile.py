"""Sharing out a traced window: by hand, and against torch's own averages."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch.profiler import ProfilerActivity, profile

from gzslbench.computing.instrumentation import PREFIX, span, spans_recorded
from gzslbench.report.terminal.profile import break_down, load_trace, print_profile, profile_report
from gzslbench.runs.profile import Profile

MAIN, BACKWARD = 1, 2


def event(cat, name, start, duration, thread=MAIN, **arguments):
    return {
        "ph": "X",
        "cat": cat,
        "name": name,
        "pid": 7,
        "tid": thread,
        "ts": 1e6 + start,
        "dur": duration,
        "args": {key.replace("_", " "): value for key, value in arguments.items()},
    }


def spanned(name, start, duration):
    return event("user_annotation", PREFIX + name, start, duration)


def launched(operator, start, number, work, thread=MAIN):
    """An operator of 10 µs that launches ``work`` µs of the device's time, which come much later."""
    return [
        event("cpu_op", operator, start, 10, thread, External_id=number),
        event("cuda_runtime", "cudaLaunchKernel", start + 4, 2, thread, correlation=100 + number),
        event("kernel", "gemm", start + 5000, work, 99, correlation=100 + number, External_id=number),
    ]


@pytest.fixture
def traced():
    """Two iterations of 100 µs, of which 10 + 60 and 80 lie in spans, and an evaluation of 50 µs."""
    return [
        spanned("iteration", 0, 100),
        spanned("batch", 0, 10),
        spanned("critic", 20, 60),
        event("user_annotation", "Optimizer.step#Adam.step", 70, 5),
        *launched("aten::mm", 25, 1, 300),
        *launched("MulBackward", 40, 2, 200, thread=BACKWARD),
        spanned("iteration", 100, 100),
        spanned("critic", 110, 80),
        *launched("aten::mm", 120, 3, 100),
        *launched("aten::add", 195, 4, 7),
        spanned("evaluation", 200, 50),
        spanned("scoring", 205, 40),
        spanned("order", 210, 15),
        event("gpu_memcpy", "Memcpy DtoH", 9000, 3, 99, correlation=200),
        event("cuda_runtime", "cudaMemcpyAsync", 212, 1, correlation=200),
    ]


def numbers(time):
    return time.calls, time.cpu, time.cuda


def test_each_span_has_its_time_without_the_spans_inside_and_the_rest_is_told(traced) -> None:
    parts = break_down(traced).parts
    assert list(parts) == ["iteration", "evaluation"]
    iteration, evaluation = parts.values()
    assert numbers(iteration.whole) == (2, 200, 607)
    assert {name: numbers(time) for name, time in iteration.spans.items()} == {
        "batch": (1, 10, 0),
        "critic": (2, 140, 600),
    }
    assert numbers(iteration.elsewhere) == (2, 50, 7)
    assert {name: numbers(time) for name, time in evaluation.spans.items()} == {
        "scoring": (1, 25, 0),
        "order": (1, 15, 3),
    }
    assert numbers(evaluation.elsewhere) == (1, 10, 0)


def test_a_span_within_one_of_its_own_name_counts_once(traced) -> None:
    inner = [spanned("critic", 21, 50), spanned("batch", 22, 4)]
    critic = break_down([*traced, *inner]).parts["iteration"].spans["critic"]
    assert (critic.calls, critic.cpu) == (2, 136)


def test_the_device_works_for_the_operator_that_launched_it(traced) -> None:
    outer = event("cpu_op", "aten::matmul", 24, 14, External_id=9)
    operators = break_down([*traced, outer]).operators
    assert numbers(operators["aten::mm"]) == (2, 20, 400)
    assert numbers(operators["aten::matmul"]) == (1, 4, 0)
    assert numbers(operators["MulBackward"]) == (1, 10, 200)


def test_columns_of_the_device_appear_where_one_worked(traced, record, tmp_path) -> None:
    record.run.update(seconds_train=12.5, seconds_evaluate=3.25)
    host = [each for each in traced if each["cat"] in ("user_annotation", "cpu_op")]
    texts = []
    for events in (traced, host):
        out = Console(file=io.StringIO(), width=160)
        out.print(profile_report(break_down(events), record, tmp_path / "trace.json"))
        texts.append(out.file.getvalue())
    assert "CUDA ms" in texts[0] and "CUDA ms" not in texts[1]
    for text in texts:
        assert "2 iterations" in text and "1 evaluation " in text
        assert "12.50 s" in text and "3.25 s" in text and "approximate" in text
    critic = next(line.split() for line in texts[0].splitlines() if line.startswith("critic"))
    assert critic == ["critic", "2", "0.14", "0.070", "70.0", "%", "0.60", "0.300", "98.8", "%"]


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> tuple[Path, profile]:
    """A trace of torch's, and the profiler that made it."""
    weight = torch.randn(32, 32, requires_grad=True)
    adam = torch.optim.Adam([weight])
    with profile(activities=[ProfilerActivity.CPU]) as profiler, spans_recorded():
        for _ in range(3):
            with span("iteration"):
                with span("batch"):
                    batch = torch.randn(64, 32)
                with span("critic"):
                    adam.zero_grad()
                    (batch @ weight).relu().mean().backward()
                    adam.step()
    path = tmp_path_factory.mktemp("trace") / "trace.json"
    profiler.export_chrome_trace(str(path))
    return path, profiler


def test_calls_and_times_are_those_that_torch_averages(real) -> None:
    path, profiler = real
    averages = {each.key: each for each in profiler.key_averages()}
    breakdown = break_down(load_trace(path))
    assert not breakdown.cuda
    assert {"aten::mm", "aten::relu"} <= set(breakdown.operators)
    for name, time in breakdown.operators.items():
        assert time.calls == averages[name].count
        assert time.cpu == pytest.approx(averages[name].self_cpu_time_total, abs=0.01)
    spans = breakdown.parts["iteration"].spans
    assert set(spans) == {"batch", "critic"}
    for name, time in spans.items():
        assert time.calls == averages[PREFIX + name].count == 3
        assert time.cpu == pytest.approx(averages[PREFIX + name].cpu_time_total, abs=0.01)


def test_a_compressed_trace_is_read_as_a_plain_one(real, tmp_path) -> None:
    packed = tmp_path / "trace.json.gz"
    packed.write_bytes(gzip.compress(real[0].read_bytes()))
    assert load_trace(packed) == load_trace(real[0])


def test_programs_get_nothing_on_standard_output(real, record, capsys) -> None:
    record.run.update(seconds_train=1.0, seconds_evaluate=1.0)
    done = Profile("cpu")
    done.trace = real[0]
    print_profile(done, record, quiet=True)
    told = capsys.readouterr()
    assert told.out == "" and str(real[0]) in told.err
    print_profile(done, record, quiet=False)
    told = capsys.readouterr()
    assert "3 iterations" in told.out and "aten::mm" in told.out
