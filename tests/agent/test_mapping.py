"""Laying a view over the map: what settles where the agent is, and what does not."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from worldwright.agent.mapping import Fix, GridMap, laid

SIDE = 31
HALF = SIDE // 2
Position = tuple[int, int]
VIEW = [(x, y) for x in range(-3, 4) for y in range(-3, 4) if (x, y) != (0, 0)]
STEPS = [(x, y) for x in range(-3, 4) for y in range(-3, 4)]
FAR = [(far, 0) for far in range(4, 10)] + [(0, -far) for far in range(4, 10)]


def seen_from(world: NDArray[np.int32], place: Position) -> NDArray[np.int32]:
    """How the cells of the view look from a place; the world's middle is (0, 0)."""
    at = np.array(VIEW, np.int32) + np.array(place, np.int32) + HALF
    return world[at[:, 0], at[:, 1]]


def remembered(world: NDArray[np.int32], *places: Position) -> GridMap:
    """The map of who has looked around in these places."""
    map_ = GridMap()
    for place in places:
        map_.write(laid(VIEW, place), seen_from(world, place).tolist())
    return map_


def locate(map_: GridMap, world: NDArray[np.int32], place: Position, last: Position = (0, 0), **more: object) -> Fix:
    """Where the view from `place` is believed to be seen from."""
    foreseen: dict[Position, float] = more.pop("foreseen", {})  # type: ignore[assignment]
    return map_.locate(VIEW, seen_from(world, place).tolist(), last, foreseen, **more)  # type: ignore[arg-type]


