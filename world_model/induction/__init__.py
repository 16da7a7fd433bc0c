"""Learning action rules from transitions, without a language model."""

from worldwright.world_model.induction.inducer import Inducer

__all__ = ["Inducer"]
