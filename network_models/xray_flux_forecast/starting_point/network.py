"""Forecasts the largest GOES 1-8 A flux of the next day from AIA images of the whole Sun.

Copy this folder, edit `build_model` and config.py, then run this file:
    cp -r network_models/xray_flux_forecast/starting_point network_models/xray_flux_forecast/mine
    python network_models/xray_flux_forecast/mine/network.py --epochs=3

Trained as `make run` does, on the synthetic embedded sample, it has an error of 0.60 dex on the
test days, where climatology has 0.91, persistence of the day's largest flux 0.76, and a regression
on the light curve 0.62; training takes 30 s on 2 cores. With the
defaults, a step of 16 samples of 1024 x 1024 x 8 takes up to 3.7 s there.
"""

import keras
from keras import layers

from dataset_models.sdo.aia import AIA
from dataset_models.sdo.augmentation import SolarAugmentation
from dataset_models.sdo.layers import TimesAsChannels
from dataset_models.sdo.sdoml import SDOML
from network_models import distribution_scores, experiment, heads, threshold_scores

EVALUATORS = (threshold_scores.evaluate, distribution_scores.evaluate)


def build_dataset(config):
    """Returns the images and fluxes that `config` asks for."""
    return SDOML.from_config(config) if config.sdoml else AIA.from_config(config)


def build_model(config, dataset):
    """Returns a compiled model: images in DN/s, and side inputs -> the forecast of its head."""
    inputs = dataset.inputs()
    x = SolarAugmentation(
        east_west_mirror=dataset.mirrors, shift=config.shift, rotation=config.rotation
    )(inputs["images"])
    x = TimesAsChannels()(dataset.whitening("images")(x))
    for filters in config.filters:
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(4, padding="same")(x)
    x = layers.Dropout(config.dropout)(layers.GlobalAveragePooling2D()(x))
    for name in list(inputs)[1:]:  # side inputs
        x = layers.Concatenate()([x, layers.Flatten()(dataset.whitening(name)(inputs[name]))])
    head = heads.make(config, dataset)
    model = keras.Model(inputs, head.output(x))
    optimizer = keras.optimizers.Adam(config.learning_rate, clipnorm=config.clip_norm)
    model.compile(optimizer=optimizer, loss=head.loss, weighted_metrics=head.metrics)
    return model


if __name__ == "__main__":
    experiment.run(
        __file__, build_dataset=build_dataset, build_model=build_model, evaluators=EVALUATORS
    )
