"""Benchmarks: ratios against peers and physical limits, measured side by side in one run. Not installed."""
