"""Errors that PyAV raises where a file is damaged."""

from __future__ import annotations

import av

DAMAGED = (av.FFmpegError, OSError, ValueError, IndexError)  # the last where a stream turns up in mid-file
