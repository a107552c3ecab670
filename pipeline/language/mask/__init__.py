"""Masking of personal data: one module per kind, one `Masker` over them all."""

from pipeline.language.mask.masker import KINDS, Masked, Masker

__all__ = ["KINDS", "Masked", "Masker"]
