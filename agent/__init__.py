"""The loop: perceive, remember, learn, plan, act, compare."""

from worldwright.agent.agent import Agent
from worldwright.agent.config import AgentConfig
from worldwright.agent.loop import EpisodeResult

__all__ = ["Agent", "AgentConfig", "EpisodeResult"]
