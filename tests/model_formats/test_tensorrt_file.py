"""TensorRT engines, against a runtime that only pretends to be one."""

from __future__ import annotations

import gc
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from cfg.errors import ModelError
from model_formats import open_model
from model_formats.tensorrt_file import EngineFile, Stamp, read_stamp, stamp_of

STAMP = Stamp("tensorrt", "10.3.0", "Imaginary GPU", "9.0")


@pytest.fixture
def engine(tmp_path):
    path = tmp_path / "decoder.engine"
    path.write_bytes(b"plan")
    return path


def rows(count, start=0.0):
    return np.arange(start, start + 3 * count, dtype=np.float32).reshape(count, 3)


def test_an_engine_runs_named_arrays_of_any_size_it_accepts(engine, tensorrt, memory):
    opened = EngineFile(engine, tensorrt, memory)
    assert opened.inputs == {"x": (None, 3)}
    assert opened.outputs == {"y": (None, 3)}
    for count in (1, 4, 2):
        np.testing.assert_array_equal(opened.run({"x": rows(count)})["y"], 2 * rows(count))


def test_buffers_are_allocated_once(engine, tensorrt, memory):
    opened = EngineFile(engine, tensorrt, memory)
    opened.run({"x": rows(2)})
    before = memory.allocations
    for _ in range(5):
        opened.run({"x": rows(4)})
    assert memory.allocations == before == 2


def test_a_call_that_fails_gives_its_buffers_back(engine, tensorrt, memory, monkeypatch):
    opened = EngineFile(engine, tensorrt, memory)
    with monkeypatch.context() as broken:
        broken.setattr(type(opened._context), "execute_async_v3", lambda self, stream: False)
        for _ in range(3):
            with pytest.raises(ModelError, match=r"decoder\.engine failed in TensorRT"):
                opened.run({"x": rows(2)})
    opened.run({"x": rows(2)})
    assert memory.allocations == 2


def test_results_kept_on_the_gpu_are_not_overwritten_while_held(engine, tensorrt, memory):
    opened = EngineFile(engine, tensorrt, memory, keep_on_device=True)
    first = opened.run({"x": rows(2)})["y"]
    second = opened.run({"x": rows(2, start=100)})["y"]
    read = [memory.read(a.__cuda_array_interface__["data"][0], a.shape, np.float32) for a in (first, second)]
    np.testing.assert_array_equal(read, [2 * rows(2), 2 * rows(2, start=100)])
    del first, second, read
    gc.collect()
    before = memory.allocations
    opened.run({"x": rows(2)})
    assert memory.allocations == before


def test_a_result_on_the_gpu_is_fed_on_where_it_lies(engine, tensorrt, memory):
    keeping = EngineFile(engine, tensorrt, memory, keep_on_device=True)
    plain = EngineFile(engine, tensorrt, memory)
    result = plain.run({"x": keeping.run({"x": rows(2)})["y"]})["y"]
    np.testing.assert_array_equal(result, 4 * rows(2))
    assert memory.settled == 0  # it was finished before it was handed out


def test_an_array_that_another_library_left_on_the_gpu_is_waited_for(engine, tensorrt, memory):
    opened = EngineFile(engine, tensorrt, memory)
    held = opened.place("x", rows(2))
    foreign = SimpleNamespace(shape=held.shape, __cuda_array_interface__=held.__cuda_array_interface__)
    np.testing.assert_array_equal(opened.run({"x": foreign})["y"], 2 * rows(2))
    assert memory.settled == 1


def test_an_input_placed_once_is_fed_again_without_another_upload(engine, tensorrt, memory, monkeypatch):
    opened = EngineFile(engine, tensorrt, memory)
    held = opened.place("x", rows(2))
    before = memory.allocations
    opened.run({"x": held})
    assert memory.allocations == before + 1  # for its first result
    uploads = []
    monkeypatch.setattr(type(memory), "upload", lambda self, address, array: uploads.append(array))
    np.testing.assert_array_equal(opened.run({"x": held})["y"].shape, (2, 3))
    assert len(uploads) == 1  # by the pretended engine, into its result
    del held
    gc.collect()
    opened.close()
    assert not memory.held


