"""Households in text: ALFWorld's games, new ones like them, and the same under other laws."""

from worldwright.envs.household.env import register_household

register_household()
