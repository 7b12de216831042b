"""Downloading AIA images: what to get, and getting it without losing any."""
