"""What to do next, and why: plan to the goal, look where nobody has looked, try what nobody has tried.

The order of preference is the whole policy. Curious (while learning), the agent first tries what is new to it; else it
first pursues the goal. A plan is kept as long as it still leads to its end in the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from worldwright.agent.completing import Completion
from worldwright.agent.events import Listener
from worldwright.agent.explorer import Target
from worldwright.agent.guarded import LIKELIER, Offer
from worldwright.agent.imagining import furnish, imagine
from worldwright.agent.intention import Intention
from worldwright.agent.memory import Memory
from worldwright.agent.mind import Mind
from worldwright.agent.novelty import NEW_CONTEXT, NEW_PAIR, NEW_TRAIT, Trial
from worldwright.agent.outlook import Outlook
from worldwright.agent.planner import Planner
from worldwright.agent.repertoire import Repertoire
from worldwright.agent.varying import Variation, confirmation, trial, variations
from worldwright.planning.lookahead import Lookahead
from worldwright.planning.monitor import Monitor, Verdict
from worldwright.planning.problem import Clock, Plan, PlanStep
from worldwright.planning.validation import reaches
from worldwright.world_model.goal import (
    GoalTracker,
    Reach,
    Wanted,
    constants_of,
    last_reaches,
    later_reaches,
    next_reaches,
    predicates_of,
)
from worldwright.world_model.language import LiftedAtom, Literal
from worldwright.world_model.model import WorldModel
from worldwright.world_model.state import Change, State, own_fluents
from worldwright.world_model.vocabulary import WON, Vocabulary

_BORED = 15  # random steps after which the curious agent leaves an episode for another
_WELL_SUPPORTED = 4  # transitions that bear a law out after which its action need not be tried with everything
_TOGETHER = 60  # situations that are planned for at once
_PROMISING = 0.01  # the chance of a surprise from which on an action is first tried with what is wanted
_TESTS = 2  # times in an episode that a proposed rule is put to the test
_OFTEN = 4  # times that the same is begun in the same situation before something else is done


class PlanningDecider(Planner):
    """Decides by planning in the learned model (policy `pddl`)."""

    def __init__(self, mind: Mind, memory: Memory, tracker: GoalTracker) -> None:
        super().__init__(mind, memory, tracker)
        self._repertoire = Repertoire(mind.perceiver.vocabulary)
        self._wanted = constants_of(tracker.goal)
        self._before: State | None = None
        self._begun: dict[tuple[object, ...], int] = {}
        self._ways: dict[Trial, Variation] = {}
        self._monitor = Monitor()
        self._own = own_fluents(mind.perceiver.vocabulary)
        self._foreseen: tuple[object, ...] = ()
        self._at_random = 0
        self._undoubted: tuple[object, ...] = ()  # what was known when there was no law to put to the test
        self._completion = Completion(tracker)
        self._offer = Offer()
        self._tests: Counter[tuple[object, ...]] = Counter()
        self._untestable: tuple[object, ...] = ()  # what was known when no proposed rule could be tested

    def decide(self, intention: Intention | None, state: State, tell: Listener, step: int) -> Intention | None:
        """Go on with the intention if it is still good, else form another."""
        self._tell, self._step = tell, step
        before, self._before = self._before, state
        if intention is not None:
            if before is not None:
                self._failures.note(intention, before, state)
            if intention.surprised:
                self._hopeless.clear()
                self._onward = ()
            intention = intention.advanced()
            if self._goes_on(intention, state):
                self._foreseen = self._foresee(intention, state)
                return intention
        found = next((f for f in self._intentions(state) if f is not None and not self._goes_round(f, state)), None)
        self._at_random += found is not None and found.purpose == "random"
        self._foreseen = self._foresee(found, state) if found is not None else ()
        learned_out = self._mind.curious and bool(self._mind.model.rules) and self._at_random > _BORED
        return None if learned_out else found

    def _goes_on(self, intention: Intention, state: State) -> bool:
        if not intention.serves():
            return False
        if not self._mind.config.monitor:
            return bool(intention.plan.steps)
        if intention.plan.steps and not intention.surprised and self._foreseen == self._situation(state, {}):
            return True  # all is as it was when the plan was last looked through, and the agent where it was to be
        verdict = self._monitor.decide(
            intention.surprised, intention.model, state, intention.plan, intention.worth, intention.trial
        )
        return verdict is Verdict.GO_ON

    def _foresee(self, intention: Intention, state: State) -> tuple[object, ...]:
        """The situation to which the next action leads if it changes nothing but the agent itself; else none."""
        if len(intention.plan) < 2:
            return ()
        change = intention.model.foretold(state, intention.next_action())
        return self._situation(state, change) if all(len(fluent) == 1 for fluent in change) else ()

    def _situation(self, state: State, change: Change) -> tuple[object, ...]:
        """What is known of the world, and how the agent is after a change."""
        return self._known(state), *(change[f] if f in change else state.value(f) for f in self._own)

    def _goes_round(self, intention: Intention, state: State) -> bool:
        """Whether the same was begun in the same situation time and again: what is believed must be wrong there."""
        if intention.purpose == "random":
            return False
        own = tuple(map(state.value, self._own))
        key = (intention.purpose, intention.next_action(), intention.plan.actions[-1], own)
        self._begun[key] = self._begun.get(key, 0) + 1
        return self._begun[key] > _OFTEN

    def _intentions(self, state: State) -> Iterator[Intention | None]:
        """The ways to go on, best first; each is looked for only when those before it were not found."""
        laws = self._mind.model.hopeful
        if self._mind.curious:
            yield self._test(laws, state)
            yield self._novelty(state)
            yield self._doubtful(laws, state)
            yield self._frontier(laws, state)
            yield self._trials(laws, state)
            yield self._novelty(state, NEW_TRAIT)
            yield from self._experiments(state)
            yield self._goal(laws, state)
            yield self._far_frontier(laws, state)
            yield self._novelty(state, NEW_PAIR)
        else:
            yield self._goal(laws, state)
            hoping = self._memory.containment is not None  # what is not seen is hoped for: it is laws that are lacking
            if hoping:
                yield from self._experiments(state)
            if later := self._later(state):
                yield self._frontier(laws, state, later)
            yield self._frontier(laws, state)
            if not hoping:
                yield from self._experiments(state)
            yield self._far_frontier(laws, state)
            yield self._doubted(laws, state)
            yield self._novelty(state)
        yield self._random(state)

    # -- the goal -----------------------------------------------------------------------------------------------------

    def _goal(self, model: WorldModel, state: State, purpose: str = "goal") -> Intention | None:
        remaining = self._tracker.remaining
        if remaining is None:
            return self._win(model, state)
        return self._reach(tuple(next_reaches(remaining)), model, state, purpose)

    def _reach(self, goals: tuple[Reach, ...], model: WorldModel, state: State, purpose: str) -> Intention | None:
        """A plan to one of some goals, hoping for what was not seen yet; or to look where that may be."""
        found = self._plan(purpose, model, self._hoping(state, goals), goals)
        if found is None or all(name in state.universe.types for name in found.next_action().args):
            return found
        unseen = self._memory.unseen_places()  # one cannot take what is but hoped for
        there = [place for place in unseen if place in found.next_action().args]
        return self._look_into(there, model, state) or self._look_into(unseen, model, state)

    def _hoping(self, state: State, goals: tuple[Reach, ...]) -> State:
        """The state with what places are likely like, and what the goals need where it is likeliest found soonest."""
        words, places, model = self._memory.containment, self._memory.unseen_places(), self._mind.model
        if words is None:
            return state
        furnished = furnish(state, words, [p for p in places if p not in self._memory.visited], model)
        return imagine(furnished, goals, words, places, model.expectations) or furnished

    def _win(self, model: WorldModel, state: State) -> Intention | None:
        """The goal holds, but the episode goes on.

        Do what the laws say wins; else make true what was so before its turn; else do what the laws say does no harm,
        for the world may wait for a word; else reach the goal with other things, for the ones taken may not be those
        that were meant; else reach it anew, for it may have been reached too early.
        """
        won = Reach((), (Literal(LiftedAtom(WON, ())),))
        left = self._failures.not_refuted(model.rules)
        laws = model if left == model.rules else replace(model, rules=left)
        return (
            self._plan("win", laws, state, (won,))
            or self._made(model, state)
            or self._harmless(model, state)
            or self._others(model, state)
            or self._anew(model, state)
        )

    def _made(self, model: WorldModel, state: State) -> Intention | None:
        """Make true what was only found true when its turn came: to open may mean to have been opened then."""
        for reach in self._tracker.found:
            holds = self._tracker.query(reach).holds(state)
            goals = self._completion.undone(self._mind.model, state, [reach]) if holds else (reach,)
            found = self._plan("win", model, state, goals) if goals else None
            if found is not None:
                return found
        return None

    def _others(self, model: WorldModel, state: State) -> Intention | None:
        """Reach the goal with things that it was not reached with before."""
        goals = self._completion.otherwise(model, state)
        return self._plan("goal", model, state, goals) if goals else None

    def _anew(self, model: WorldModel, state: State) -> Intention | None:
        """Undo the goal, or if it is undone reach it again."""
        undone = self._completion.undone(self._mind.model, state)
        if undone:
            return self._plan("win", model, state, undone)
        return self._plan("goal", model, state, tuple(last_reaches(self._tracker.goal)))

    def _harmless(self, model: WorldModel, state: State) -> Intention | None:
        """Something not yet done here that, by the laws, changes nothing: the world may wait for a word."""
        times = self._mind.explorer.novelty.times(state)
        for action in self._repertoire.actions(state, state.universe):
            if not times(action) and not model.foretold(state, action):
                return Intention("win", Plan((PlanStep(action),)), model, lambda end: True, trial=True)
        return None

    def _experiments(self, state: State) -> Iterator[Intention | None]:
        """Plans that work only if a hypothesis does."""
        if self._no_plan and self._tracker.remaining is not None:
            self._mind.ask_for_missing(self._tracker.remaining, state)
        laws = self._mind.model
        if self._mind.config.experiments and laws.hypotheses:
            yield self._goal(self._optimist(laws).hopeful, state, "experiment")

    def _optimist(self, model: WorldModel) -> WorldModel:
        """The laws with the hypotheses that did not fail more often in this episode than by their chances.

        Who learns keeps them all: what is refuted is for the author of the rules to say.
        """
        if self._mind.learner is not None:
            return model.optimist()
        left = self._failures.not_refuted(model.hypotheses)
        return (model if left == model.hypotheses else replace(model, hypotheses=left)).optimist()

    def _test(self, laws: WorldModel, state: State) -> Intention | None:
        """A plan to where a proposed rule foretells something, and to see there whether it comes about."""
        proposed = self._mind.learner.to_test() if self._mind.learner is not None else ()
        rules = [rule for rule in proposed if self._tests[rule.law()] < _TESTS][:_TOGETHER]
        key = (laws.rules, tuple(rule.name for rule in rules), len(state.universe.types))
        if not rules or key == self._untestable:
            return None
        ways = [confirmation(rule, laws.vocabulary) for rule in rules]
        found = self._vary("experiment", laws, state, ways, anew=True)
        if found is not None:
            tested = found.plan.steps[-1].rules
            self._tests.update(rule.law() for rule in rules if rule.name in tested)
            return found
        self._untestable = key
        return None

    # -- exploration --------------------------------------------------------------------------------------------------

    def _novelty(self, state: State, finest: int = NEW_CONTEXT) -> Intention | None:
        nothing_finer = finest > NEW_CONTEXT and not self._repertoire.takes_arguments
        if self._mind.config.explorer == "random" or nothing_finer:
            return None
        with Clock() as clock:
            target = self._mind.explorer.untried(
                self._mind.model,
                state,
                self._repertoire,
                finest,
                self._wanted,
                self._failures.barred(),
                trusting=self._mind.learner is None,
            )
        return self._explore("novelty", target, self._mind.model, clock.seconds, trial=True)

    def _doubtful(self, laws: WorldModel, state: State) -> Intention | None:
        """A plan to see an effect again that was seen only a few times, with something else about it."""
        if self._mind.config.explorer == "random" or not self._repertoire.takes_arguments:
            return None
        key = (self._mind.model.rules, self._mind.model.hypotheses, len(state.universe.types))
        if key == self._undoubted:
            return None
        for variation in variations(self._mind.model, self._mind.explorer.novelty.done):
            if not self._is_due(variation.situation):
                continue
            found = self._vary("experiment", laws, state, [variation])
            if found is not None:
                return found
        self._undoubted = key
        return None

    def _doubted(self, laws: WorldModel, state: State) -> Intention | None:
        """A plan to where a law foretells what it foretold wrongly before: each box may have something in it."""
        rules = self._mind.explorer.doubted(laws.rules)
        ways = [confirmation(rule, laws.vocabulary) for rule in rules]
        return self._vary("novelty", laws, state, ways, anew=True) if ways else None

    def _vary(
        self, purpose: str, laws: WorldModel, state: State, ways: list[Variation], anew: bool = False
    ) -> Intention | None:
        """The shortest way to one of some situations, and to do there what is to be done.

        Args:
            anew: also what was done with such things in such a context before.
        """
        goals = tuple(variation.situation for variation in ways)
        here = any(variation.action(laws.vocabulary, state) for variation in ways)
        found = None if here or not goals else self._plan(purpose, laws, state, goals, *goals)
        before = found.plan if found else Plan()
        end = _end(laws, state, before)
        for variation in ways if here or found else ():
            action = variation.action(laws.vocabulary, end)
            if action is not None and (anew or variation.anew or self._mind.explorer.is_new(action, end)):
                plan = Plan((*before.steps, PlanStep(action, (variation.rule,) if variation.rule else ())))
                there = variation.situation
                worth = reaches(Wanted(laws.vocabulary, (there,)))
                return Intention(purpose, plan, laws, worth, trial=True, goal=there)
        for variation in ways:
            self._let_be(variation.situation)
        return None

    def _trials(self, laws: WorldModel, state: State) -> Intention | None:
        """What was not tried yet with actions that no law explains, where all is as close as it can be."""
        if self._mind.config.explorer == "random" or not self._repertoire.takes_arguments:
            return None
        vocabulary = laws.vocabulary
        unknown = [name for name in self._mind.explorer.novelty.with_arguments() if not self._is_explained(name)]
        by_action = [self._untried(name, state) for name in unknown]
        for group in zip_longest(*by_action, fillvalue=[]):
            trials = [self._trial(todo, vocabulary) for todos in group for todo in todos]
            ways = [way for way in trials if self._is_due(way.situation)]
            for some in (ways[start : start + _TOGETHER] for start in range(0, len(ways), _TOGETHER)):
                found = self._vary("novelty", laws, state, some)
                if found is not None:
                    return found
        return None

    def _untried(self, action: str, state: State) -> list[list[Trial]]:
        """What an action was not tried with: what is wanted first, or last if the action hardly ever surprises."""
        novelty = self._mind.explorer.novelty
        wanted, *others = novelty.untried(action, state, self._wanted)
        return [wanted, *others] if novelty.promise(action) >= _PROMISING else [*others, wanted]

    def _trial(self, todo: Trial, vocabulary: Vocabulary) -> Variation:
        """The situation in which something can be tried; to write it costs more than to keep it."""
        if todo not in self._ways:
            self._ways[todo] = trial(todo, vocabulary)
        return self._ways[todo]

    def _is_explained(self, action: str) -> bool:
        return any(rule.evidence.support >= _WELL_SUPPORTED for rule in self._mind.model.rules_for(action))

    def _later(self, state: State) -> tuple[Reach, ...]:
        """What is to be reached only after something else, and is not so yet."""
        later = later_reaches(self._tracker.remaining) if self._tracker.remaining is not None else []
        return tuple(reach for reach in later if not self._tracker.query(reach).holds(state))

    def _frontier(self, model: WorldModel, state: State, shunned: Sequence[Reach] = ()) -> Intention | None:
        if self._mind.config.explorer == "random":
            return None
        places = self._memory.unseen_places()
        if places:
            return self._look_into(places, model, self._hoping(state, ()))
        if not any(self._memory.is_unseen(fluent[1]) for fluent in self._memory.belief.unknown()):
            return None
        with Clock() as clock:
            lookahead = self._mind.lookaheads.of(model, leaving=True)
            target = self._lookout(model, lookahead, shunned)
            if target is None:
                unseen, gain = self._memory.is_unseen, self._memory.unseen_near
                target = self._mind.explorer.frontier(model, state, unseen, gain, lookahead, shunned)
        fetching = self._fetch(model, state, target.price) if target is not None and not shunned else None
        if fetching is not None:
            return fetching
        return self._explore("frontier", target, model, clock.seconds)

    def _lookout(self, model: WorldModel, lookahead: Lookahead | None, shunned: Sequence[Reach]) -> Target | None:
        if self._memory.sight is None or lookahead is None:
            return None
        return self._mind.explorer.lookout(model, Outlook(self._memory), lookahead, shunned, self._asked())

    def _fetch(self, model: WorldModel, state: State, price: float) -> Intention | None:
        """A plan to open a guarded way, where to look behind it is worth its steps more than a look at that price."""
        if self._mind.curious or not self._is_due("guarded"):
            return None
        ways = self._mind.guarded.ways(self._memory, model, self._mind.lookaheads, state, self._asked())
        if not ways or not self._offer.may_be_cheaper(ways, self._step, price):
            return None
        found = self._plan("frontier", model, state, ways, "guarded")
        if found is None:
            self._let_be("guarded")
            return None
        steps = len(found.plan)
        its_price = Outlook(self._memory).price(state, _end(model, state, found.plan), steps) / LIKELIER
        self._offer = Offer(ways, self._step, steps, its_price)
        return found if its_price < price else None

    def _asked(self) -> frozenset[str]:
        """The predicates that the goal speaks of."""
        return predicates_of(self._tracker.remaining or self._tracker.goal)

    def _look_into(self, places: list[str], model: WorldModel, state: State) -> Intention | None:
        """Look into one of the places, first where the agent has not been: where it has, going alone was not enough."""
        assert self._memory.containment is not None
        known = self._memory.containment.known
        visited = self._memory.visited
        for some in ([p for p in places if p not in visited], [p for p in places if p in visited]):
            goals = tuple(Reach((), (Literal(LiftedAtom(known, (place,))),)) for place in some)
            found = self._plan("frontier", model, state, goals) if goals else None
            if found is not None:
                return found
        return None

    def _far_frontier(self, model: WorldModel, state: State) -> Intention | None:
        """Places not yet seen that can only be reached by moving things or opening ways first."""
        here = self._memory.here_predicate
        if here is None:
            return None
        border = self._memory.border()
        goals = tuple(Reach((), (Literal(LiftedAtom(here, (place,))),)) for place in border)
        for laws in (model, self._optimist(model)) if self._mind.config.experiments else (model,):
            found = self._plan("frontier", laws, state, goals) if goals else None
            if found is not None:
                return found
        return None

    def _explore(
        self, purpose: str, target: Target | None, model: WorldModel, seconds: float, trial: bool = False
    ) -> Intention | None:
        plan = target.plan if target else Plan()
        self._report(purpose, "solved" if target else "unsolvable", "", plan, seconds, "explorer")
        if target is None:
            return None
        worth, serves, goal = target.worth, target.serves, target.goal
        return Intention(purpose, plan, model, worth, trial=trial, serves=serves, goal=goal)

    def _random(self, state: State) -> Intention:
        action = self._mind.explorer.random_action(self._repertoire.actions(state, state.universe))
        return Intention("random", Plan((PlanStep(action),)), self._mind.model, lambda end: True, trial=True)


def _end(model: WorldModel, state: State, plan: Plan) -> State:
    """Where a plan leads by the laws."""
    for action in plan.actions:
        state = model.predict(state, action).state
    return state
