"""Many videos in one go: lists of jobs, run with shared networks, resumed, reported."""
