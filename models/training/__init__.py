"""Trains the default model: reconstruct, prune, train, calibrate, export, evaluate, card."""
