"""Known, unknown and hoped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.world_model.strategies import Draw, states, vocabularies
from worldwright.agent.belief import Belief
from worldwright.envs.minigrid.vocabulary import NOTHING, VOCABULARY
from worldwright.world_model.state import State


def beach() -> Belief:
    belief = Belief(VOCABULARY)
    for cell in ("c0_0", "c1_0", "c2_0"):
        belief.universe.add_object(cell, "cell")
    belief.universe.add_object("ball1", "thing")
    belief.update({("on", "c0_0"): NOTHING, ("on", "c1_0"): "ball1", ("color", "ball1"): "blue"})
    return belief


def test_what_has_no_value_is_unknown_and_hoped_to_be_as_usual() -> None:
    belief = beach()
    assert belief.unknown() == [("on", "c2_0")]
    assert belief.state().value(("on", "c2_0")) is None
    assert belief.optimistic().value(("on", "c2_0")) == NOTHING
    assert belief.optimistic().value(("on", "c1_0")) == "ball1"
    assert belief.optimistic().value(("state", "ball1")) is None


def test_to_hope_is_not_to_know() -> None:
    belief = beach()
    belief.optimistic()
    assert belief.unknown() == [("on", "c2_0")]


def test_a_value_may_become_unknown_again() -> None:
    belief = beach()
    belief.update({("on", "c0_0"): None, ("on", "c2_0"): None})
    assert belief.unknown() == [("on", "c0_0"), ("on", "c2_0")]


def test_a_state_is_of_its_moment() -> None:
    belief = beach()
    before, hoped = belief.state(), belief.optimistic()
    belief.update({("on", "c0_0"): "ball1", ("on", "c1_0"): NOTHING, ("on", "c2_0"): "ball1"})
    assert (before.value(("on", "c0_0")), before.value(("on", "c1_0"))) == (NOTHING, "ball1")
    assert hoped.value(("on", "c2_0")) == NOTHING


@st.composite
def beliefs(draw: Draw) -> tuple[Belief, State]:
    state = draw(vocabularies().flatmap(states))
    belief = Belief(state.universe.vocabulary)
    for name, type_ in state.universe.types.items():
        belief.universe.add_object(name, type_)
    belief.update(dict(state.values))
    return belief, state


@given(beliefs())
def test_hope_adds_a_default_to_each_unknown_fluent_and_changes_nothing_known(pair: tuple[Belief, State]) -> None:
    belief, state = pair
    assert belief.state() == state
    added = {f: v for f, v in belief.optimistic().values.items() if f not in state.values}
    assert added.keys() == set(belief.unknown())
    assert all(value == belief.vocabulary.predicate(fluent[0]).default for fluent, value in added.items())
    assert belief.state().difference(belief.optimistic()) == added


CELLS = tuple(f"c{number}_0" for number in range(3))
VALUES = st.sampled_from((NOTHING, "ball1", None))


@given(st.lists(st.lists(st.tuples(st.sampled_from(CELLS), VALUES), max_size=3), max_size=12), st.data())
def test_traced_states_differ_as_others_do(updates: list[list[tuple[str, str | None]]], data: st.DataObject) -> None:
    traced, plain = Belief(VOCABULARY, traced=True), Belief(VOCABULARY)
    found, expected = [traced.state()], [plain.state()]
    for update in updates:
        for belief in (traced, plain):
            belief.update({("on", cell): value for cell, value in update})
        if data.draw(st.booleans()):
            names = frozenset(data.draw(st.sets(st.sampled_from(CELLS))))
            for belief in (traced, plain):
                belief.forget_all_but(names)
        if data.draw(st.booleans()):
            found.append(traced.state())
            expected.append(plain.state())
    assert found == expected
    for one, first in zip(found, expected, strict=True):
        for other, then in zip(found, expected, strict=True):
            assert one.difference(other) == first.difference(then)
