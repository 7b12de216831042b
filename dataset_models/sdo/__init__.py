"""The Solar Dynamics Observatory: AIA images."""
