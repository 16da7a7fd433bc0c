"""Rules are judged by what happened: bad ones are refused with the case that speaks against them, good ones stay."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.world_model.corrupting import corruptions
from tests.world_model.strategies import Draw, rules, states, vocabularies
from tests.world_model.walks import law, laws, walks
from worldwright.envs.minigrid.vocabulary import DIRECTIONS
from worldwright.envs.minigrid.vocabulary import VOCABULARY as MINIGRID
from worldwright.world_model import judging
from worldwright.world_model.errors import VocabularyProblem
from worldwright.world_model.judging import WELL_SUPPORTED, Judge, Verdict, judge, select, upper_tail
from worldwright.world_model.language import ActionRule, Evidence
from worldwright.world_model.matching import Query
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Change, Fluent, State, Universe, Value
from worldwright.world_model.syntax import parse_rule, show_rule
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import (
    ActionSignature,
    Counter,
    Object,
    Predicate,
    Type,
    Vocabulary,
)


@cache
def walked() -> tuple[Transition, ...]:
    return tuple(walks())


def named(name: str) -> ActionRule:
    return next(rule for rule in laws() if rule.name == name)


def ignorant(rule: ActionRule, *words: str) -> ActionRule:
    """The rule without the preconditions in which one of the words stands."""
    kept = tuple(c for c in rule.preconditions if not any(word in str(c) for word in words))
    assert len(kept) < len(rule.preconditions)
    return replace(rule, preconditions=kept)


# -- real walks ------------------------------------------------------------------------------------------


def test_the_true_laws_explain_everything() -> None:
    court = Judge(MINIGRID)
    court.extend(walked())
    verdicts = {rule.name: court.judge(rule) for rule in laws()}
    assert all(verdict.contradicted == verdict.missed == 0 for verdict in verdicts.values())
    seen = {name for name, verdict in verdicts.items() if verdict.support}
    assert seen >= {"left-turns", "forward-free", "forward-door", "pickup-key", "drop-held", "toggle-unlocks"}
    assert court.unexplained(laws()) == []
    for action in MINIGRID.actions:
        changes = sum(len(t.change()) for t in walked() if t.certain and t.action.name == action.name)
        explained = [verdicts[rule.name].covered for rule in laws() if rule.action == action.name]
        assert sum(explained) == changes
    assert {rule.name for rule in court.select(laws())} == seen


def test_a_rule_that_knows_too_little_is_refused_with_the_case() -> None:
    careless = ignorant(named("forward-free"), "nothing")
    verdict = judge(careless, MINIGRID, walked())
    bumps = [t for t in walked() if t.certain and t.action.name == "forward" and t.before == t.after]
    assert verdict.contradicted >= len(bumps) > 0
    found = verdict.first_counterexample
    assert found is not None and found.transition == bumps[0]
    assert (found.fluent, found.observed) == (("agent-at",), bumps[0].before.value(("agent-at",)))
    assert found.predicted == found.binding["?f"]
    assert f"(agent-at) was to be {found.predicted}, is {found.observed}" in str(found)
    assert select([careless], MINIGRID, walked()) == ()
    assert [r.name for r in select([careless, named("forward-free")], MINIGRID, walked())] == ["forward-free"]


def test_of_several_that_say_the_same_the_plainest_is_kept() -> None:
    turn = named("left-turns")
    wordy = replace(turn, name="a-wordy", preconditions=(*turn.preconditions, named("drop-held").preconditions[-1]))
    twin = replace(turn, name="left-twin", evidence=Evidence(9, 9, "llm", 77))
    partial = law(
        "left-turns-north",
        "?d - direction",
        "(facing ?d) (counterclockwise ?d north)",
        "((1 (and (not (facing ?d)) (facing north))))",
    )
    for candidates in ([wordy, turn, partial, twin], [twin, partial, wordy, turn]):
        assert [rule.name for rule in select(candidates, MINIGRID, walked())] == ["left-turns"]
    (kept,) = select([twin, partial], MINIGRID, walked())
    lefts = sum(t.certain and t.action.name == "left" for t in walked())
    assert kept.evidence == Evidence(lefts, 0, "llm", 77), "author and time stay, the counts are new"
    assert kept.law() == twin.law()


def test_what_was_judged_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    plain = Query.bindings

    def counting(*args, **options):
        nonlocal asked
        asked += 1
        return plain(*args, **options)

    monkeypatch.setattr(Query, "bindings", counting)
    court = Judge(MINIGRID)
    fresh: list[tuple[ActionRule, ...]] = []
    stages = [walked()[:300], walked()[300:301], walked()[301:900], walked()[900:]]
    for number in range(len(stages)):
        court.extend(stages[number])
        before = asked
        kept = court.select(laws(), noise=0.01)
        certain = [t for t in stages[number] if t.certain]
        assert asked - before <= sum(r.action == t.action.name for r in laws() for t in certain)
        before = asked
        assert court.select(laws(), noise=0.01) == kept and asked == before
        shown = [t for stage in stages[: number + 1] for t in stage]
        fresh.append(select(laws(), MINIGRID, shown, noise=0.01))
        assert kept == fresh[-1]
        assert [court.judge(rule) for rule in laws()] == [judge(rule, MINIGRID, shown) for rule in laws()]


def test_few_replays_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0
    plain = Query.__init__

    def counting(*args, **options):
        nonlocal made
        made += 1
        plain(*args, **options)

    monkeypatch.setattr(Query, "__init__", counting)
    monkeypatch.setattr(judging, "MAX_REMEMBERED", 2)
    first, second, third = laws()[:3]
    court = Judge(MINIGRID)
    court.extend(walked())
    for rule, expected in ((first, 1), (second, 2), (first, 2), (third, 3), (first, 3), (second, 4)):
        assert court.judge(rule).contradicted == 0
        assert made == expected


def test_only_certain_transitions_of_known_actions_are_evidence() -> None:
    unsure = [replace(transition, certain=False) for transition in walked()]
    assert judge(named("left-turns"), MINIGRID, unsure) == Verdict(outcomes=(0,))
    with pytest.raises(VocabularyProblem, match="unknown action 'fly'"):
        Judge(MINIGRID).add(replace(walked()[0], action=Action("fly")))
    with pytest.raises(VocabularyProblem, match="unknown action 'fly'"):
        judge(replace(named("left-turns"), action="fly"), MINIGRID, [])


def test_what_was_out_of_view_says_nothing() -> None:
    blind = [replace(t, observed=frozenset()) for t in walked() if t.action.name in ("toggle", "pickup")]
    toggle = judge(named("toggle-closed"), MINIGRID, blind)
    assert (toggle.support, toggle.contradicted, toggle.covered) == (0, 0, 0) and toggle.unseen > 0
    wrong = law(
        "toggle-locks",
        "?a - cell ?d - direction ?f - cell ?x - thing",
        "(agent-at ?a) (facing ?d) (next ?d ?a ?f) (on ?f ?x) (state ?x closed)",
        "((1 (and (not (state ?x closed)) (state ?x locked))))",
    )
    assert judge(wrong, MINIGRID, blind).contradicted == 0 < judge(wrong, MINIGRID, walked()).contradicted
    # What is in the hand needs no view: the part of the effect that was seen decides.
    pickup = judge(named("pickup-key"), MINIGRID, blind)
    assert pickup.support == pickup.covered > 0 == pickup.unseen


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.3])
def test_what_is_hopeless_is_not_replayed_to_its_end_and_nothing_else_comes_of_it(noise: float) -> None:
    wrong = list(itertools.islice(corruptions(laws(), MINIGRID, random.Random(5)), 150))
    candidates = [*laws(), *wrong]
    hasty, patient = Judge(MINIGRID), Judge(MINIGRID)
    for stage in (walked()[:200], walked()[200:700], walked()[700:]):
        hasty.extend(stage)
        patient.extend(stage)
        verdicts = [patient.judge(rule) for rule in candidates]
        assert hasty.select(candidates, noise) == patient.select(candidates, noise)
    assert [hasty.judge(rule) for rule in candidates] == verdicts


def plainly(rule: ActionRule, transitions: Sequence[Transition]) -> int:
    """In how many sure transitions a rule applies."""
    query = Query(MINIGRID, rule.parameters, rule.preconditions)
    mine = (t for t in transitions if t.certain and t.action.name == rule.action)
    return sum(query.holds(t.before) for t in mine)


def test_rules_are_replayed_wherever_they_apply() -> None:
    court = Judge(MINIGRID)
    court.extend(walked())
    for rule in itertools.islice(corruptions(laws(), MINIGRID, random.Random(6)), 150):
        verdict = court.judge(rule)
        if not verdict.too_broad:
            applied = verdict.support + verdict.contradicted + verdict.unseen
            assert applied == plainly(rule, walked()), show_rule(rule)


# -- noise and poison ------------------------------------------------------------------------------------


def poisoned(transition: Transition) -> Transition:
    """The same step to another direction than the one that was turned to."""
    directions = {transition.before.value(("facing",)), transition.after.value(("facing",))}
    other = next(name for name in DIRECTIONS if name not in directions)
    after = transition.after.with_change({("facing",): other})
    return replace(transition, after=after, episode=99, source="stranger")


@pytest.mark.parametrize("name", ["left-turns", "right-turns"])
def test_one_bad_record_does_not_unseat_a_law(name: str) -> None:
    rule = named(name)
    mine = [t for t in walked() if t.certain and t.action.name == rule.action]
    for size in (WELL_SUPPORTED, WELL_SUPPORTED + 1, 20, len(mine)):
        for bad in (poisoned(mine[0]), poisoned(mine[-1])):
            court = Judge(MINIGRID)
            court.add(bad)
            court.extend(mine[:size])
            (kept,) = court.select([rule])
            assert (kept.evidence.support, kept.evidence.contradicted) == (size, 1)
            found = court.judge(rule).first_counterexample
            assert found is not None and found.transition.source == "stranger"
    assert not Judge(MINIGRID).stands(rule), "nothing speaks for it"
    assert select([rule], MINIGRID, [poisoned(mine[0])]) == ()


def test_so_many_contradictions_as_noise_makes_are_borne() -> None:
    rule = named("left-turns")
    chance = random.Random(0)
    mine = [t for t in walked() if t.certain and t.action.name == "left"]
    noisy = [poisoned(t) if chance.random() < 0.1 else t for t in mine]
    verdict = judge(rule, MINIGRID, noisy)
    assert verdict.support + verdict.contradicted == len(mine) and verdict.contradicted > 5
    assert select([rule], MINIGRID, noisy, noise=0.1) == select([rule], MINIGRID, noisy, noise={"left": 0.1}) != ()
    for noise in (0.0, 0.01, {"right": 0.1}):
        assert select([rule], MINIGRID, noisy, noise=noise) == ()


# -- chance ----------------------------------------------------------------------------------------------

COINS = Vocabulary(
    "coins",
    (Type("coin"), Type("side")),
    (
        Predicate("shows", ("coin", "side"), functional=True),
        Predicate("hot", ("coin",)),
        Predicate("round", ("coin",)),
        Predicate("worn", ("coin",)),
        Predicate("under", ("coin", "coin"), functional=True, injective=True),
    ),
    (ActionSignature("flip", ("coin",)), ActionSignature("shake")),
    (Object("heads", "side"), Object("tails", "side")),
    (Counter("flips", (), 0, 3),),
)


def coins(text: str) -> ActionRule:
    return parse_rule(COINS, text)


def flips(results: Sequence[str], *marks: str) -> list[Transition]:
    """Flips of a coin that shows heads before, each with what it showed after."""
    universe = Universe(COINS)
    universe.add_object("c1", "coin")
    marked: dict[Fluent, Value] = {(mark, "c1"): True for mark in marks}
    before = State({("shows", "c1"): "heads", **marked}, universe)
    seen = frozenset({"c1"})
    return [
        Transition(before, Action("flip", ("c1",)), before.with_change({("shows", "c1"): result}), seen, step=step)
        for step, result in enumerate(results)
    ]


def fair(p: float, name: str = "fair", more: str = "") -> ActionRule:
    return coins(
        f"(:rule {name} :action flip :parameters (?c - coin) :precondition (and (shows ?c heads) {more}) :outcomes"
        f" (({p} (and (not (shows ?c heads)) (shows ?c tails))) ({1 - p:.6g} (and))))"
    )


def sure(mark: str) -> ActionRule:
    return replace(coins(show_rule(fair(1, mark, f"({mark} ?c)")).replace("(0 (and))", "")), name=mark)


SURE = sure("hot")


def test_each_outcome_is_counted() -> None:
    seen = flips(["tails"] * 7 + ["heads"] * 3)
    verdict = judge(fair(0.7), COINS, seen)
    assert verdict == Verdict(support=10, missed=3, covered=7, outcomes=(7, 3))
    assert select([fair(0.7)], COINS, seen)[0].evidence.support == 10
    never = coins(show_rule(fair(0.7)).replace("0.7", "1").replace("0.3", "0"))
    verdict = judge(never, COINS, seen)
    assert (verdict.support, verdict.contradicted, verdict.outcomes) == (7, 3, (7, 0)), "what has no chance is none"


def test_outcomes_that_look_alike_are_not_told_apart() -> None:
    blind = [replace(t, observed=frozenset()) for t in flips(["tails", "heads"])]
    assert judge(fair(0.5), COINS, blind) == Verdict(unseen=2, outcomes=(0, 0))
    alike = coins(
        "(:rule alike :action flip :parameters (?c - coin) :precondition (and) :outcomes"
        " ((0.5 (and (hot ?c))) (0.5 (and (hot ?c) (increase (flips) 1)))))"
    )
    hot = [replace(t, after=t.after.with_change({("hot", "c1"): True})) for t in flips(["heads"])]
    full = [
        replace(t, before=t.before.with_change({("flips",): 3}), after=t.after.with_change({("flips",): 3}))
        for t in hot
    ]
    assert judge(alike, COINS, hot).outcomes == (1, 0)
    assert judge(alike, COINS, full).outcomes == (0, 0), "a counter at its bound shows no increase"


def test_a_stated_chance_may_be_off_but_not_upside_down() -> None:
    seen = flips(["tails"] * 6 + ["heads"] * 44)
    assert select([fair(0.2), fair(0.05, "rare")], COINS, seen) != ()
    assert select([fair(0.99)], COINS, seen) == (), "what it holds for nearly sure mostly fails"
    assert select([fair(0.8)], COINS, flips(["tails"] * 30 + ["heads"] * 20)) != ()


def test_chance_is_the_last_resort() -> None:
    lawful = flips(["tails"] * 12, "hot") + flips(["heads"] * 12)
    vague = [fair(0.6), fair(0.4, "vaguer")]
    assert [rule.name for rule in select([*vague, SURE], COINS, lawful)] == ["hot"]
    assert [rule.name for rule in select(vague, COINS, lawful)] == ["fair"]
    odd = [*lawful, *flips(["tails"])]
    assert [rule.name for rule in select([*vague, SURE], COINS, odd)] == ["hot"], "one exception is no law of chance"
    mixed = [*lawful, *flips(["tails"] * 20)]
    assert [rule.name for rule in select([*vague, SURE], COINS, mixed)] == ["hot", "fair"]


def test_what_later_rules_make_idle_is_left_out() -> None:
    seen = flips(["tails"] * 2, "hot", "round") + flips(["tails"] * 2, "hot", "worn")
    seen += flips(["tails"], "round") + flips(["tails"], "worn")
    marks = ("hot", "round", "worn")
    assert [judge(sure(mark), COINS, seen).covered for mark in marks] == [4, 3, 3]
    assert [rule.name for rule in select(map(sure, marks), COINS, seen)] == ["round", "worn"]


# -- several bindings, counters, arguments ---------------------------------------------------------------


def shake(before: Change, after: Change, names: str = "abc") -> Transition:
    universe = Universe(COINS)
    for name in names:
        universe.add_object(name, "coin")
    state = State({f: v for f, v in before.items() if v is not None}, universe)
    return Transition(state, Action("shake"), state.with_change(after), frozenset(names))


TURN_ALL = coins(
    "(:rule turn-all :action shake :parameters (?c - coin) :precondition (and (shows ?c heads)) :outcomes"
    " ((1 (and (not (shows ?c heads)) (shows ?c tails)))))"
)


def test_a_rule_that_speaks_of_many_must_be_right_of_all() -> None:
    before: Change = {("shows", name): "heads" for name in "abc"}
    all_turned = shake(before, {("shows", name): "tails" for name in "abc"})
    two_turned = shake(before, {("shows", name): "tails" for name in "ac"})
    assert judge(TURN_ALL, COINS, [all_turned]) == Verdict(support=1, covered=3, outcomes=(3,))
    verdict = judge(TURN_ALL, COINS, [all_turned, two_turned])
    assert (verdict.support, verdict.contradicted, verdict.missed, verdict.covered) == (1, 1, 1, 5)
    found = verdict.first_counterexample
    assert found is not None and found.binding == {"?c": "b"}
    assert (found.fluent, found.predicted, found.observed) == (("shows", "b"), "tails", "heads")
    half_seen = replace(two_turned, observed=frozenset("a"))
    assert judge(TURN_ALL, COINS, [half_seen]) == Verdict(support=1, covered=1, outcomes=(1,))
    halves = coins(show_rule(TURN_ALL).replace("((1 ", "((0.6 ").replace("tails))))", "tails))) (0.4 (and)))"))
    verdict = judge(halves, COINS, [all_turned, two_turned])
    assert (verdict.support, verdict.contradicted, verdict.missed) == (2, 0, 1) and verdict.outcomes == (5, 1)


def test_what_one_binding_takes_another_may_give() -> None:
    # Each coin passes what lies under it on: the model lets the value given outlast the one taken.
    pass_on = coins(
        "(:rule pass-on :action shake :parameters (?a - coin ?b - coin ?x - coin) :precondition (and (under ?a ?b)"
        " (under ?b ?x)) :outcomes ((1 (and (not (under ?a ?b)) (not (under ?b ?x)) (under ?a ?x)))))"
    )
    before: Change = {("under", "a"): "b", ("under", "b"): "c", ("under", "c"): "d"}
    start = shake(before, {}, "abcd").before
    predicted = WorldModel(COINS, (pass_on,)).predict(start, Action("shake")).state
    seen = Transition(start, Action("shake"), predicted, frozenset("abcd"))
    assert predicted.value(("under", "b")) == "d"
    verdict = judge(pass_on, COINS, [seen])
    assert (verdict.support, verdict.contradicted, verdict.unexplained) == (1, 0, 0)


def test_counters_without_a_number_stand_at_nought() -> None:
    count = coins(
        "(:rule count :action shake :parameters () :precondition (and) :outcomes ((1 (and (increase (flips) 1)))))"
    )
    reset = coins(
        "(:rule reset :action shake :parameters () :precondition (and) :outcomes ((1 (and (assign (flips) 0)))))"
    )
    assert judge(count, COINS, [shake({}, {("flips",): 1})]).support == 1
    assert judge(count, COINS, [shake({("flips",): 3}, {})]).support == 1
    assert judge(reset, COINS, [shake({}, {}), shake({("flips",): 2}, {("flips",): None})]).support == 2


def test_too_broad_a_rule_is_put_aside() -> None:
    names = "".join(chr(ord("a") + index) for index in range(12))
    before: Change = {("shows", name): "heads" for name in names}
    seen = shake(before, {("shows", name): "tails" for name in names}, names)
    parameters = " ".join(f"?x{index}" for index in range(3))
    broad = coins(
        f"(:rule broad :action shake :parameters (?c {parameters} - coin) :precondition (and (shows ?c heads))"
        " :outcomes ((1 (and (not (shows ?c heads)) (shows ?c tails)))))"
    )
    endless = coins(
        show_rule(broad)
        .replace("(?c", "(?y0 ?y1 ?y2 ?y3 ?y4 ?y5 - coin ?c")
        .replace("(and (shows ?c heads))", "(and (shows ?c heads) (hot ?y0) (not (hot ?y0)))", 1)
        .replace("(hot ?y0) (not", "(not (= ?y5 ?y5)) (not")
    )
    for rule in (broad, endless):
        court = Judge(COINS)
        court.extend([seen, seen])
        assert court.judge(rule).too_broad and not court.stands(rule)
        assert [kept.name for kept in court.select([rule, TURN_ALL])] == ["turn-all"]


# -- any rules and any transitions -----------------------------------------------------------------------


@st.composite
def trials(draw: Draw, most: int = 3) -> tuple[Vocabulary, list[ActionRule], list[Transition]]:
    """Rules, and transitions that one of them, another or none brought about."""
    vocabulary = draw(vocabularies())
    found = [draw(rules(vocabulary, f"rule{index}")) for index in range(draw(st.integers(1, most)))]
    transitions: list[Transition] = []
    for step in range(draw(st.integers(1, 6))):
        before = draw(states(vocabulary))
        rule = draw(st.sampled_from(found))
        choices = [before.universe.objects(type_) for type_ in vocabulary.action(rule.action).types]
        if not all(choices):
            continue
        action = Action(rule.action, tuple(draw(st.sampled_from(names)) for names in choices))
        model = WorldModel(vocabulary, (rule,) if draw(st.booleans()) else ())
        after = model.sample(before, action, random.Random(draw(st.integers(0, 9)))).state
        seen = list(before.universe.types)
        observed = draw(st.sampled_from([frozenset(seen), frozenset(seen[::2]), frozenset()]))
        transitions.append(Transition(before, action, after, observed, draw(st.booleans()) or step < 3, step=step))
    return vocabulary, found, transitions


@given(trials(most=1))
def test_what_a_rule_brings_about_supports_it(drawn) -> None:
    vocabulary, (rule,), transitions = drawn
    model = WorldModel(vocabulary, (rule,))
    for transition in transitions:
        firings = list(model.firings(transition.before, transition.action))
        made = replace(transition, after=model.predict(transition.before, transition.action).state, certain=True)
        verdict = judge(rule, vocabulary, [made])
        fired = verdict.support + verdict.contradicted + verdict.unseen
        assert fired == (1 if firings else 0)
        if len(firings) == 1:
            assert verdict.contradicted == 0 == verdict.missed
            assert verdict.covered == len(made.change()) and verdict.unexplained == 0


@given(trials(most=1))
def test_a_verdict_adds_up(drawn) -> None:
    vocabulary, (rule,), transitions = drawn
    verdict = judge(rule, vocabulary, transitions)
    alone = [judge(rule, vocabulary, [transition]) for transition in transitions]
    for count in ("support", "contradicted", "unseen", "missed", "covered", "unexplained"):
        assert getattr(verdict, count) == sum(getattr(one, count) for one in alone)
    assert verdict.missed >= verdict.contradicted
    found = [one.first_counterexample for one in alone if one.first_counterexample]
    assert verdict.first_counterexample == (found[0] if found else None)
    assert bool(found) == bool(verdict.contradicted)
    for example in found:
        after = example.transition.after.value(example.fluent)
        assert example.transition.is_observed(example.fluent)
        assert example.observed == after != example.predicted


@settings(max_examples=200)
@given(trials(), st.randoms(use_true_random=False))
def test_what_is_kept_explains_as_much_and_nothing_is_idle(drawn, order) -> None:
    vocabulary, found, transitions = drawn
    court = Judge(vocabulary)
    court.extend(transitions)
    kept = court.select(found)
    assert all(court.stands(rule) for rule in kept)
    sure = [rule for rule in found if court.stands(rule) and court.judge(rule).missed == 0]
    assert court.unexplained([*kept, *sure]) == court.unexplained(kept)
    if all(court.judge(rule).missed == 0 for rule in kept):
        for rule in kept:
            others = [other for other in kept if other is not rule]
            assert court.unexplained(others) != court.unexplained(kept)
    shuffled = list(found)
    order.shuffle(shuffled)
    assert court.select(shuffled) == kept == select(shuffled, vocabulary, transitions)


@given(st.integers(0, 60), st.integers(0, 60), st.fractions(0, 1, max_denominator=50))
def test_the_tail_is_the_binomial_one(least: int, trials: int, p: Fraction) -> None:
    exact = sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(least, trials + 1))
    assert upper_tail(least, trials, float(p)) == pytest.approx(float(exact), abs=1e-9)


def test_the_tail_of_very_many_trials() -> None:
    assert upper_tail(1, 10**6, 0.5) == pytest.approx(1)
    assert upper_tail(10**6, 10**6, 0.5) == 0
    assert upper_tail(500_000, 10**6, 0.5) == pytest.approx(0.5, abs=1e-2)
