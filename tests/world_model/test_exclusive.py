"""What is proved of rules is true in every state, and what matters in practice is proved."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.world_model.reference import rule_bindings
from tests.world_model.strategies import rules, states, vocabularies
from worldwright.envs.minigrid.vocabulary import VOCABULARY as MINIGRID
from worldwright.world_model.exclusive import absent_in, applies_once, determined, exclusive, impossible
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model_file import vocabulary_of
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import State, Universe
from worldwright.world_model.syntax import parse_rule

FRONT = "(agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x)"
PARAMETERS = "?a - cell ?d - direction ?f - cell ?x - thing"
NO_KIND = frozenset({("kind", "nothing")})


def rule(conditions: str, parameters: str = PARAMETERS, action: str = "toggle") -> ActionRule:
    text = (
        f"(:rule r :action {action} :parameters ({parameters}) :precondition (and {conditions}) :outcomes ((1 (and))))"
    )
    return parse_rule(MINIGRID, text)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"{FRONT} (state ?x locked)", f"{FRONT} (state ?x closed)"),
        (f"{FRONT} (state ?x locked)", f"{FRONT} (not (state ?x locked))"),
        (f"{FRONT} (state ?x locked)", f"{FRONT} (exists (?s - status) (and (state ?x ?s) (= ?s open)))"),
        (f"{FRONT} (= ?x nothing)", f"{FRONT} (not (on ?f nothing))"),
        (f"{FRONT} (color ?x red)", f"{FRONT} (not (exists (?c - color) (and (color ?x ?c))))"),
        (f"{FRONT} (side ?x at-left)", f"{FRONT} (not (exists (?y - thing) (and (on ?f ?y) (side ?y at-left))))"),
        (f"{FRONT} (facing north)", f"{FRONT} (facing south)"),
        (f"{FRONT} (clockwise ?d west)", f"{FRONT} (facing east)"),
        (f"{FRONT} (goal-holds)", f"{FRONT} (not (goal-holds))"),
        (f"{FRONT} (holding nothing)", f"{FRONT} (exists (?k - thing) (and (holding ?k) (not (= ?k nothing))))"),
        (f"{FRONT} (holding ?x) (kind ?x door)", f"{FRONT} (exists (?k - thing) (and (holding ?k) (kind ?k key)))"),
    ],
)
def test_rules_that_name_different_things_in_one_place_exclude_each_other(first: str, second: str) -> None:
    assert exclusive(MINIGRID, rule(first), rule(second))
    assert exclusive(MINIGRID, rule(second), rule(first))
    assert not exclusive(MINIGRID, rule(first), rule(first))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FRONT, f"{FRONT} (state ?x locked)"),
        (f"{FRONT} (state ?x locked)", f"{FRONT} (color ?x red)"),
        ("(kind ?x door) (agent-at ?a) (facing ?d) (next ?d ?a ?f)", f"{FRONT} (kind ?x key)"),  # another thing
        (f"{FRONT} (side ?x at-left)", f"{FRONT} (side ?x at-right)"),  # not functional
        (f"{FRONT} (facing north)", f"{FRONT} (clockwise ?d east)"),
        (f"{FRONT} (not (state ?x locked))", f"{FRONT} (not (state ?x open))"),
    ],
)
def test_rules_that_may_apply_together_are_not_said_to_exclude_each_other(first: str, second: str) -> None:
    assert not exclusive(MINIGRID, rule(first), rule(second))


def test_what_a_constant_never_has_tells_it_from_things_that_have_it() -> None:
    empty, door = rule(f"{FRONT} (on ?f nothing)"), rule(f"{FRONT} (kind ?x door)")
    assert not exclusive(MINIGRID, empty, door)
    assert exclusive(MINIGRID, empty, door, NO_KIND)
    universe = Universe(MINIGRID)
    universe.add_object("door1", "thing")
    state = State({("holding",): "nothing", ("kind", "door1"): "door"}, universe)
    assert absent_in(state) > NO_KIND
    assert ("agent-at",) in absent_in(state) and ("holding",) not in absent_in(state)
    assert NO_KIND.isdisjoint(absent_in(state.with_change({("kind", "nothing"): "wall"})))


def test_references_are_determined_and_free_variables_are_not() -> None:
    reference = rule(f"{FRONT} (kind ?x door)")
    assert applies_once(MINIGRID, reference)
    assert determined(MINIGRID, rule("(agent-at ?a) (facing ?d) (on ?f ?x)")) == {"?a", "?d"}
    assert determined(MINIGRID, rule("(agent-at ?a) (next ?d ?a ?f) (on ?f ?x)")) == {"?a"}


def test_an_injective_predicate_is_followed_backwards_from_a_thing_but_not_from_a_constant() -> None:
    where = rule("(holding ?x) (on ?f ?x)", "?f - cell ?x - thing")
    assert determined(MINIGRID, where) == {"?x"}, "nothing may be in many cells"
    known = rule("(holding ?x) (on ?f ?x) (not (= ?x nothing))", "?f - cell ?x - thing")
    assert applies_once(MINIGRID, known)
    kinded = rule("(holding ?x) (on ?f ?x) (kind ?x key)", "?f - cell ?x - thing")
    assert not applies_once(MINIGRID, kinded)
    assert applies_once(MINIGRID, kinded, NO_KIND)
    assert not applies_once(MINIGRID, rule("(on ?f nothing)", "?f - cell"))


def test_a_rule_that_contradicts_itself_is_impossible() -> None:
    assert impossible(MINIGRID, rule("(state ?x open) (state ?x locked)"))
    assert impossible(MINIGRID, rule("(goal-holds) (not (goal-holds))", ""))
    assert impossible(MINIGRID, rule("(not (= ?x ?x))", "?x - thing"))
    assert impossible(MINIGRID, rule("(kind nothing door)", ""), NO_KIND)
    assert not impossible(MINIGRID, rule("(state ?x open) (not (state ?x locked))"))


SHOP = vocabulary_of(
    parse_one("""(:vocabulary shop (:types (thing object) (tool thing) (food thing)) (:constants (saw tool))
    (:predicates (sold thing) (sharp tool) (fresh food) 
     (owner thing thing :functional :injective) (best thing :functional))
    (:counters (price thing 0 9) (weight 1 9)) (:actions (sell thing)))""")
)


def sell(conditions: str, more: str = "") -> ActionRule:
    head = f"(:rule r :action sell :parameters (?x - thing {more})"
    return parse_rule(SHOP, f"{head} :precondition (and {conditions}) :outcomes ((1 (and))))")


@pytest.mark.parametrize(
    ("first", "second", "proved"),
    [
        ("(>= (price ?x) 5)", "(<= (price ?x) 4)", True),
        ("(>= (price ?x) 5)", "(<= (price ?x) 5)", False),
        ("(= (price ?x) 5)", "(= (price ?y) 4) (= ?x ?y)", True),
        ("(= (price ?x) 5)", "(= (price ?y) 4)", False),
        (
            "(>= (price ?x) 5)",
            "(not (exists (?t - thing) (and (sold ?t) (>= (price ?t) 4)))) (sold ?x)",
            True,
        ),
        ("(>= (price ?x) 5)", "(not (exists (?t - thing) (and (sold ?t) (>= (price ?t) 6)))) (sold ?x)", False),
        ("(<= (weight) 0)", "(sold ?x)", False),  # never weighed is 0
        ("(sold ?x)", "(= ?x saw) (not (sold saw))", True),
        ("(sold ?x)", "(not (sold saw))", False),
        ("(sharp ?x)", "(fresh ?x)", True),  # a tool is no food
        ("(sold ?x)", "(fresh ?x)", False),
        ("(sold ?x)", "(not (exists (?t - thing) (and (sold ?t))))", True),
        ("(sold ?x)", "(not (exists (?t - tool) (and (sold ?t))))", False),
        ("(sold ?x) (sharp ?x)", "(not (exists (?t - tool) (and (sold ?t))))", True),
        ("(sold ?x)", "(not (exists (?t - thing ?f - food) (and (sold ?t))))", False),  # there may be no food
        ("(owner ?x ?y) (fresh ?y) (sold ?x)", "(owner ?z ?y) (not (sold ?z)) (best ?y)", False),
        ("(owner ?x ?y) (fresh ?y) (best ?y) (sold ?x)", "(owner ?z ?y) (not (sold ?z)) (best ?y)", True),
        ("(owner ?x ?y) (best ?y) (sold ?x)", "(owner ?z ?y) (not (sold ?z)) (best ?y)", False),  # the saw owns many
        ("(owner ?x saw) (sold ?x)", "(owner ?z saw) (not (sold ?z))", False),
    ],
)
def test_what_follows_from_types_counters_and_injectivity(first: str, second: str, proved: bool) -> None:
    one, other = (sell(text, "?y - thing ?z - thing") for text in (first, second))
    assert exclusive(SHOP, one, other) == exclusive(SHOP, other, one) == proved


def test_a_rule_over_the_bound_of_a_counter_is_impossible() -> None:
    assert impossible(SHOP, sell("(>= (price ?x) 10)"))
    assert impossible(SHOP, sell("(<= (price ?x) -1)"))
    assert not impossible(SHOP, sell("(<= (weight) 0)"))


@settings(max_examples=150)
@given(st.data())
def test_proofs_hold_in_every_state(data: st.DataObject) -> None:
    vocabulary = data.draw(st.one_of(vocabularies(), st.just(SHOP)))
    first, second = data.draw(rules(vocabulary, "first")), data.draw(rules(vocabulary, "second"))
    state = data.draw(states(vocabulary))
    for absent in (frozenset(), absent_in(state)):
        for args in _arguments(state, first):
            found = rule_bindings(first, state, args)
            assert not (found and impossible(vocabulary, first, absent))
            if first.action == second.action and found and rule_bindings(second, state, args):
                assert not exclusive(vocabulary, first, second, absent)
            fixed = determined(vocabulary, first, absent)
            assert len({tuple(b[name] for name in sorted(fixed)) for b in found}) <= 1


@settings(max_examples=150)
@given(st.data())
def test_exclusion_is_symmetric_and_never_holds_of_a_rule_that_applies(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    first, second = data.draw(rules(vocabulary, "first")), data.draw(rules(vocabulary, "second"))
    assume(first.action == second.action)
    proved = exclusive(vocabulary, first, second)
    assert proved == exclusive(vocabulary, second, first)
    assert exclusive(vocabulary, first, first) == impossible(vocabulary, first)


def _arguments(state: State, one: ActionRule) -> list[tuple[str, ...]]:
    types = state.universe.vocabulary.action(one.action).types
    choices = [state.universe.objects(type_)[:2] for type_ in types]
    return [tuple(args) for args in zip(*choices, strict=False)] if types else [()]
