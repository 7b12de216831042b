"""The soft X-ray flux of the Sun, as the GOES satellites measure it."""
