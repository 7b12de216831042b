"""Forecasts flares of the next 24 h from the GOES light curve alone: no image of the Sun.

A network that sees images must beat this one. It forecasts the probability of a flare of M1.0 or
above (or the largest hourly mean flux) from 72 hours and ten days of the flux.

    python network_models/xray_flux_forecast/light_curve/network.py --test_year=2015
    python tools/runs/rolling_origin.py network_models/xray_flux_forecast/light_curve
"""

import keras
import numpy as np
from keras import layers

from dataset_models.goes.light_curve import LightCurve
from network_models import experiment


def build_dataset(config):
    """Returns the light curve and the flares that `config` asks for."""
    return LightCurve.from_config(config)


def build_model(config, dataset):
    """Returns a compiled model: hours, days and their summary -> (1,) probability or log flux.

    It begins as the regression on the summary that it has to beat; what the convolutions over the
    hours add starts at nothing, so that few flares do not lead it astray.
    """
    inputs = dataset.inputs()
    white = {name: dataset.whitening(name)(tensor) for name, tensor in inputs.items()}
    x = white["hours"]
    for _ in range(3):
        x = layers.Conv1D(config.filters, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.Concatenate()([layers.Flatten()(x), layers.Flatten()(white["days"])])
    x = layers.Dropout(config.dropout)(layers.Dense(config.units, activation="relu")(x))
    correction = layers.Dense(1, use_bias=False, kernel_initializer="zeros", dtype="float32")(x)
    regression = layers.Dense(1, name="regression", dtype="float32")
    forecast = layers.Add(dtype="float32")([regression(white["summary"]), correction])
    start = dataset.regression
    regression.set_weights([start.coefficients[:, None], np.array([start.intercept])])
    if config.dependent_variable == "flare":
        forecast = layers.Activation("sigmoid", dtype="float32", name="probability")(forecast)
        loss, metric = "binary_crossentropy", keras.metrics.MeanSquaredError(name="brier")
    else:
        loss, metric = "mse", keras.metrics.RootMeanSquaredError(name="rmse")
    model = keras.Model(inputs, forecast)
    optimizer = keras.optimizers.Adam(config.learning_rate)
    model.compile(optimizer=optimizer, loss=loss, weighted_metrics=[metric])
    return model


if __name__ == "__main__":
    experiment.run(__file__, build_dataset=build_dataset, build_model=build_model)
