"""Sound, pictures and video as files: the only place that knows their formats."""
