"""Tiny TensorFlow Lite files are written here field by field and compared with numbers worked out by hand."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
import onnxruntime
import pytest
from flatbuffers import flexbuffers

import checkpoints
from cfg.errors import ModelError
from ditto.faces.tflite import convert

CODES = {
    "ADD": 0,
    "AVERAGE_POOL_2D": 1,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 4,
    "DEQUANTIZE": 6,
    "FULLY_CONNECTED": 9,
    "LOGISTIC": 14,
    "MAX_POOL_2D": 17,
    "MUL": 18,
    "RELU6": 21,
    "RESHAPE": 22,
    "RESIZE_BILINEAR": 23,
    "LSTM": 16,
    "PAD": 34,
    "MEAN": 40,
    "STRIDED_SLICE": 45,
    "PRELU": 54,
    "HARD_SWISH": 117,
}
KINDS = {"float32": 0, "float16": 1, "int32": 2, "int8": 9}
RELU = 1
VALID = 1


@dataclass
class Sketch:
    """A TensorFlow Lite network of tensors and operators, named rather than numbered."""

    tensors: dict[str, tuple[tuple[int, ...], int, bytes]] = field(default_factory=dict)
    operators: list[tuple[str, list[str], str, dict[int, int], bytes]] = field(default_factory=list)
    sparse: bool = False

    def value(self, name, *shape):
        """A computed tensor of 32-bit floats."""
        self.tensors[name] = (shape, 0, b"")
        return name

    def weights(self, name, values):
        values = np.asarray(values)
        self.tensors[name] = (values.shape, KINDS[values.dtype.name], values.tobytes())
        return name

    def operator(self, kind, inputs, output, custom=b"", **options):
        """`options` are numbered fields: i0 is a 32-bit number in field 0, b3 a byte in field 3."""
        self.operators.append((kind, inputs, output, options, custom))

    def written(self, inputs, outputs):
        self._builder = flatbuffers.Builder(1024)
        numbers = {name: number for number, name in enumerate(self.tensors)}
        buffers = [self._table({0: ("offset", self._bytes(data))}) for _, _, data in self.tensors.values()]
        tensors = [
            self._tensor(name, number, shape, kind)
            for (name, (shape, kind, _)), number in zip(self.tensors.items(), numbers.values(), strict=True)
        ]
        codes = [self._code(kind) for kind, *_ in self.operators]
        operators = [
            self._operator(number, [numbers[name] for name in given], numbers[made], options, custom)
            for number, (_, given, made, options, custom) in enumerate(self.operators)
        ]
        graph = self._table(
            {
                0: ("offset", self._offsets(tensors)),
                1: ("offset", self._ints([numbers[name] for name in inputs])),
                2: ("offset", self._ints([numbers[name] for name in outputs])),
                3: ("offset", self._offsets(operators)),
            }
        )
        model = {1: self._offsets(codes), 2: self._offsets([graph]), 4: self._offsets(buffers)}
        root = self._table({number: ("offset", place) for number, place in model.items()})
        self._builder.Finish(root, b"TFL3")
        return bytes(self._builder.Output())

    def _tensor(self, name, number, shape, kind):
        fields = {
            0: ("offset", self._ints(shape)),
            1: ("byte", kind),
            2: ("int", number),
            3: ("offset", self._builder.CreateString(name)),
        }
        if self.sparse:
            fields[6] = ("offset", self._table({}))
        return self._table(fields)

    def _code(self, kind):
        if kind in CODES:
            return self._table({0: ("byte", CODES[kind])})
        return self._table({0: ("byte", 32), 1: ("offset", self._builder.CreateString(kind))})

    def _operator(self, number, inputs, output, options, custom):
        kinds = {"i": "int", "b": "byte"}
        described = self._table({int(key[1:]): (kinds[key[0]], value) for key, value in options.items()})
        return self._table(
            {
                0: ("int", number),
                1: ("offset", self._ints(inputs)),
                2: ("offset", self._ints([output])),
                4: ("offset", described),
                5: ("offset", self._bytes(custom)),
            }
        )

    def _table(self, fields):
        builder = self._builder
        builder.StartObject(max(fields, default=0) + 1)
        for number, (kind, value) in fields.items():
            if kind == "offset":
                builder.PrependUOffsetTRelativeSlot(number, value, 0)
            elif kind == "int":
                builder.PrependInt32Slot(number, value, 0)
            else:
                builder.PrependInt8Slot(number, value, 0)
        return builder.EndObject()

    def _bytes(self, data):
        return self._builder.CreateByteVector(data)

    def _ints(self, numbers):
        self._builder.StartVector(4, len(numbers), 4)
        for number in reversed(numbers):
            self._builder.PrependInt32(number)
        return self._builder.EndVector()

    def _offsets(self, places):
        self._builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self._builder.PrependUOffsetTRelative(place)
        return self._builder.EndVector()


def floats(values):
    return np.array(values, np.float32)


def ints(*values):
    return np.array(values, np.int32)


def run(model, **feeds):
    """The outputs of a TFLite model after conversion, by name."""
    session = onnxruntime.InferenceSession(convert(model), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def one_step(kind, image, shape, *constants, custom=b"", **options):
    """What one operator makes of an array."""
    sketch = Sketch()
    names = [sketch.value("in", *image.shape)]
    names += [sketch.weights(f"constant {k}", values) for k, values in enumerate(constants)]
    sketch.operator(kind, names, sketch.value("out", *shape), custom=custom, **options)
    return run(sketch.written(["in"], ["out"]), **{"in": image})["out"]


def counting(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def test_a_convolution_slides_its_kernel_and_adds_its_bias():
    kernel = floats([1, 10, 100, 1000]).reshape(1, 2, 2, 1)
    made = one_step(
        "CONV_2D", counting(1, 3, 3, 1), (1, 2, 2, 1), kernel, floats([0.5]), b0=VALID, i1=1, i2=1
    )
    assert made.ravel().tolist() == [4310.5, 5421.5, 7643.5, 8754.5]


def test_same_padding_puts_the_odd_pixel_at_the_end():
    made = one_step("CONV_2D", floats([1, 2, 3, 4]).reshape(1, 1, 4, 1), (1, 1, 2, 1),
                    floats([1, 10, 100]).reshape(1, 1, 3, 1), floats([0]), i1=2, i2=1)  # fmt: skip
    assert made.ravel().tolist() == [321, 43]


def test_a_convolution_mixes_channels_and_applies_its_fused_activation():
    mixing = floats([[1, 2], [-1, -1]]).reshape(2, 1, 1, 2)
    made = one_step(
        "CONV_2D", floats([[3, 4]]).reshape(1, 1, 1, 2), (1, 1, 1, 2), mixing, i1=1, i2=1, b3=RELU
    )
    assert made.ravel().tolist() == [11, 0]


def test_a_depthwise_convolution_keeps_channels_apart():
    kernels = floats([[1, 10], [2, 20]]).reshape(1, 1, 2, 2)  # pixel by channel
    made = one_step(
        "DEPTHWISE_CONV_2D",
        floats([[1, 2], [3, 4]]).reshape(1, 1, 2, 2),
        (1, 1, 1, 2),
        kernels,
        b0=VALID,
        i1=1,
        i2=1,
    )
    assert made.ravel().tolist() == [1 * 1 + 3 * 2, 2 * 10 + 4 * 20]


def test_an_average_at_the_border_counts_only_real_pixels():
    window = {"i1": 2, "i2": 2, "i3": 2, "i4": 2}
    made = one_step("AVERAGE_POOL_2D", counting(1, 3, 3, 1), (1, 2, 2, 1), **window)
    assert made.ravel().tolist() == [2, 3.5, 6.5, 8]


def test_a_maximum_is_taken_in_each_window():
    made = one_step("MAX_POOL_2D", counting(1, 2, 4, 1), (1, 1, 2, 1), i1=2, i2=2, i3=2, i4=2)
    assert made.ravel().tolist() == [5, 7]


def test_each_channel_has_its_own_slope_below_zero():
    made = one_step("PRELU", floats([[[[-1, -1], [4, -4]]]]), (1, 1, 2, 2), floats([[[0.5, 0.25]]]))
    assert made.ravel().tolist() == [-0.5, -0.25, 4, -1]


def test_padding_adds_pixels_and_channels_where_it_says():
    amounts = np.array([[0, 0], [0, 0], [1, 0], [0, 2]], np.int32)
    made = one_step("PAD", floats([[[[5]]]]), (1, 1, 2, 3), amounts)
    assert made.tolist() == [[[[0, 0, 0], [5, 0, 0]]]]


def test_numbers_are_squashed_one_by_one():
    image = floats([-4, 0, 1, 4]).reshape(1, 1, 2, 2)
    sigmoid = one_step("LOGISTIC", image, image.shape)
    swish = one_step("HARD_SWISH", image, image.shape)
    clipped = one_step("RELU6", image * 2, image.shape)
    assert sigmoid.ravel() == pytest.approx(1 / (1 + np.exp(-image.ravel())), abs=1e-6)
    assert swish.ravel() == pytest.approx([0, 0, 4 / 6, 4])
    assert clipped.ravel().tolist() == [0, 0, 2, 6]


def test_a_factor_per_channel_reaches_every_pixel():
    made = one_step("MUL", counting(1, 1, 2, 2), (1, 1, 2, 2), floats([10, 100]))
    assert made.ravel().tolist() == [0, 100, 20, 300]


def test_landmarks_are_scaled_without_being_taken_for_a_picture():
    made = one_step("MUL", counting(1, 2, 3), (1, 2, 3), floats([2]))
    assert made.tolist() == [[[0, 2, 4], [6, 8, 10]]]


def test_bilinear_resizing_honours_both_ways_to_lay_the_grid():
    row = floats([0, 4]).reshape(1, 1, 2, 1)
    between = one_step("RESIZE_BILINEAR", row, (1, 1, 4, 1), ints(1, 4), b3=1)
    from_corner = one_step("RESIZE_BILINEAR", row, (1, 1, 4, 1), ints(1, 4))
    assert between.ravel().tolist() == [0, 1, 3, 4]
    assert from_corner.ravel().tolist() == [0, 2, 4, 4]


def test_a_mean_over_the_picture_may_drop_its_dimensions():
    made = one_step("MEAN", counting(1, 2, 2, 2), (1, 2), ints(1, 2))
    assert made.tolist() == [[3, 4]]


def test_a_fully_connected_layer_is_a_matrix_and_a_bias():
    matrix = floats([[1, 2, 3], [0, 0, -1]])
    made = one_step("FULLY_CONNECTED", floats([[1, 1, 2]]), (1, 2), matrix, floats([0.5, 0]), b0=RELU)
    assert made.tolist() == [[9.5, 0]]


def test_a_slice_ends_where_its_mask_leaves_it_open():
    bounds = (ints(0, 0, 1, 0), ints(1, 1, 3, 1), ints(1, 1, 1, 1))
    made = one_step("STRIDED_SLICE", counting(1, 1, 4, 2), (1, 1, 2, 2), *bounds, i0=0, i1=0b1000)
    assert made.ravel().tolist() == [2, 3, 4, 5]


def test_a_convolved_picture_is_flattened_pixel_by_pixel():
    sketch = Sketch()
    image, copied, flat = (
        sketch.value("in", 1, 2, 2, 2),
        sketch.value("same", 1, 2, 2, 2),
        sketch.value("out", 1, 8),
    )
    identity = sketch.weights("identity", np.eye(2, dtype=np.float32).reshape(2, 1, 1, 2))
    sketch.operator("CONV_2D", [image, identity], copied, i1=1, i2=1)
    sketch.operator("RESHAPE", [copied], flat)
    made = run(sketch.written(["in"], ["out"]), **{"in": counting(1, 2, 2, 2)})["out"]
    assert made.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]


def test_pictures_are_joined_along_their_channels():
    sketch = Sketch()
    image, joined = sketch.value("in", 1, 1, 2, 1), sketch.value("out", 1, 1, 2, 2)
    sketch.operator("CONCATENATION", [image, image], joined, i0=-1)
    made = run(sketch.written(["in"], ["out"]), **{"in": floats([[[[1], [2]]]])})["out"]
    assert made.tolist() == [[[[1, 1], [2, 2]]]]


def test_a_transposed_convolution_paints_one_block_per_pixel():
    kernel = floats([[1, 2], [3, 4]]).reshape(1, 2, 2, 1)
    made = one_step("Convolution2DTransposeBias", floats([[[[10]]]]), (1, 2, 2, 1), kernel, floats([1]))
    assert made.ravel().tolist() == [11, 21, 31, 41]


def test_half_precision_weights_are_widened():
    sketch = Sketch()
    stored, wide = sketch.weights("stored", np.array([0.1], np.float16)), sketch.value("wide", 1)
    image, made = sketch.value("in", 1, 2), sketch.value("out", 1, 2)
    sketch.operator("DEQUANTIZE", [stored], wide)
    sketch.operator("ADD", [image, wide], made)
    result = run(sketch.written(["in"], ["out"]), **{"in": floats([[0, 1]])})["out"]
    assert result.tolist() == (floats([[0, 1]]) + np.float32(np.float16(0.1))).tolist()


def adding(values):
    sketch = Sketch()
    given, weights = sketch.value("in", 1, len(values)), sketch.weights("weights", floats(values))
    sketch.operator("ADD", [given, weights], sketch.value("out", 1, len(values)))
    return sketch.written(["in"], ["out"])


def stored_weights(model):
    return [onnx.numpy_helper.to_array(stored) for stored in onnx.load_from_string(model).graph.initializer]


def test_weights_are_stored_in_half_the_space_unless_they_are_wanted_whole():
    (halved,), (whole,) = (
        stored_weights(convert(adding([0.1]))),
        stored_weights(convert(adding([0.1]), half=False)),
    )
    assert halved.dtype == np.float16
    assert whole.tolist() == floats([0.1]).tolist()


def test_weights_too_large_for_half_precision_stay_whole():
    (stored,) = stored_weights(convert(adding([1e6])))
    assert stored.tolist() == [1e6]


def test_names_and_shapes_are_those_of_the_original():
    graph = onnx.load_from_string(convert(adding([1, 2, 3]))).graph
    assert [value.name for value in (*graph.input, *graph.output)] == ["in", "out"]
    assert [size.dim_value for size in graph.output[0].type.tensor_type.shape.dim] == [1, 3]


# The three operators of the attention mesh


def frame(points, **changed):
    """The 4x4 matrix of the box around the points, seen as a cut-out of 4 x 2 pixels."""
    settings = {
        "left_rotation_idx": 0,
        "right_rotation_idx": 1,
        "output_width": 4,
        "output_height": 2,
        "scale_x": 1.0,
        "scale_y": 1.0,
        "subset_idxs": list(range(len(points))),
        "target_rotation_radians": 0.0,
    }
    custom = bytes(flexbuffers.Dumps({**settings, **changed}))
    made = one_step("Landmarks2TransformMatrix", floats([points]), (1, 4, 4), custom=custom)
    return made[0]


def placed(matrix, *pixels):
    """(n, 2) where the corners (x, y) of the cut-out lie on the feature map."""
    return (matrix @ floats([(x, y, 0, 1) for x, y in pixels]).T)[:2].T


def test_the_frame_of_an_upright_box_stretches_the_cut_out_over_it():
    matrix = frame([[10, 5, 0], [18, 5, 0], [14, 3, 0], [14, 7, 0]])
    assert placed(matrix, (0, 0), (4, 2)) == pytest.approx(floats([[10, 3], [18, 7]]))


def test_the_frame_of_a_turned_face_is_turned_with_it():
    matrix = frame([[0, 0, 0], [0, 8, 0], [-2, 4, 0], [2, 4, 0]])  # left to right runs down the picture
    assert placed(matrix, (0, 0), (4, 0)) == pytest.approx(floats([[2, 0], [2, 8]]), abs=1e-5)


def test_the_frame_may_be_wider_than_its_points():
    matrix = frame([[10, 5, 0], [18, 5, 0], [14, 3, 0], [14, 7, 0]], scale_x=1.5)
    assert placed(matrix, (0, 0), (4, 2)) == pytest.approx(floats([[8, 3], [20, 7]]))


def test_marks_on_top_of_each_other_still_give_numbers():
    assert np.isfinite(frame([[3, 3, 0], [3, 3, 0]])).all()


def with_matrix(kind, given, shape, matrix, custom=b""):
    return one_step(kind, floats(given), shape, floats([matrix]), custom=custom)


SHIFTED = [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]  # one pixel to the right


def test_a_cut_out_reads_the_features_where_the_matrix_points_and_nothing_outside():
    size = bytes(flexbuffers.Dumps({"output_width": 3, "output_height": 1}))
    features = floats([1, 2, 3]).reshape(1, 1, 3, 1)
    made = with_matrix("TransformTensorBilinear", features, (1, 1, 3, 1), SHIFTED, size)
    assert made.ravel() == pytest.approx([2, 3, 0], abs=1e-5)


def test_points_of_the_cut_out_are_placed_back_on_the_face():
    made = with_matrix("TransformLandmarks", [[[2, 3], [4, 5]]], (1, 2, 2), SHIFTED)
    assert made.tolist() == [[[3, 3], [5, 5]]]


# What cannot be converted is said


def test_an_operator_we_do_not_know_is_named():
    sketch = Sketch()
    sketch.operator("LSTM", [sketch.value("in", 1, 2)], sketch.value("out", 1, 2))
    with pytest.raises(ModelError, match="operator 16 cannot be converted"):
        convert(sketch.written(["in"], ["out"]))


def test_a_custom_operator_we_do_not_know_is_named():
    sketch = Sketch()
    sketch.operator("Juggle", [sketch.value("in", 1, 2)], sketch.value("out", 1, 2))
    with pytest.raises(ModelError, match="Juggle cannot be converted"):
        convert(sketch.written(["in"], ["out"]))


def test_sparse_and_quantized_weights_are_refused():
    sparse, quantized = Sketch(sparse=True), Sketch()
    sparse.operator("ADD", [sparse.value("in", 1)] * 2, sparse.value("out", 1))
    eight_bits = quantized.weights("eight bits", np.ones(1, np.int8))
    quantized.operator("ADD", [quantized.value("in", 1), eight_bits], quantized.value("out", 1))
    with pytest.raises(ModelError, match="sparse"):
        convert(sparse.written(["in"], ["out"]))
    with pytest.raises(ModelError, match="'eight bits' is quantized"):
        convert(quantized.written(["in"], ["out"]))


def test_shapes_that_do_not_fit_together_are_refused():
    sketch = Sketch()
    three = sketch.weights("three", floats([1, 2, 3]))
    sketch.operator("ADD", [sketch.value("in", 1, 2), three], sketch.value("out", 1, 2))
    with pytest.raises(ModelError, match="do not fit together"):
        convert(sketch.written(["in"], ["out"]))


@pytest.mark.parametrize("junk", [b"", b"TFL3", b"\xff" * 64, bytes(64), b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_not_tensorflow_lite_is_refused(junk):
    with pytest.raises(ModelError):
        convert(junk)


def test_damage_is_refused_or_harmless_but_never_a_crash():
    intact = bytearray(adding([1, 2, 3]))
    for place in range(len(intact)):
        for value in (0x00, 0x7F, 0xFF):
            damaged = intact.copy()
            damaged[place] = value
            try:
                assert isinstance(convert(bytes(damaged)), bytes)
            except ModelError as refusal:
                assert str(refusal)
        with pytest.raises(ModelError):
            convert(bytes(intact[: place // 2]))


def test_a_missing_library_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    with pytest.raises(ModelError, match=r"needs flatbuffers: \S+ -m pip install -e .*\[build\]'"):
        convert(adding([1]))


# The networks converted this way that the mini pack brings along


@pytest.mark.parametrize(
    ("name", "given", "sizes"),
    [
        ("face_detector", 128, {"regressors": 896 * 16, "classificators": 896}),
        (
            "face_mesh",
            192,
            {
                "output_mesh_identity": 468 * 3,
                "output_lips": 80 * 2,
                "output_left_eye": 71 * 2,
                "output_right_eye": 71 * 2,
                "output_left_iris": 5 * 2,
                "output_right_iris": 5 * 2,
                "conv_faceflag": 1,
            },
        ),
        ("person_mask", 256, {"activation_10": 256 * 256}),
    ],
)
def test_the_networks_of_the_mini_pack_give_what_their_provenance_says(name, given, sizes):
    path = Path(checkpoints.__file__).parent / "mini" / f"{name}.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    made = session.run(None, {taken.name: np.full((1, given, given, 3), 0.5, np.float32)})
    assert {
        output.name: value.size for output, value in zip(session.get_outputs(), made, strict=True)
    } == sizes
    assert all(np.isfinite(value).all() for value in made)
