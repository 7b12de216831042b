"""Datasets: instruments, their files, and the batches that networks train on."""
