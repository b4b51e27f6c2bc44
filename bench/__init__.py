"""Measurements of our own code beside a yardstick, as ratios within one run. No test depends on a time."""
