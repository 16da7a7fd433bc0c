"""How an agent is put together: every stage that can be exchanged or switched off, as one immutable value."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ASKING = frozenset({"llm", "both"})  # the authors that ask a language model


class AgentConfig(BaseModel):
    """The agent's settings. `--set agent.engine=search` on the command line sets one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    engine: str = Field(default="fast-downward", description="planner engine (see planning.ENGINES)")
    policy: str = Field(default="pddl", description="who decides while acting (see agent.policies.POLICIES)")
    rounds: int = Field(
        default=3, ge=1, le=20, description="proposals of a language model before it is planned without"
    )
    author: str = Field(default="inducer", description="who proposes rules (see agent.AUTHORS)")
    samples: int = Field(default=3, ge=1, le=100, description="answers to each question to a language model")
    refinements: int = Field(default=2, ge=0, le=10, description="times that a refuted rule goes back to its author")
    priors: bool = Field(default=True, description="ask for likely rules before there is any experience")
    knowledge: bool = Field(default=True, description="ask what requires or makes what, and where things usually are")
    reader: Literal["grammar", "llm"] = Field(
        default="grammar", description="who reads missions and sentences that the world's own grammar cannot"
    )
    memory: Literal["map", "view"] = Field(default="map", description="remember the map, or only the present view")
    predictor: bool = Field(default=True, description="let predictions help to locate the agent")
    monitor: bool = Field(default=True, description="replan when the plan no longer works in the model")
    explorer: Literal["planned", "random"] = Field(default="planned", description="how to explore")
    experiments: bool = Field(default=True, description="plan with hypotheses where no plan exists under the laws")
    plan_cpu_seconds: float = Field(default=10.0, gt=0, le=3600, description="CPU limit of one plan")
    plan_memory_mb: int = Field(default=2048, ge=64, le=65536, description="memory limit of a planner process")
    search_states: int = Field(default=20_000, ge=1, le=10_000_000, description="states the explorer looks ahead")
    tries: int = Field(default=2, ge=1, le=100, description="times an action is tried in a context before it is old")

    @property
    def asks_for_knowledge(self) -> bool:
        """Whether a language model, where one proposes rules, is asked for more than these."""
        return self.knowledge and self.author in ASKING
