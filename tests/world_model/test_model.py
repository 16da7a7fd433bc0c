"""What a model predicts, samples and explains."""

import random
from collections import Counter as Tally

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.world_model import reference
from tests.world_model.strategies import models, states, vocabularies
from worldwright.world_model.effects import counted
from worldwright.world_model.errors import VocabularyProblem
from worldwright.world_model.language import CounterChange, LiftedAtom, Literal, Outcome
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.model_file import vocabulary_of
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import Fluent, State, Universe, Value
from worldwright.world_model.syntax import parse_rule

FARM = vocabulary_of(
    parse_one("""(:vocabulary farm
      (:types (place object) (animal object) (sheep animal) (dog animal) (mood object nominal))
      (:constants (calm mood) (afraid mood) (barn place))
      (:predicates (at animal place :functional) (mood-of animal mood :functional) (hungry animal) (night))
      (:counters (wool 0 5) (grass place 0 9) (debt -3 0))
      (:actions (bark) (shear sheep)))""")
)


def rule(text: str, name: str = "r"):
    return parse_rule(FARM, f"(:rule {name} {text})")


def model(*texts: str) -> WorldModel:
    return WorldModel(FARM, tuple(rule(text, f"r{i}") for i, text in enumerate(texts)))


def farm(**values: Value) -> State:
    """Two sheep and a dog; `farm(hungry__dolly=True, mood_of__rex="calm")`."""
    universe = Universe(FARM)
    for name, type_ in (("dolly", "sheep"), ("molly", "sheep"), ("rex", "dog"), ("field", "place")):
        universe.add_object(name, type_)
    fluents = {tuple(key.replace("_of", "-of").split("__")): value for key, value in values.items()}
    return State(fluents, universe)


def after(one: WorldModel, state: State, action: str, *args: str) -> dict[Fluent, Value]:
    return dict(one.predict(state, Action(action, args)).state.values)


MOVE = ":action bark :parameters (?s - sheep ?p - place)"


def test_nothing_changes_where_no_rule_applies() -> None:
    state = farm(night=True)
    prediction = model().predict(state, Action("bark"))
    assert prediction.state is state
    assert (prediction.change, prediction.probability, prediction.firings) == ({}, 1.0, ())


def test_deletion_comes_before_addition() -> None:
    calms = model(
        ":action shear :parameters (?s - sheep ?m - mood) :precondition (and (mood-of ?s ?m))"
        " :outcomes ((1 (and (mood-of ?s calm) (not (mood-of ?s ?m)))))"
    )
    assert after(calms, farm(mood_of__dolly="afraid"), "shear", "dolly") == {("mood-of", "dolly"): "calm"}
    assert after(calms, farm(mood_of__dolly="calm"), "shear", "dolly") == {("mood-of", "dolly"): "calm"}


def test_a_relation_added_and_deleted_through_two_names_stays_added() -> None:
    both = model(
        ":action bark :parameters (?s - sheep ?t - sheep) :precondition (and (hungry ?s) (hungry ?t))"
        " :outcomes ((1 (and (hungry ?s) (not (hungry ?t)))))"
    )
    assert after(both, farm(hungry__dolly=True), "bark") == {("hungry", "dolly"): True}


def test_a_functional_value_is_replaced_for_every_binding() -> None:
    home = model(
        f"{MOVE} :precondition (and (at ?s ?p) (not (= ?p barn))) :outcomes ((1 (and (not (at ?s ?p)) (at ?s barn))))"
    )
    state = farm(at__dolly="field", at__molly="field", at__rex="field")
    assert after(home, state, "bark") == {("at", "dolly"): "barn", ("at", "molly"): "barn", ("at", "rex"): "field"}
    assert [dict(firing.binding) for firing in home.firings(state, Action("bark"))] == [
        {"?s": "dolly", "?p": "field"},
        {"?s": "molly", "?p": "field"},
    ]


def test_a_deleted_functional_value_leaves_none() -> None:
    lost = model(f"{MOVE} :precondition (and (at ?s ?p)) :outcomes ((1 (and (not (at ?s ?p)))))")
    assert after(lost, farm(at__dolly="barn", at__rex="barn"), "bark") == {("at", "rex"): "barn"}


