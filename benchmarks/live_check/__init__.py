"""Gate of the live server: real Chromium joins it, and what a viewer sees and hears is judged.

python -m benchmarks.live_check [PORTRAIT]
"""
