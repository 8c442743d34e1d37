"""Which files a role of the official pack is opened from."""

from __future__ import annotations

import pytest

from ditto.packs.official.pack import graphs_of


@pytest.mark.parametrize(
    ("role", "single", "halves"),
    [
        ("warp_network", "warp_network.onnx", ["warp_source.onnx", "warp_frame.onnx"]),
        ("lmdm", "lmdm_v0.4_hubert.onnx", ["lmdm_window.onnx", "lmdm_step.onnx"]),
        ("lmdm", "lmdm_v0.4_hubert_fp32.engine", ["lmdm_window_fp32.engine", "lmdm_step_fp32.engine"]),
    ],
)
def test_two_halves_beside_a_graph_take_its_place_but_one_alone_does_not(tmp_path, role, single, halves):
    first, second = (tmp_path / name for name in halves)
    first.touch()
    assert graphs_of(role, tmp_path / single) == {role: tmp_path / single}
    second.touch()
    assert list(graphs_of(role, tmp_path / single).values()) == [first, second]


def test_weights_and_other_roles_are_opened_as_they_are_named(tmp_path):
    for name in ("warp_source.pth", "warp_frame.pth"):
        (tmp_path / name).touch()
    for role, name in (("warp_network", "warp_network.pth"), ("decoder", "decoder.onnx")):
        assert graphs_of(role, tmp_path / name) == {role: tmp_path / name}
