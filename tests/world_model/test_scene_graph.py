"""A state, its scene graph and its networkx graph say the same."""

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from tests.world_model.strategies import states, vocabularies
from worldwright.envs.minigrid.vocabulary import LATTICE
from worldwright.envs.minigrid.vocabulary import VOCABULARY as MINIGRID
from worldwright.world_model.scene_graph import SceneGraph
from worldwright.world_model.state import State, Universe


@given(st.data())
def test_nothing_is_lost_through_networkx(data: st.DataObject) -> None:
    state = data.draw(states(data.draw(vocabularies())))
    objects = list(state.universe.types)
    cells = data.draw(st.lists(st.sampled_from(objects), unique=True)) if objects else []
    scene = SceneGraph(state, {cell: (i, -i) for i, cell in enumerate(cells)})
    graph = scene.to_networkx()
    back = SceneGraph.from_networkx(graph)
    assert back.state == state
    assert back.state.universe.vocabulary == state.universe.vocabulary
    assert back.state.universe.types == state.universe.types
    assert list(back.state.universe.types) == objects, "in the same order"
    assert back.state.universe.facts == state.universe.facts
    assert (back.positions, back.lattice) == (scene.positions, None)
    assert nx.utils.graphs_equal(back.to_networkx(), graph)


def test_facts_lie_where_a_reader_looks_for_them() -> None:
    universe = Universe(MINIGRID)
    for name, type_ in (("c1", "cell"), ("c2", "cell"), ("ball1", "thing")):
        universe.add_object(name, type_)
    universe.add_fact(("next", "east", "c1", "c2"))
    state = State(
        {("agent-at",): "c1", ("on", "c2"): "ball1", ("on", "c1"): "nothing", ("color", "ball1"): "red"}, universe
    )
    graph = SceneGraph(state, {"c1": (0, 0), "c2": (1, 0)}, LATTICE).to_networkx()
    assert graph.nodes["ball1"] == {"type": "thing", "constant": False, "facts": {"color": "red"}}
    assert graph.nodes["c1"]["facts"] == {"on": "nothing"}, "a constant is an attribute, not a node's edge"
    assert list(graph.edges(data="predicate")) == [("c2", "ball1", "on")]
    assert graph.nodes["c2"]["position"] == (1, 0)
    assert SceneGraph.from_networkx(graph).lattice == LATTICE


@given(st.data())
def test_differences_lead_from_state_to_state(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    before = data.draw(states(vocabulary))
    after = State(data.draw(states(vocabulary)).values, before.universe)
    change = before.difference(after)
    assert before.with_change(change) == after
    assert all(before.values.get(fluent) != value for fluent, value in change.items())
    assert (hash(before) == hash(after)) if before == after else bool(change)
