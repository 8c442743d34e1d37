"""What is measured by hand: comparisons, baselines, and figures of whole programs."""
