"""Learned models as worlds to train or search in."""
