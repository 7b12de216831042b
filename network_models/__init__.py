"""Experiments, and the one runner that trains them."""