def test_sessions_that_run_one_engine_at_a_time_get_their_own_results(engine, tensorrt, memory, monkeypatch):
    upload = type(memory).upload

    def slow(self, address, array):
        upload(self, address, array)
        time.sleep(0.001)  # others run meanwhile

    monkeypatch.setattr(type(memory), "upload", slow)
    opened, right = EngineFile(engine, tensorrt, memory), []

    def session(number):
        given = rows(1 + number, start=100 * number)
        right.extend(np.array_equal(opened.run({"x": given})["y"], 2 * given) for _ in range(10))

    threads = [threading.Thread(target=session, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert right == [True] * 30


def test_an_engine_that_is_closed_while_it_runs_finishes_first(engine, tensorrt, memory, monkeypatch):
    runs, finish, wait = threading.Event(), threading.Event(), type(memory).wait

    def waiting(self):
        runs.set()
        finish.wait(20)
        wait(self)

    monkeypatch.setattr(type(memory), "wait", waiting)
    opened, found = EngineFile(engine, tensorrt, memory), []
    session = threading.Thread(target=lambda: found.append(opened.run({"x": rows(2)})["y"]))
    session.start()
    assert runs.wait(20)
    closing = threading.Thread(target=opened.close)
    closing.start()
    closing.join(0.1)
    assert memory.held
    finish.set()
    session.join(20)
    closing.join(20)
    np.testing.assert_array_equal(found, [2 * rows(2)])
    assert not memory.held
    with pytest.raises(ModelError, match="is closed"):
        opened.run({"x": rows(2)})


def test_closing_frees_everything_even_results_dropped_later(engine, tensorrt, memory):
    opened = EngineFile(engine, tensorrt, memory, keep_on_device=True)
    held = opened.run({"x": rows(1)})["y"]
    opened.close()
    opened.close()
    assert memory.closed
    assert len(memory.held) == 1
    del held
    gc.collect()
    assert not memory.held
    with pytest.raises(ModelError, match="is closed"):
        opened.run({"x": rows(1)})


def test_an_engine_of_another_version_is_named_before_it_is_loaded(engine, tensorrt, memory):
    Stamp("tensorrt", "8.6.1", "Imaginary GPU", "9.0").write(engine)
    with pytest.raises(
        ModelError,
        match=r"decoder.engine was built for TensorRT 8.6.1, this is 10.3.0; "
        r"rebuild it: scripts/cvt_onnx_to_trt.py",
    ):
        EngineFile(engine, tensorrt, memory)


def test_an_engine_of_another_gpu_is_named_before_it_is_loaded(engine, tensorrt, memory):
    Stamp("tensorrt", "10.3.0", "RTX 2080", "7.5").write(engine)
    with pytest.raises(
        ModelError, match=r"built for RTX 2080 .*7.5.*, this is Imaginary GPU \(9.0\); rebuild"
    ):
        EngineFile(engine, tensorrt, memory)


@pytest.mark.parametrize(
    ("built_for", "runs"), [("8.0+", True), ("9.0+", True), ("10.0+", False), (None, True)]
)
def test_an_engine_for_newer_gpus_runs_on_those(engine, tensorrt, memory, built_for, runs):
    Stamp("tensorrt", "10.3.0", "Older GPU", built_for).write(engine)
    if runs:
        EngineFile(engine, tensorrt, memory).close()
    else:
        with pytest.raises(ModelError, match=r"built for Older GPU \(compute capability 10.0\+\)"):
            EngineFile(engine, tensorrt, memory)


def test_sizes_beyond_those_it_was_built_for_are_refused(engine, tensorrt, memory):
    opened = EngineFile(engine, tensorrt, memory)
    with pytest.raises(ModelError, match=r"not built for 'x' of shape \(5, 3\); rebuild it: .* --range"):
        opened.run({"x": rows(5)})


def test_the_precision_of_a_stamped_engine_may_be_asked_for(engine, monkeypatch):
    Stamp("tensorrt", "10.3.0", "Imaginary GPU", "9.0", precision="fp16").write(engine)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(ModelError, match=r"decoder.engine needs TensorRT: \S+ -m pip install -e .*\[trt\]'$"):
        open_model(engine, "cuda", "fp16")  # so the precision was not what it failed on
    with pytest.raises(ModelError, match=r"built with \(fp16\); for fp32 rebuild it"):
        open_model(engine, "cuda", "fp32")


def test_the_library_that_built_an_engine_is_the_one_that_is_missed(engine, monkeypatch, tensorrt):
    Stamp("tensorrt_rtx", "1.7.1", "any GPU", None).write(engine)
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(
        ModelError, match=r"decoder.engine needs TensorRT: \S+ -m pip install -e .*\[trt-rtx\]'$"
    ):
        open_model(engine, "cuda")


def test_a_stamp_comes_back_as_it_was_written(engine):
    assert read_stamp(engine) is None
    STAMP.write(engine)
    assert read_stamp(engine) == STAMP


@pytest.mark.parametrize("text", ["{", "[]", '{"library": "tensorrt"}', '"x"'])
def test_a_damaged_stamp_is_refused(engine, tensorrt, memory, text):
    stamp_of(engine).write_text(text)
    with pytest.raises(ModelError, match=r"decoder.engine.json is damaged"):
        EngineFile(engine, tensorrt, memory)


def test_what_the_library_says_of_a_broken_engine_is_kept(engine, tensorrt, memory):
    engine.write_bytes(b"garbage")
    with pytest.raises(ModelError, match=r"10.3.0 on Imaginary GPU \(magic tag does not match\); rebuild it"):
        EngineFile(engine, tensorrt, memory)


def test_an_engine_is_refused_on_the_cpu(engine):
    with pytest.raises(ModelError, match="runs on a GPU only, not on 'cpu'"):
        open_model(engine, "cpu")


def test_an_engine_keeps_its_precision(engine):
    with pytest.raises(ModelError, match="for bf16 rebuild it"):
        open_model(engine, "cuda", "bf16")
