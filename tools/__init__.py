"""What every room of the house uses: paths, provenance, configuration, labels."""
