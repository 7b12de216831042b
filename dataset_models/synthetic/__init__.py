"""A Sun whose answers are known."""
