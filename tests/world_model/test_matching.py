"""Conditions are matched as the plainest enumeration would."""

import time
from collections import Counter as Tally

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.world_model import reference
from tests.world_model.strategies import reaches, rules, states, vocabularies
from worldwright.world_model.errors import MatchLimit
from worldwright.world_model.matching import MAX_TRIES, Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import State, Universe
from worldwright.world_model.syntax import parse_rule
from worldwright.world_model.vocabulary import ActionSignature, Predicate, Type, Vocabulary


def as_set(bindings) -> Tally[tuple[tuple[str, str], ...]]:
    return Tally(tuple(sorted(binding.items())) for binding in bindings)


@given(st.data())
def test_bindings_are_those_of_brute_force(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    reach, state = data.draw(reaches(vocabulary)), data.draw(states(vocabulary))
    query = Query(vocabulary, reach.parameters, reach.conditions)
    found = list(query.bindings(state))
    assert as_set(found) == as_set(reference.bindings(reach.parameters, reach.conditions, state, {}))
    assert found == list(query.bindings(state)), "always in the same order"
    assert query.holds(state) == bool(found)


@given(st.data())
def test_rules_fire_for_the_bindings_of_brute_force(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    rule, state = data.draw(rules(vocabulary)), data.draw(states(vocabulary))
    choices = [state.universe.objects(type_) for type_ in vocabulary.action(rule.action).types]
    if all(choices):
        args = tuple(data.draw(st.sampled_from(names)) for names in choices)
        firings = WorldModel(vocabulary, (rule,)).firings(state, Action(rule.action, args))
        expected = reference.rule_bindings(rule, state, args)
        assert as_set(firing.binding for firing in firings) == as_set(expected)


PAIRS = Vocabulary(
    "pairs", (Type("t"),), (Predicate("p", ("t", "t")), Predicate("q", ("t",))), (ActionSignature("go"),)
)


def everything_related(size: int) -> State:
    universe = Universe(PAIRS)
    names = [f"o{i}" for i in range(size)]
    for name in names:
        universe.add_object(name, "t")
    return State({("p", a, b): True for a in names for b in names if a != b}, universe)


# Eleven different things out of ten: no binding, found only after 10! tries.
PIGEONS = [f"?x{i}" for i in range(11)]
PAIRED = [(a, b) for i, a in enumerate(PIGEONS) for b in PIGEONS[i + 1 :]]
DIFFERENT = " ".join(f"(not (= {a} {b}))" for a, b in PAIRED)
RELATED = " ".join(f"(p {a} {b})" for a, b in PAIRED)
EXISTS = f"(exists ({' '.join(PIGEONS)} - t) (and {DIFFERENT}))"


@pytest.mark.parametrize(
    ("parameters", "conditions"),
    [
        pytest.param(PIGEONS, DIFFERENT, id="objects"),
        pytest.param(PIGEONS, RELATED, id="atoms"),
        pytest.param([], EXISTS, id="exists"),
        pytest.param([], f"(not {EXISTS})", id="denied-exists"),
        pytest.param([f"?x{i}" for i in range(16)], "(not (q ?x0))", id="unbound"),
    ],
)
def test_a_search_without_end_is_given_up(parameters: list[str], conditions: str) -> None:
    declared = f"({' '.join(parameters)} - t)" if parameters else "()"
    text = f"(:rule r :action go :parameters {declared} :precondition (and {conditions}) :outcomes ((1 (and))))"
    model = WorldModel(PAIRS, (parse_rule(PAIRS, text),))
    begin = time.process_time()
    with pytest.raises(MatchLimit, match=str(MAX_TRIES)):
        model.predict(everything_related(10), Action("go"))
    assert time.process_time() - begin < 60
