"""Ridge logistic regression with offsets, by L-BFGS. Small data, hundreds of features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]


def fit(
    features: Floats,
    target: NDArray[np.int64],
    offset: Floats,
    weights: Floats,
    *,
    ridge: float,
) -> tuple[Floats, Floats]:
    """Weights [k, H] and biases [k] that minimise

        Σ_i u_i · −log softmax(offset_i + W·x_i + b)[y_i] + ridge/2 · ‖W‖²

    for features x [N, H], classes y [N] of k, offsets [N, k] and case weights u [N]. The biases are
    not shrunk. The problem is convex; the result does not depend on a start or a seed.
    """
    classes, width = offset.shape[1], features.shape[1]
    at = np.arange(len(target))
    hit = np.zeros_like(offset)
    hit[at, target] = 1

    def loss(flat: Floats) -> tuple[float, Floats]:
        w, b = flat[: classes * width].reshape(classes, width), flat[classes * width :]
        scores = offset + features @ w.T + b
        value = -float(weights @ log_softmax(scores, axis=1)[at, target])
        slope = weights[:, None] * (softmax(scores, axis=1) - hit)
        gradient = np.concatenate([(slope.T @ features + ridge * w).ravel(), slope.sum(0)])
        return value + ridge / 2 * float((w * w).sum()), gradient

    found: Any = minimize(
        loss, np.zeros(classes * (width + 1)), jac=True, method="L-BFGS-B",
        options={"maxiter": 500},
    )  # fmt: skip
    return found.x[: classes * width].reshape(classes, width), found.x[classes * width :]


def fit_binary(
    features: Floats,
    target: NDArray[np.bool_],
    offset: Floats,
    weights: Floats,
    *,
    ridge: float,
) -> tuple[Floats, float]:
    """The same for yes or no with offsets [N]: the weights [H] and bias of yes.

    Two classes that mirror each other: w = W₁ − W₀, and half the ridge on w is the ridge on both.
    """
    both = np.stack([np.zeros_like(offset), offset], axis=1)
    w, b = fit(features, target.astype(np.int64), both, weights, ridge=2 * ridge)
    return w[1] - w[0], float(b[1] - b[0])
