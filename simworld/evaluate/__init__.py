"""Metrics measured, against real people where there are any."""