@pytest.mark.parametrize(
    ("effect", "before", "expected"),
    [
        ("(increase (wool) 2)", 1, 3),
        ("(increase (wool) 2)", None, 2),
        ("(increase (wool) 9)", 1, 5),
        ("(decrease (wool) 2)", 1, 0),
        ("(decrease (wool) -2)", 1, 3),
        ("(assign (wool) 4)", 1, 4),
        ("(assign (wool) 40)", 1, 5),
        ("(increase (debt) 5)", -3, 0),
        ("(decrease (debt) 5)", -3, -3),
    ],
)
def test_counters_saturate(effect: str, before: int | None, expected: int) -> None:
    name = "debt" if "debt" in effect else "wool"
    shears = model(f":action bark :parameters () :precondition (and) :outcomes ((1 (and {effect})))")
    state = farm() if before is None else farm(**{name: before})
    assert after(shears, state, "bark") == {(name,): expected}


def test_a_counter_changed_for_several_bindings_changes_once() -> None:
    shears = model(
        ":action bark :parameters (?s - sheep) :precondition (and) :outcomes ((1 (and (increase (wool) 1))))"
    )
    assert after(shears, farm(wool=1), "bark") == {("wool",): 2}


@pytest.mark.parametrize(
    ("condition", "state", "applies"),
    [
        ("(night)", {"night": True}, True),
        ("(night)", {}, False),
        ("(not (night))", {}, True),
        ("(exists (?s - sheep) (and (hungry ?s)))", {"hungry__molly": True}, True),
        ("(exists (?s - sheep) (and (hungry ?s)))", {"hungry__rex": True}, False),
        ("(not (exists (?s - sheep) (and (hungry ?s))))", {"hungry__rex": True}, True),
        (
            "(exists (?s - animal ?t - animal) (and (hungry ?s) (hungry ?t) (not (= ?s ?t))))",
            {"hungry__rex": True},
            False,
        ),
        ("(not (exists (?s - sheep) (and (not (hungry ?s)))))", {"hungry__dolly": True}, False),
        ("(not (exists (?s - sheep) (and (not (hungry ?s)))))", {"hungry__dolly": True, "hungry__molly": True}, True),
        ("(>= (wool) 2)", {"wool": 2}, True),
        ("(>= (wool) 2)", {"wool": 1}, False),
        ("(<= (wool) 0)", {}, True),
        ("(= (grass barn) 3)", {"grass__barn": 3}, True),
        ("(exists (?p - place) (and (>= (grass ?p) 3)))", {"grass__field": 4}, True),
        ("(= barn barn)", {}, True),
        ("(= barn calm)", {}, False),
        ("(not (= barn calm))", {}, True),
    ],
)
def test_conditions(condition: str, state: dict[str, Value], applies: bool) -> None:
    text = f":action bark :parameters () :precondition (and {condition}) :outcomes ((1 (and (increase (wool) 1))))"
    assert bool(model(text).predict(farm(**state), Action("bark")).firings) == applies


def test_all_rules_that_apply_happen_together() -> None:
    two = model(
        ":action bark :parameters (?s - sheep) :precondition (and (not (hungry ?s))) :outcomes ((1 (and (hungry ?s))))",
        ":action bark :parameters () :precondition (and) :outcomes ((0.75 (and (increase (wool) 1))) (0.25 (and)))",
    )
    prediction = two.predict(farm(hungry__dolly=True), Action("bark"))
    assert prediction.state.values == {("hungry", "dolly"): True, ("hungry", "molly"): True, ("wool",): 1}
    assert prediction.change == {("hungry", "molly"): True, ("wool",): 1}
    assert prediction.probability == 0.75
    assert [firing.rule.name for firing in prediction.firings] == ["r0", "r1"]


def test_the_first_rule_wins_where_two_disagree_and_addition_beats_deletion() -> None:
    calm, afraid, lose = (
        ":action shear :parameters (?s - sheep ?m - mood) :precondition (and (mood-of ?s ?m))"
        f" :outcomes ((1 (and {effects})))"
        for effects in (
            "(not (mood-of ?s ?m)) (mood-of ?s calm)",
            "(not (mood-of ?s ?m)) (mood-of ?s afraid)",
            "(not (mood-of ?s ?m))",
        )
    )
    state = farm(mood_of__dolly="afraid")
    for texts, expected in (
        ((calm, afraid), "calm"),
        ((afraid, calm), "afraid"),
        ((lose, calm), "calm"),
        ((calm, lose), "calm"),
    ):
        shears = model(*texts)
        assert after(shears, state, "shear", "dolly") == {("mood-of", "dolly"): expected}
        told = shears.foretold(state, Action("shear", ("dolly",)))
        assert state.with_change(told).value(("mood-of", "dolly")) == expected
    assert after(model(lose), state, "shear", "dolly") == {}