@st.composite
def varied_worlds(draw: st.DrawFn) -> NDArray[np.int32]:
    """Worlds in which every cell looks like one of ten things by chance."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(0, 10, (SIDE, SIDE), dtype=np.int32)


PLAIN = np.zeros((SIDE, SIDE), np.int32)
CORRIDOR = np.where(np.abs(np.arange(SIDE) - HALF)[None, :] > 1, 1, 0).repeat(SIDE, axis=0).astype(np.int32)


@given(varied_worlds(), st.sampled_from(STEPS), st.sampled_from([0, 1000]))
@settings(max_examples=100, deadline=None)
def test_in_a_varied_world_every_short_way_is_found_for_sure(
    world: NDArray[np.int32], way: Position, experience: int
) -> None:
    """Whatever the laws say, and however many transitions they rest on."""
    foreseen = {(0, 0): 1.0} if experience else {}
    fix = locate(remembered(world, (0, 0)), world, way, foreseen=foreseen, experience=experience)
    assert (fix.position, fix.trusted) == (way, True)
    assert fix.certain or max(map(abs, way)) == 3  # where few known cells are left in view


@given(varied_worlds(), st.sampled_from(FAR))
@settings(max_examples=50, deadline=None)
def test_a_long_way_straight_on_is_found_where_the_map_reaches(world: NDArray[np.int32], way: Position) -> None:
    between = (way[0] // 2, way[1] // 2)
    assert locate(remembered(world, (0, 0), between, way), world, way).position == way


@given(varied_worlds(), st.sampled_from(STEPS))
@settings(max_examples=50, deadline=None)
def test_the_agent_may_be_anywhere_when_it_sets_out(world: NDArray[np.int32], last: Position) -> None:
    map_ = remembered(world, last)
    assert locate(map_, world, (last[0], last[1] + 1), last) == Fix((last[0], last[1] + 1), True, True)


@given(varied_worlds(), st.sampled_from(range(len(VIEW))))
@settings(max_examples=100, deadline=None)
def test_one_thing_that_changed_does_not_move_the_agent(world: NDArray[np.int32], changed: int) -> None:
    map_ = remembered(world, (0, 0))
    codes = seen_from(world, (0, 0))
    codes[changed] = 77
    assert map_.locate(VIEW, codes.tolist(), (0, 0), {}) == Fix((0, 0), certain=True, trusted=True)


def test_in_a_plain_world_nothing_tells_one_place_from_another() -> None:
    fix = locate(remembered(PLAIN, (0, 0)), PLAIN, (1, 0))
    assert not fix.certain


def test_in_a_plain_world_what_is_foreseen_is_taken_but_is_sure_only_with_experience() -> None:
    map_ = remembered(PLAIN, (0, 0))
    expert = locate(map_, PLAIN, (1, 0), foreseen={(1, 0): 1.0}, experience=1000)
    assert (expert.position, expert.trusted) == ((1, 0), True)
    novice = locate(map_, PLAIN, (1, 0), foreseen={(1, 0): 1.0}, experience=1)
    assert not novice.certain


def test_of_two_things_foreseen_the_view_decides() -> None:
    world = CORRIDOR.copy()
    world[HALF + 3, HALF] = 5
    map_ = remembered(world, (0, 0))
    for place in ((0, 0), (1, 0)):
        fix = locate(map_, world, place, foreseen={(0, 0): 0.5, (1, 0): 0.5}, experience=1000)
        assert fix == Fix(place, certain=True, trusted=True)


def test_along_a_corridor_a_step_is_no_more_sure_than_standing_still() -> None:
    map_ = remembered(CORRIDOR, (0, 0))
    assert not locate(map_, CORRIDOR, (1, 0)).certain
    across = locate(map_, CORRIDOR, (0, 1))
    assert (across.position, across.trusted) == ((0, 1), True)


def test_a_foreseen_place_is_confirmed_if_nothing_there_disagrees_but_what_was_foretold() -> None:
    rng = np.random.default_rng(0)
    world = rng.integers(0, 10, (SIDE, SIDE), dtype=np.int32)
    map_, foreseen = remembered(world, (0, 0)), {(1, 0): 1.0}

    def confirms(codes: NDArray[np.int32], foretold: dict[Position, int]) -> bool:
        return map_.confirms(laid(VIEW, (1, 0)), codes.tolist(), lambda: foretold)

    there = seen_from(world, (1, 0))
    assert confirms(there, {})
    assert not confirms(seen_from(world, (0, 1)), {})
    elsewhere = locate(map_, world, (0, 1), foreseen=foreseen, experience=1000, quick=True)
    assert elsewhere.position == (0, 1)

    changed, number = there.copy(), next(at for at, step in enumerate(VIEW) if step == (1, 0))
    changed[number] = 50
    assert not confirms(changed, {})
    assert not confirms(changed, {(2, 0): 51})
    assert confirms(changed, {(2, 0): 50})


def test_a_view_unlike_anything_foreseen_or_known_may_not_extend_the_map() -> None:
    rng = np.random.default_rng(0)
    world, other = (rng.integers(low, low + 3, (SIDE, SIDE), dtype=np.int32) for low in (0, 50))
    fix = locate(remembered(world, (0, 0)), other, (0, 0), foreseen={(0, 0): 1.0}, experience=1000)
    assert fix.certain or not fix.trusted


@given(varied_worlds(), st.sampled_from([(200, 0), (-31, 32), (-200, -150), (0, 63)]))
@settings(max_examples=20, deadline=None)
def test_the_map_grows_in_all_directions_without_losing_anything(world: NDArray[np.int32], far: Position) -> None:
    map_ = remembered(world, (0, 0))
    map_.write(laid(VIEW, far), seen_from(world, (5, 5)).tolist())
    assert locate(map_, world, (0, 0), (1, 1)) == Fix((0, 0), certain=True, trusted=True)
    there = map_.locate(VIEW, seen_from(world, (5, 5)).tolist(), (far[0] + 1, far[1]), {})
    assert there == Fix(far, certain=True, trusted=True)


def test_the_same_look_has_the_same_code() -> None:
    map_ = GridMap()
    looks = [(("kind", "a"),), (("kind", "b"),), (), (("kind", "a"), ("color", "b"))]
    codes = [map_.code(look) for look in looks]
    assert len(set(codes)) == len(looks)
    assert [map_.code(look) for look in looks] == codes


def test_a_foreseen_place_is_not_sure_where_a_usual_way_fits_the_map_better() -> None:
    """Standing on the only thing around, the agent sees a plain world, as if the thing before it had vanished."""
    world = PLAIN.copy()
    world[HALF + 2, HALF] = 5
    map_ = remembered(world, (0, 0))
    foreseen = {(1, 0): 1.0}
    usual = [(0, 0), (1, 0), (2, 0)]
    assert not locate(map_, world, (2, 0), foreseen=foreseen, experience=1000, usual=usual).certain
    assert locate(map_, world, (1, 0), foreseen=foreseen, experience=1000, usual=usual) == Fix((1, 0), True, True)
