"""Official PyTorch checkpoints to ONNX files; the same as `python -m ditto export`."""

import sys

from stream_pipeline.front_door import enter


def main() -> int:
    from stream_pipeline.commands import run_command
    from stream_pipeline.commands.export import add_arguments, export

    return run_command("export_onnx.py", "Official networks to ONNX files.", add_arguments, export, None)


if __name__ == "__main__":
    sys.exit(enter(main))
