"""ONNX files to TensorRT engines; the same as `python -m ditto convert`."""

import sys

from stream_pipeline.front_door import enter


def main() -> int:
    from stream_pipeline.commands import run_command
    from stream_pipeline.commands.convert import add_arguments, convert

    return run_command("cvt_onnx_to_trt.py", "ONNX files to TensorRT engines.", add_arguments, convert, None)


if __name__ == "__main__":
    sys.exit(enter(main))
