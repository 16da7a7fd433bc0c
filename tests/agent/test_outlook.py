"""Where the agent looks when it does not see what it wants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.agent.laws import usual
from tests.world_model.walks import law
from worldwright.agent.agent import Agent
from worldwright.agent.events import Acted, EpisodeEnded, Event, Observed, Planned

LEVELS = ("BabyAI-GoToObjMazeS5-v0", "BabyAI-OneRoomS16-v0", "MiniGrid-KeyCorridorS4R3-v0", "MiniGrid-FourRooms-v0")


def _played(level: str, seed: int) -> list[Event]:
    told: list[Event] = []
    list(Agent(usual()).act(level, 1, seed, freeze=True, tell=told.append))
    return told


@pytest.mark.parametrize("level", LEVELS)
def test_who_goes_to_look_sees_something_new(level: str) -> None:
    """Until the next plan is made, something is discovered; what stands in the way may hide it once in a while."""
    seen: list[int] = []
    looking = False
    for event in (event for seed in range(3) for event in _played(level, seed)):
        if isinstance(event, Planned) and event.status == "solved":
            looking = event.purpose == "frontier"
            seen += [0] if looking else []
        if isinstance(event, Observed) and looking and seen:
            seen[-1] += event.discovered
    assert seen
    assert sum(new > 0 for new in seen) >= 0.8 * len(seen)


@pytest.mark.parametrize("seed", range(12))
def test_in_a_small_room_one_look_round_is_enough(seed: int) -> None:
    """Two by two cells: whatever is not in view comes into view by two turns at the most."""
    told = _played("BabyAI-GoToObjS4-v0", seed)
    assert isinstance(told[-1], EpisodeEnded) and told[-1].success
    assert len([event for event in told if isinstance(event, Acted) and event.purpose == "frontier"]) <= 2


@pytest.mark.parametrize("seed", [2_000_001, 2_000_004, 2_000_005])
def test_nobody_walks_into_lava_for_a_better_view(seed: int) -> None:
    burns = law(
        "forward-burns",
        "?a ?f - cell ?d - direction ?x - thing",
        "(agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x) (kind ?x lava)",
        "((1 (and (not (agent-at ?a)) (agent-at ?f) (ended))))",
    )
    model = usual()
    agent = Agent(replace(model, rules=(*model.rules, burns)))
    (result,) = agent.act("MiniGrid-LavaCrossingS11N5-v0", 1, seed, freeze=True)
    assert result.success


@pytest.mark.parametrize("seed", [1_000_005, 1_000_032, 1_000_050, 1_000_054])
def test_no_other_door_is_opened_where_the_right_one_may_yet_be_seen(seed: int) -> None:
    """In these levels to open another door than the one asked for loses the episode."""
    (result,) = Agent(usual()).act("BabyAI-OpenDoorDebug-v0", 1, seed, freeze=True)
    assert result.success


@pytest.mark.parametrize("seed", [2_000_004, 2_000_023, 2_000_031])
def test_who_turns_about_does_so_by_the_side_on_which_more_comes_into_view(seed: int) -> None:
    """In these rooms what is wanted lies behind the agent, and there is more room on its right."""
    told = _played("BabyAI-PutNextLocalS6N4-v0", seed)
    assert next(event.action for event in told if isinstance(event, Acted)) == "(right)"
