"""Cells become known as objects as they come into view; what lies beside what is then known of all of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from worldwright.agent.cells import Cells, cell_name
from worldwright.envs.minigrid.vocabulary import LATTICE, VOCABULARY
from worldwright.world_model.scene_graph import Position
from worldwright.world_model.state import Universe

places = st.tuples(st.integers(-9, 9), st.integers(-9, 9))
views = st.lists(st.lists(places, min_size=1, max_size=4), min_size=1, max_size=5)


def known_after(seen: list[list[Position]]) -> tuple[Cells, Universe]:
    universe = Universe(VOCABULARY)
    cells = Cells(universe)
    for view in seen:
        cells.know(LATTICE, view)
    return cells, universe


@given(views)
@settings(deadline=None)
def test_the_cells_fill_a_rectangle_round_all_that_was_seen(seen: list[list[Position]]) -> None:
    cells, universe = known_after(seen)
    left, top, right, bottom = cells.bounds
    for x, y in (place for view in seen for place in view):
        assert left < x < right and top < y < bottom
    inside = {(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)}
    assert cells.names == {place: cell_name(place) for place in inside}
    assert cells.places == {cell_name(place): place for place in inside}
    assert cells.contents == {place: (LATTICE.content, cell_name(place)) for place in inside}
    assert sorted(universe.objects(LATTICE.cell)) == sorted(cells.places)


@given(views)
@settings(deadline=None)
def test_each_cell_has_its_neighbours_however_it_became_known(seen: list[list[Position]]) -> None:
    cells, universe = known_after(seen)
    for name, (x, y) in cells.places.items():
        for direction, (dx, dy) in LATTICE.directions.items():
            beside = cells.names.get((x + dx, y + dy))
            assert universe.facts.get((LATTICE.neighbour, direction, name)) == beside
    told = universe.fluents(LATTICE.neighbour)
    assert len(told) == len(set(told)) == sum(fluent[0] == LATTICE.neighbour for fluent in universe.facts)


def test_one_episode_leaves_nothing_in_another() -> None:
    first, _ = known_after([[(0, 0)]])
    before = dict(first.names)
    second, universe = known_after([[(0, 0)], [(5, 5)]])
    assert first.names == before
    assert len(universe.objects(LATTICE.cell)) == len(second.names) > len(before)
