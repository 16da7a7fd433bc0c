"""Locked doors are ways to what is not seen yet, for who can fetch what opens them."""

from __future__ import annotations

import pytest
from minigrid.core.world_object import Ball, Door, Key, Wall, WorldObj
from minigrid.minigrid_env import MiniGridEnv

from tests.agent.laws import usual
from tests.agent.stage import Play
from worldwright.agent.agent import Agent
from worldwright.agent.guarded import Guarded, Offer
from worldwright.agent.outlook import Outlook
from worldwright.envs.minigrid.sight import SquareSight
from worldwright.envs.registry import make_env
from worldwright.planning.lookahead import Lookaheads
from worldwright.world_model.goal import Reach

Things = dict[tuple[int, int], WorldObj]

LOCKED = Door("yellow", is_locked=True)
KEY = {(2, 3): Key("yellow")}


def _ways(play: Play, asked: frozenset[str] = frozenset()) -> tuple[Reach, ...]:
    play.memory.sight = SquareSight(7)
    return Guarded().ways(play.memory, usual(), Lookaheads(), play.state, asked)


@pytest.mark.parametrize(
    ("things", "guarded"),
    [
        ({(6, 4): LOCKED, **KEY}, 1),
        ({(6, 4): LOCKED}, 0),
        ({(6, 4): LOCKED, (2, 3): Key("red")}, 0),
        ({(6, 4): Door("yellow"), **KEY}, 0),  # anyone can open it
        ({(6, 4): Door("yellow", is_open=True), **KEY}, 0),
        ({(6, 4): LOCKED, (6, 6): Door("yellow", is_locked=True), **KEY}, 2),
        ({(6, 4): Wall(), (6, 6): Ball("yellow"), **KEY}, 0),
    ],
)
def test_a_way_is_guarded_that_what_was_seen_may_open(things: Things, guarded: int) -> None:
    play = Play(things)
    ways = _ways(play)
    assert len(ways) == guarded
    assert {str(literal) for way in ways for literal in way.conditions} <= {"(state door1 open)", "(state door2 open)"}


def test_what_the_goal_asks_for_is_no_way() -> None:
    assert _ways(Play({(6, 4): LOCKED, **KEY}), frozenset({"state"})) == ()


def test_with_the_key_in_hand_the_door_is_like_another() -> None:
    play = Play({(6, 4): LOCKED, (2, 4): Key("yellow")})
    assert _ways(play)
    assert _ways(play.do("pickup")) == ()


def test_what_was_found_out_for_one_key_in_hand_is_not_said_for_another() -> None:
    guarded = Guarded()
    for key, ways in (("yellow", 0), ("red", 1), ("yellow", 0)):
        play = Play({(6, 4): LOCKED, (2, 4): Key(key), (1, 2): Key("yellow")}).do("pickup")
        play.memory.sight = SquareSight(7)
        assert len(guarded.ways(play.memory, usual(), Lookaheads(), play.state, ())) == ways


def test_the_same_steps_bring_the_agent_nearer_by_no_more_than_these() -> None:
    way = (Reach((), ()),)
    assert Offer().may_be_cheaper(way, 0, 0.1)
    offer = Offer(way, step=10, steps=20, price=4.0)
    assert not offer.may_be_cheaper(way, 10, 4.0)
    assert not offer.may_be_cheaper(way, 20, 2.0)
    assert offer.may_be_cheaper(way, 20, 2.1)
    assert offer.may_be_cheaper((*way, Reach((), ())), 10, 0.1)


def test_a_look_into_what_is_known_is_worth_no_step() -> None:
    play = Play({})
    play.memory.sight = SquareSight(7)
    before = play.state
    after = play.do("forward").state
    assert Outlook(play.memory).price(before, after, 1) == float("inf")


@pytest.mark.parametrize("level", ["MiniGrid-KeyCorridorS4R3-v0", "MiniGrid-LockedRoom-v0"])
def test_who_sees_the_key_need_not_open_every_other_door_first(level: str) -> None:
    shut = 0
    for seed in range(3_000_000, 3_000_006):
        env = make_env(level)
        assert Agent(usual()).play(env, level, seed, freeze=True).success
        world = env.unwrapped
        assert isinstance(world, MiniGridEnv)
        shut += sum(isinstance(thing, Door) and not thing.is_open for thing in world.grid.grid)
    assert shut >= 6
