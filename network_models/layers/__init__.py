"""Layers that two or more experiments share."""
