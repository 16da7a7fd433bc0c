"""The inducer in a world whose actions take arguments: ties to the agent, names that refuse, causes that are hidden."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product

import pytest

from worldwright.world_model.induction import Inducer
from worldwright.world_model.induction.inducer import Learned
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Change, State, Universe
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import ActionSignature, Object, Predicate, Type, Vocabulary

KINDS = ("apple", "cup", "pan", "egg", "book")
MORE = ("bowl", "fork", "hat", "key", "mug", "pen", "plate", "vase")
SORTS = ("oven", "shelf", "sink")
KITCHEN = Vocabulary(
    name="kitchen",
    types=(Type("place"), Type("item"), Type("kind", nominal=True), Type("sort", nominal=True)),
    constants=(
        Object("nothing", "item"),
        *(Object(kind, "kind") for kind in (*KINDS, *MORE)),
        *(Object(sort, "sort") for sort in SORTS),
    ),
    predicates=(
        Predicate("at", ("place",), functional=True),
        Predicate("holding", ("item",), functional=True),
        Predicate("in", ("item", "place"), functional=True),
        Predicate("kind", ("item", "kind"), functional=True),
        Predicate("sort", ("place", "sort"), functional=True),
        Predicate("hot", ("item",)),
        Predicate("cold", ("item",)),
    ),
    actions=(ActionSignature("warm", ("item", "place")),),
)
Law = Callable[[State, str, str], bool]


def kitchen(kind: str, here: str, held: bool = True, cold: bool = False) -> State:
    """An item, held or lying at the place of a sort where the agent is; a place of each sort, and another item."""
    universe = Universe(KITCHEN)
    values: Change = {("at",): here, ("holding",): "x" if held else "y"}
    for sort in SORTS:
        universe.add_object(sort + "-1", "place")
        values["sort", sort + "-1"] = sort
    values["at",] = here + "-1"
    for name, its in (("x", kind), ("y", "book")):
        universe.add_object(name, "item")
        values["kind", name] = its
    values["in", "y" if held else "x"] = here + "-1"
    if cold:
        values["cold", "x"] = True
    return State({fluent: value for fluent, value in values.items() if value is not None}, universe)


def states(kinds: Iterable[str] = KINDS) -> Iterator[State]:
    for kind, here, held, cold in product(kinds, SORTS, (True, False), (True, False)):
        yield kitchen(kind, here, held, cold)


def warmed(state: State, law: Law, place: str) -> Transition:
    """What is seen when x is to be warmed in a place."""
    change: Change = {("hot", "x"): True, ("cold", "x"): None} if law(state, "x", place) else {}
    return Transition(state, Action("warm", ("x", place)), state.with_change(change), frozenset(state.universe.types))


def learn(transitions: Iterable[Transition]) -> Learned:
    inducer = Inducer(KITCHEN)
    for transition in transitions:
        inducer.add(transition)
    return inducer.learn(["warm"], at_step=1)["warm"]


def tried(law: Law, some: Iterable[State]) -> list[Transition]:
    return [warmed(state, law, sort + "-1") for state in some for sort in SORTS]


def ovens_warm(state: State, item: str, place: str) -> bool:
    held, here = state.value(("holding",)) == item, state.value(("at",)) == place
    return held and here and state.value(("sort", place)) == "oven"


def but_no_pans(state: State, item: str, place: str) -> bool:
    return ovens_warm(state, item, place) and state.value(("kind", item)) != "pan"


def conditions(rule: ActionRule) -> set[str]:
    return {str(condition) for condition in rule.preconditions}


def test_what_arguments_are_to_the_agent_is_found_and_said_of_the_arguments_themselves() -> None:
    (rule,) = learn(tried(ovens_warm, states())).rules
    assert {"(holding ?arg0)", "(at ?arg1)", "(sort ?arg1 oven)"} <= conditions(rule)
    assert {p.name for p in rule.parameters} == {"?arg0", "?arg1"}


def test_it_holds_for_kinds_never_met() -> None:
    learned = learn(tried(ovens_warm, states(["apple", "cup"])))
    model = WorldModel(KITCHEN, learned.rules)
    for state, sort in product(states(["egg"]), SORTS):
        action = Action("warm", ("x", sort + "-1"))
        after = model.predict(state, action).state
        assert (after.value(("hot", "x")) is True) == ovens_warm(state, "x", sort + "-1")


def test_what_was_so_already_is_part_of_the_one_effect() -> None:
    """That the warm is not cold shows only where it was: it is one law all the same."""
    (rule,) = learn(tried(ovens_warm, states())).rules
    (outcome,) = rule.outcomes
    assert {str(effect) for effect in outcome.effects} == {"(hot ?arg0)", "(not (cold ?arg0))"}


def test_a_name_with_which_it_never_works_is_denied() -> None:
    (rule,) = learn(tried(but_no_pans, states())).rules
    assert "(not (kind ?arg0 pan))" in conditions(rule)
    assert not any(kind in str(rule.preconditions) for kind in ("apple", "cup", "egg"))
    assert [outcome.probability for outcome in rule.outcomes] == [1]


def test_where_the_cause_is_hidden_nothing_is_taken_for_it() -> None:
    rng = random.Random(1)

    def by_luck(state: State, item: str, place: str) -> bool:
        return ovens_warm(state, item, place) and rng.random() < 0.5

    (rule,) = learn(tried(by_luck, [s for s in states() for _ in range(6)])).rules
    assert conditions(rule) <= {"(holding ?arg0)", "(at ?arg1)", "(sort ?arg1 oven)"}
    assert 0.3 < rule.outcomes[0].probability < 0.7


def test_a_single_success_leaves_open_which_of_the_names_mattered() -> None:
    """Each hypothesis explains all; to tell them apart each can be put to the test."""
    failed = [kitchen("apple", "shelf"), kitchen("apple", "sink"), kitchen("cup", "shelf")]
    seen = [warmed(state, lambda *_: False, str(state.value(("at",)))) for state in failed]
    won = kitchen("egg", "oven")
    learned = learn([*seen, warmed(won, lambda *_: True, "oven-1")])
    texts = [str(rule.preconditions) for rule in (*learned.rules, *learned.hypotheses)]
    assert any("egg" in text and "oven" not in text for text in texts)
    assert any("oven" in text and "egg" not in text for text in texts)


def test_a_constant_as_an_argument_is_a_condition_like_any_other() -> None:
    """Whoever does something with nothing, and sees something come of it, can say so."""
    state = kitchen("apple", "oven")
    action = Action("warm", ("nothing", "oven-1"))
    seen = [
        Transition(state, action, state.with_change({("hot", "x"): True}), frozenset(state.universe.types))
        for _ in range(3)
    ]
    rules = learn([*seen, *tried(lambda *_: False, states(["apple"]))]).rules
    assert rules
    assert all(any("nothing" in text for text in conditions(rule)) for rule in rules)


def test_a_denial_that_rests_on_a_few_failures_among_many_is_no_part_of_the_hypothesis() -> None:
    """About half of all cases fail for a hidden cause: that it failed with what was cold may have been bad luck."""

    def denied(failures: int) -> tuple[bool, bool]:
        """Whether the law denies that the thing is cold, and whether nothing more general is left to be tried."""
        rng = random.Random(3)
        warm, cold = kitchen("apple", "oven"), kitchen("apple", "oven", cold=True)
        seen = [warmed(warm, lambda *_: rng.random() < 0.6, "oven-1") for _ in range(60)]
        seen += [warmed(cold, lambda *_: False, "oven-1") for _ in range(failures)]
        found = learn([*seen, *tried(lambda *_: False, [kitchen("apple", here) for here in ("shelf", "sink")] * 4)])
        said = "(not (cold ?arg0))"
        return said in conditions(found.rules[0]), all(said in conditions(rule) for rule in found.hypotheses)

    assert denied(failures=6) == (True, False)
    assert denied(failures=20) == (True, True)


def test_what_works_with_one_name_may_work_with_others_the_less_likely_the_more_were_tried() -> None:
    def only_apples(state: State, item: str, place: str) -> bool:
        return ovens_warm(state, item, place) and state.value(("kind", item)) == "apple"

    def chances(kinds: Sequence[str]) -> list[float]:
        """How likely each hypothesis has it that the oven warms whatever it may be."""
        learned = learn(tried(only_apples, [state for state in states(kinds) for _ in range(3)]))
        (rule,) = learned.rules
        assert "(kind ?arg0 apple)" in conditions(rule)
        return [
            rule.outcomes[0].probability
            for rule in learned.hypotheses
            if "(sort ?arg1 oven)" in conditions(rule) and "(kind ?arg0 apple)" not in conditions(rule)
        ]

    assert chances(["apple", "cup"]) == [0.5]
    assert chances(["apple", "cup", "egg"]) == [0.4]
    assert chances(KINDS) == [pytest.approx(2 / 7, abs=1e-5)]


def test_what_works_with_either_of_two_names_among_many_is_two_laws() -> None:
    """Neither name is common to all successes; without both, all that failed for want of a name would be bad luck."""

    def some(*names: str) -> Law:
        return lambda state, item, place: ovens_warm(state, item, place) and state.value(("kind", item)) in names

    every = [state for state in states((*KINDS, *MORE)) for _ in range(3)]
    both = learn(tried(some("apple", "cup"), every)).rules
    assert [{kind for kind in (*KINDS, *MORE) if f"(kind ?arg0 {kind})" in conditions(rule)} for rule in both] == [
        {"apple"},
        {"cup"},
    ]
    assert [rule.outcomes[0].probability for rule in both] == [1, 1]
    (rule,) = learn(tried(some(*MORE), every)).rules  # where many names will do, none of them is asked for
    assert not any(f"(kind ?arg0 {kind})" in conditions(rule) for kind in MORE)


def test_a_second_name_seen_once_does_not_spoil_the_law_of_the_first() -> None:
    """What fails with all other names still does."""

    def apples(state: State, item: str, place: str) -> bool:
        return state.value(("kind", item)) == "apple"

    kinds, colds = ("apple", *MORE, "book", "pan"), (True, False)
    held = [kitchen(kind, "oven", cold=cold) for kind, cold in product(kinds, colds) for _ in range(2)]
    seen = [warmed(state, apples, "oven-1") for state in held]
    learned = learn([*seen, warmed(kitchen("egg", "oven"), lambda *_: True, "oven-1")])
    (rule,) = learned.rules
    assert "(kind ?arg0 apple)" in conditions(rule)
    assert rule.outcomes[0].probability == 1
    assert any("egg" in str(rule.preconditions) for rule in learned.hypotheses)


def test_a_condition_that_went_along_with_other_names_may_not_be_needed() -> None:
    """All that was warmed was cold, and a book that was not cold stayed as it was: that may be for being a book."""

    def tried_with(kind: str, cold: bool, works: bool) -> Transition:
        state = kitchen(kind, "oven", cold=cold)
        after = state.with_change({("hot", "x"): True}) if works else state
        return Transition(state, Action("warm", ("x", "oven-1")), after, frozenset(state.universe.types))

    def without(learned: Learned) -> list[float]:
        """How likely each hypothesis has it that things are warmed which are not cold."""
        return [
            rule.outcomes[0].probability
            for rule in learned.hypotheses
            if "(holding ?arg0)" in conditions(rule) and not any("cold" in text for text in conditions(rule))
        ]

    seen = [tried_with(kind, cold=True, works=True) for kind in ("apple", "cup", "pan", "egg", "mug")]
    seen += [tried_with("book", cold=False, works=False)] * 2
    learned = learn(seen)
    (rule,) = learned.rules
    assert "(cold ?arg0)" in conditions(rule)
    assert without(learned) == [0.5]
    assert not without(learn([*seen, tried_with("cup", cold=False, works=False)]))
