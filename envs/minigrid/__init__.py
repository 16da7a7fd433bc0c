"""MiniGrid and BabyAI: their worlds, and worlds like them with other laws."""

from worldwright.envs.minigrid.laws import register_altered

register_altered()
