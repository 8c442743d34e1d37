"""Benchmarks run by hand: comparisons, baselines, and figures of whole programs."""
