"""voc: reads every customer contact as it happens and says what is broken, why and whose it is."""

__version__ = "0.1.0"