def test_counters_changed_by_two_rules_follow_the_first() -> None:
    up, down = (
        f":action bark :parameters () :precondition (and) :outcomes ((1 (and ({op} (wool) 1))))"
        for op in ("increase", "decrease")
    )
    assert after(model(up, down), farm(wool=2), "bark") == {("wool",): 3}
    assert after(model(down, up), farm(wool=2), "bark") == {("wool",): 1}


def test_a_rule_of_another_action_stays_out() -> None:
    shears = model(":action shear :parameters (?s - sheep) :precondition (and) :outcomes ((1 (and (hungry ?s))))")
    assert after(shears, farm(), "bark") == {}
    assert after(shears, farm(), "shear", "molly") == {("hungry", "molly"): True}
    with pytest.raises(VocabularyProblem, match="arguments"):
        shears.predict(farm(), Action("shear"))
    with pytest.raises(VocabularyProblem, match="unknown action"):
        shears.predict(farm(), Action("fly"))


@given(st.data())
def test_predictions_are_what_the_definition_says(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    drawn, state = data.draw(models(vocabulary)), data.draw(states(vocabulary))
    signature = data.draw(st.sampled_from(vocabulary.actions))
    choices = [state.universe.objects(type_) for type_ in signature.types]
    assume(all(choices))
    args = tuple(data.draw(st.sampled_from(names)) for names in choices)
    added: dict[Fluent, list[Value]] = {}  # what the first rule with an opinion would give, for each binding
    deleted: set[Fluent] = set()
    for one in drawn.rules_for(signature.name):
        given_here: dict[Fluent, list[Value]] = {}
        for binding in reference.rule_bindings(one, state, args):
            for effect in one.likeliest().effects:
                _note(effect, binding, state, given_here, deleted)
        added = given_here | added
    found = drawn.predict(state, Action(signature.name, args)).state
    for fluent in {*state.values, *added, *deleted, *found.values}:
        value = found.values.get(fluent)
        if fluent in added:
            assert value in added[fluent]
        else:
            assert value == (None if fluent in deleted else state.values.get(fluent))


def _note(effect, binding, state: State, added: dict[Fluent, list[Value]], deleted: set[Fluent]) -> None:
    """What one effect adds or deletes for one binding."""
    vocabulary = state.universe.vocabulary
    atom = effect.counter if isinstance(effect, CounterChange) else effect.atom
    args = tuple(binding.get(arg, arg) for arg in atom.args)
    if isinstance(effect, CounterChange):
        before = int(state.values.get((atom.predicate, *args), 0))
        added.setdefault((atom.predicate, *args), []).append(counted(effect, vocabulary, before))
        return
    functional = vocabulary.is_functional(atom.predicate)
    fluent, value = ((atom.predicate, *args[:-1]), args[-1]) if functional else ((atom.predicate, *args), True)
    if effect.positive:
        added.setdefault(fluent, []).append(value)
    elif state.values.get(fluent) == value:
        deleted.add(fluent)


# -- chance -----------------------------------------------------------------------------------------------

GAMBLE = ":action bark :parameters () :precondition (and) :outcomes ({})"
COIN = GAMBLE.format("(0.3 (and (night))) (0.5 (and (increase (wool) 1))) (0.2 (and))")


def test_samples_come_as_often_as_they_should_and_follow_the_seed() -> None:
    gamble, state = model(COIN), farm()

    def draw(seed: int) -> list[State]:
        rng = random.Random(seed)
        return [gamble.sample(state, Action("bark"), rng).state for _ in range(4000)]

    tally = Tally(draw(7))
    assert tally == Tally(draw(7)) and draw(7)[:50] != draw(8)[:50]
    shares = {tuple(sorted(found.values)): times / 4000 for found, times in tally.items()}
    assert shares == {
        (("night",),): pytest.approx(0.3, abs=0.03),
        (("wool",),): pytest.approx(0.5, abs=0.03),
        (): pytest.approx(0.2, abs=0.03),
    }


def test_two_rules_gamble_independently() -> None:
    found = model(COIN, GAMBLE.format("(0.5 (and (night))) (0.5 (and))")).possibilities(farm(), Action("bark"))
    chances = {tuple(sorted(p.state.values)): p.probability for p in found}
    assert chances == {
        (("night",), ("wool",)): pytest.approx(0.25),
        (("wool",),): pytest.approx(0.25),
        (("night",),): pytest.approx(0.3 + 0.1),
        (): pytest.approx(0.1),
    }
    assert [p.probability for p in found] == sorted((p.probability for p in found), reverse=True)


def test_what_has_no_chance_is_no_possibility() -> None:
    certain = model(GAMBLE.format("(0 (and (night))) (1 (and))"))
    assert [dict(p.state.values) for p in certain.possibilities(farm(), Action("bark"))] == [{}]


@given(st.data())
def test_possibilities_sum_to_one_and_hold_the_prediction_and_every_sample(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    drawn, state = data.draw(models(vocabulary, most_rules=2)), data.draw(states(vocabulary, most_objects=2))
    signature = data.draw(st.sampled_from(vocabulary.actions))
    choices = [state.universe.objects(type_) for type_ in signature.types]
    assume(all(choices))
    action = Action(signature.name, tuple(names[0] for names in choices))
    assume(len(list(drawn.firings(state, action))) <= 4)
    found = drawn.possibilities(state, action, most=3**4)
    assert sum(p.probability for p in found) == pytest.approx(1, abs=1e-4)
    states_found = [p.state for p in found]
    assert len(set(states_found)) == len(states_found)
    assert drawn.predict(state, action).state in states_found
    assert drawn.sample(state, action, random.Random(data.draw(st.integers(0, 99)))).state in states_found


def test_the_first_of_equal_outcomes_is_the_likeliest() -> None:
    night, nothing = Outcome(0.5, (Literal(LiftedAtom("night", ())),)), Outcome(0.5)
    for first, second in ((night, nothing), (nothing, night)):
        assert rule(GAMBLE.format(f"{first} {second}")).likeliest() == first


# -- explanation ------------------------------------------------------------------------------------------


def test_why_not_names_the_condition_that_fails() -> None:
    one = rule(
        ":action shear :parameters (?s - sheep ?p - place) :precondition"
        " (and (at ?s ?p) (not (night)) (>= (grass ?p) 2) (exists (?d - dog) (and (at ?d ?p))))"
        " :outcomes ((1 (and (increase (wool) 1))))"
    )
    well: dict[str, Value] = {"at__dolly": "field", "at__rex": "field", "grass__field": 3}
    shears = WorldModel(FARM, (one,))
    assert shears.why_not(farm(**well), one, ("dolly",)) is None
    for change, expected in (
        ({"night": True}, "(not (night))"),
        ({"grass__field": 1}, "(>= (grass ?p) 2)"),
        ({"at__rex": "barn"}, "(exists (?d - dog) (and (at ?d ?p)))"),
        ({"at__dolly": "barn", "at__rex": "barn"}, "(>= (grass ?p) 2)"),
    ):
        assert str(shears.why_not(farm(**(well | change)), one, ("dolly",))) == expected
    assert str(shears.why_not(farm(**well), one, ("molly",))) == "(at ?s ?p)"
    assert shears.why_not(farm(), one, ("dolly",)) is None, "nothing alone is to blame"


@given(st.data())
def test_without_what_why_not_names_the_rule_would_apply(data: st.DataObject) -> None:
    vocabulary = data.draw(vocabularies())
    drawn, state = data.draw(models(vocabulary)), data.draw(states(vocabulary))
    for one in drawn.rules:
        choices = [state.universe.objects(type_) for type_ in vocabulary.action(one.action).types]
        if all(choices):
            args = tuple(names[0] for names in choices)
            blamed = drawn.why_not(state, one, args)
            applies = bool(reference.rule_bindings(one, state, args))
            if blamed is not None:
                assert not applies
                given_args = {v.name: arg for v, arg in zip(one.parameters, args, strict=False)}
                others = [c for c in one.preconditions if c != blamed]
                assert list(reference.bindings(one.parameters, others, state, given_args))


def test_what_has_a_fair_chance_is_hoped_for_where_nothing_is_likelier() -> None:
    change = "(and (night))"
    fair, slim, sure = (
        model(f":action bark :parameters () :precondition (and) :outcomes (({chance} {change}) ({rest} (and)))")
        for chance, rest in ((0.4, 0.6), (0.1, 0.9), (0.7, 0.3))
    )
    assert fair.predict(farm(), Action("bark")).change == {}
    assert fair.hopeful.predict(farm(), Action("bark")).change == {("night",): True}
    assert slim.hopeful is slim
    assert sure.hopeful is sure
