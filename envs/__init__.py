"""Worlds and their wrappers: observation to scene graph, instruction to goal."""
