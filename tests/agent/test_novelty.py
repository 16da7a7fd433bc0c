"""What counts as having been tried before."""

from __future__ import annotations

import pytest
from minigrid.core.world_object import Ball, Box, Door, Key

from tests.agent.stage import Play
from worldwright.agent.novelty import Novelty
from worldwright.envs.minigrid.vocabulary import VOCABULARY
from worldwright.world_model.induction.references import Ref
from worldwright.world_model.model import Action
from worldwright.world_model.state import State

TOGGLE, FORWARD = Action("toggle"), Action("forward")
AHEAD = Ref("on", (Ref("next", (Ref("facing"), Ref("agent-at"))),))


def before_door(key: str, door: str) -> State:
    """A key in the hand, a locked door ahead."""
    play = Play({(2, 4): Key(key), (3, 4): Door(door, is_locked=True)}).do("pickup", "forward")
    assert play.hand != "nothing"
    return play.state


def before(thing: Ball | Box | Key | None) -> State:
    """A thing ahead, or nothing."""
    return Play({(2, 4): thing} if thing else {}).state


def tried(*states: State, action: Action = TOGGLE) -> Novelty:
    novelty = Novelty(VOCABULARY)
    for state in states:
        novelty.add(action, state)
    return novelty


def times(novelty: Novelty, state: State, action: Action = TOGGLE) -> int:
    return novelty.times(state)(action)


@pytest.mark.parametrize("attending", [False, True], ids=["to all that is near", "to what matters"])
def test_other_colours_are_the_same_context_if_what_was_equal_is_equal(attending: bool) -> None:
    novelty = tried(before_door("red", "red"), before_door("yellow", "yellow"))
    if attending:
        refs = [Ref("holding"), Ref("color", (Ref("holding"),)), AHEAD, Ref("color", (AHEAD,)), Ref("state", (AHEAD,))]
        novelty.attend({"toggle": refs, "pickup": refs})
    assert times(novelty, before_door("blue", "blue")) == 2
    assert times(novelty, before_door("blue", "red")) == 0
    novelty.add(TOGGLE, before_door("blue", "red"))
    assert times(novelty, before_door("grey", "purple")) == 1
    assert times(novelty, before_door("purple", "purple")) == 2


def test_other_kinds_and_empty_places_are_other_contexts() -> None:
    novelty = tried(before(Key("red")), before(None))
    assert times(novelty, before(Key("blue"))) == 1
    assert times(novelty, before(Ball("red"))) == 0
    assert times(novelty, before(None)) == 1


def test_each_action_is_counted_for_itself() -> None:
    novelty = tried(before(Key("red")))
    assert times(novelty, before(Key("red")), FORWARD) == 0
    assert (novelty.total(TOGGLE), novelty.total(FORWARD)) == (1, 0)


def test_an_action_is_idle_where_it_never_had_an_effect() -> None:
    novelty = tried(before(Key("red")), before(Key("blue")), before(None))
    assert novelty.idle(before(Key("grey")), TOGGLE) == 2
    novelty.add(TOGGLE, before(Key("red")), moved=True)
    assert novelty.idle(before(Key("grey")), TOGGLE) == 0
    assert novelty.idle(before(None), TOGGLE) == 1
    novelty.attend({"toggle": [AHEAD], "pickup": [AHEAD]})  # counted anew
    assert novelty.idle(before(Key("grey")), TOGGLE) == 0


def test_what_is_not_known_is_another_context_than_what_is_known() -> None:
    state = before(None)
    hidden = state.with_change({("on", "c1_0"): None})
    assert times(tried(state), hidden) == 0


def test_who_attends_to_other_things_counts_anew_what_was_done() -> None:
    """A wall beside the agent matters no more when only what lies ahead does."""
    far, near = Play({}).state, Play({}).do("left", "forward", "forward", "forward", "right").state
    novelty = tried(far)
    assert times(novelty, near) == 0
    refs = [AHEAD, Ref("kind", (AHEAD,))]
    novelty.attend({"toggle": refs, "pickup": refs})
    assert times(novelty, near) == 1
    assert times(novelty, before(Ball("red"))) == 0


def test_as_long_as_only_the_agent_itself_matters_all_that_is_near_does() -> None:
    novelty = tried(before(Key("red")))
    novelty.attend({"left": [Ref("facing")], "right": [Ref("facing")]})
    assert times(novelty, before(Key("blue"))) == 1
    assert times(novelty, before(Ball("red"))) == 0
