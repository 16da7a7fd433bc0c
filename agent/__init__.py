"""The loop: perceive, remember, learn, plan, act, compare."""
