"""Settings of an experiment that is read again and never trained."""

from network_models import experiment

Config = experiment.Config
config = tiny = Config()
