"""What to try next, in order to learn: experiments, things not yet done, and places not yet seen.

Exploration is planned: the explorer looks ahead in the learned model for the nearest state in which something new can
be tried, and goes there. "New" is judged by context (`novelty`), so rare conjunctions are sought and not waited for.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from worldwright.agent.config import AgentConfig
from worldwright.agent.learner import RuleLearner
from worldwright.agent.novelty import NEW_CONTEXT, Novelty, Sight
from worldwright.agent.outlook import Outlook
from worldwright.agent.repertoire import Repertoire
from worldwright.planning.ahead import Ahead
from worldwright.planning.aims import Aims
from worldwright.planning.bars import Barred
from worldwright.planning.grounding import ground
from worldwright.planning.lookahead import Lookahead
from worldwright.planning.problem import Deadline, Limits, Plan, PlanningProblem, PlanningStopped, PlanStep
from worldwright.planning.search import Reached, reach
from worldwright.planning.task import GroundOperator, GroundTask
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import ActionRule, Effect, LiftedAtom, Literal
from worldwright.world_model.model import Action, WorldModel
from worldwright.world_model.state import Change, Fluent, Readable, State, Universe

_SETTLED = 40  # uses of an action without surprise after which one try in a context is enough
_GAIN = 0.25  # steps that seeing one more cell is worth
_FINER = 0.3  # how much less likely a surprise is to come of a new pair of traits than of a new trait
_CONSIDERED = 2_000  # actions with arguments that are considered, over all states looked at
_IDLE = 0.02  # how likely something new comes of what changes nothing by the laws, if something does of what does
_AGAIN = 0.1  # and of doing the same to the same thing again
_OFTEN = 0.25  # the share of wrong predictions from which on a law is doubted
_PATIENCE = 10  # further steps through which a better place is looked for than the nearest


@dataclass(frozen=True)
class Target:
    """A plan of the explorer, and what must still be true at its end for it to be worth following.

    Attributes:
        serves: whether what is to be seen is not seen yet; once it is the plan has served.
        goal: what must be true at the end as a formula, if it can be said.
        price: the steps that it costs for each cell's worth of what is to be seen, if that is known.
    """

    plan: Plan
    worth: Callable[[Readable], bool]
    serves: Callable[[], bool] = lambda: True
    goal: Reach | None = None
    price: float = math.inf


@dataclass(frozen=True)
class _Grounded:
    """A ground task to look around in, and what it was made of."""

    rules: tuple[ActionRule, ...]
    barred: Barred
    known: tuple[Universe, int, int]
    task: GroundTask


@dataclass
class Explorer:
    """Finds what is worth doing for the sake of learning or seeing."""

    config: AgentConfig
    novelty: Novelty
    rng: random.Random
    _since_surprise: dict[str, int] = field(default_factory=dict)
    _relied: Counter[str] = field(default_factory=Counter)
    _wrong: Counter[str] = field(default_factory=Counter)
    _done_to: set[tuple[str, str]] = field(default_factory=set)  # actions, and the things that they changed
    _grounded: dict[str, _Grounded] = field(default_factory=dict)
    _sights: dict[tuple[int, Action], Sight] = field(default_factory=dict)
    _newness: dict[str, dict[tuple[int, Action], tuple[int, float] | None]] = field(default_factory=dict)  # by action

    def note(
        self,
        action: Action,
        before: State,
        surprised: bool,
        learner: RuleLearner | None,
        moved: bool = False,
        change: Change | None = None,
    ) -> None:
        """Remember that the action was done there, whether it surprised, and whether it surely had an effect.

        `change` is what became otherwise, surely or not.
        """
        self.novelty.add(action, before, moved, surprised)
        self._done_to |= {(action.name, thing) for thing in _things_of(change or {}, before)}
        self._newness.pop(action.name, None)
        self._since_surprise[action.name] = 0 if surprised else self._since_surprise.get(action.name, 0) + 1
        if learner is not None and self.novelty.attend(learner.refs(), learner.names()):
            self._forget_sights()

    def forget(self) -> None:
        """Begin from nothing again."""
        self.novelty.forget()
        for kept in (self._since_surprise, self._relied, self._wrong, self._done_to):
            kept.clear()
        self._forget_sights()

    def rely(self, rules: Collection[str], surprised: bool) -> None:
        """Remember that rules were relied on, and whether what they foretold came about."""
        self._relied.update(rules)
        self._wrong.update(rules if surprised else ())

    def doubted(self, rules: Sequence[ActionRule]) -> list[ActionRule]:
        """The rules about things that often foretold wrongly."""
        wrong = [rule for rule in rules if self._wrong[rule.name] > _OFTEN * self._relied[rule.name]]
        return [rule for rule in wrong if any(_about_things(effect) for effect in rule.likeliest().effects)]

    def _forget_sights(self) -> None:
        self._sights.clear()
        self._newness.clear()

    def random_action(self, actions: Collection[Action]) -> Action:
        """Any action, then any of its arguments: else what takes many would be done nearly always."""
        name = self.rng.choice(sorted({action.name for action in actions}))
        ways = sorted(action for action in actions if action.name == name)
        return ways[0] if len(ways) == 1 else self.rng.choice(ways)

    # -- things not yet tried -----------------------------------------------------------------------------------------

    def untried(
        self,
        model: WorldModel,
        state: State,
        repertoire: Repertoire,
        finest: int = NEW_CONTEXT,
        wanted: Collection[str] = frozenset(),
        barred: Barred = frozenset(),
        trusting: bool = False,
    ) -> Target | None:
        """A way to do something that is new there, with the best chance of a surprise for the steps it takes.

        Args:
            model: the laws.
            state: where the agent is.
            repertoire: what can be done.
            finest: how little new it may be.
            wanted: names that the goal speaks of; to try these is worth more.
            barred: what is not to be done where.
            trusting: whether the laws are taken for certain: where they foretell no change, there will hardly be one.
        """
        best: tuple[float, Reached, Action] | None = None
        left = _CONSIDERED
        for reached in reach(self._ground(model, state, barred), limit=self.config.search_states):
            if left <= 0 or (best is not None and reached.cost + 1 >= best[0]):
                break
            actions = repertoire.actions(reached, state.universe, ahead=reached.cost > 0)
            left -= sum(1 for action in actions if action.args)
            found = self._newest(reached, actions, model, finest, wanted, trusting)
            if found is not None and (best is None or (reached.cost + 1) / found[0] < best[0]):
                best = ((reached.cost + 1) / found[0], reached, found[1])
        if best is None:
            return None
        _, reached, action = best
        return Target(Plan((*_steps(reached), PlanStep(action))), partial(self._still_new, action, finest, wanted))

    def is_new(self, action: Action, state: State) -> bool:
        """Whether an action with arguments was not done yet with such things in such a context."""
        return self.novelty.newness(action, self.novelty.sight(state, action), self._enough(action)) is not None

    def _still_new(self, action: Action, finest: int, wanted: Collection[str], end: Readable) -> bool:
        new = self.novelty.newness(action, self.novelty.sight(end, action), self._enough(action), wanted)
        return new is not None and new[0] <= finest

    def _newest(
        self,
        state: Reached,
        actions: Collection[Action],
        model: WorldModel,
        finest: int,
        wanted: Collection[str],
        trusting: bool,
    ) -> tuple[float, Action] | None:
        """What is best tried in a state, and the chance that it surprises.

        Of what has the same chance it is what no law speaks of, what was done least there, and least at all.
        """
        times = self.novelty.times(state)
        new: list[tuple[float, Action]] = []
        for action in actions:
            enough = self._enough(action)
            if action.args:
                newness = self._newness_of(action, state, enough, wanted)
            elif times(action) < enough:
                newness = NEW_CONTEXT, self._promise(action, state, model) if trusting else 1.0
            else:
                newness = None
            if newness is not None and newness[0] <= finest:
                level, chance = newness
                new.append((chance * _FINER ** max(0, level - 1), action))

        def rank(found: tuple[float, Action]) -> tuple[float, bool, int, int]:
            chance, action = found
            explained = chance < 1 and bool(model.rules_for(action.name))
            return -chance, explained, times(action), self.novelty.total(action)

        return min(new, key=rank, default=None)

    def _promise(self, action: Action, state: Reached, model: WorldModel) -> float:
        """How likely something new comes of an action without arguments for one who trusts the laws.

        What these did not foretell comes to light where things are changed: a key in the box that is opened.
        """
        here = state.state()
        things = _things_of(model.foretold(here, action), here)
        if not things:
            return _IDLE
        return _AGAIN if all((action.name, thing) in self._done_to for thing in things) else 1.0

    def _newness_of(
        self, action: Action, state: Reached, enough: int, wanted: Collection[str]
    ) -> tuple[int, float] | None:
        """How new an action with arguments would be, remembered until it was done with any."""
        known = self._newness.setdefault(action.name, {})
        key = (state.packed, action)
        if key not in known:
            if key not in self._sights:
                self._sights[key] = self.novelty.sight(state, action)
            known[key] = self.novelty.newness(action, self._sights[key], enough, wanted)
        return known[key]

    def _enough(self, action: Action) -> int:
        """How often an action is to be tried in a context."""
        settled = self._since_surprise.get(action.name, 0) >= _SETTLED
        return 1 if settled else self.config.tries

    # -- places not yet seen ------------------------------------------------------------------------------------------

    def lookout(
        self,
        model: WorldModel,
        outlook: Outlook,
        lookahead: Lookahead,
        shunned: Sequence[Reach] = (),
        asked: Collection[str] = (),
    ) -> Target | None:
        """The way to where most that is unknown comes into view for the steps that it takes.

        Args:
            model: the laws.
            outlook: what would come into view from where.
            lookahead: under the laws that leave things where they are.
            shunned: what is not to be brought about on the way.
            asked: predicates in which things are changed only if nothing else is left to be seen.
        """
        memory = outlook.memory
        found = outlook.best(self._ahead(model, memory.trodden(), lookahead, shunned), asked)
        if found is None:
            return None
        price, way, steps, places = found
        pose = memory.pose(way)
        there = Reach((), tuple(Literal(LiftedAtom(name, (str(value),))) for name, value in memory.standing(way)))
        return Target(
            Plan(steps), lambda end: memory.pose(end) == pose, partial(memory.are_unknown, places), there, price
        )

    def frontier(
        self,
        model: WorldModel,
        state: State,
        unseen: Callable[[str], bool],
        gain: Callable[[str], int],
        lookahead: Lookahead | None = None,
        shunned: Sequence[Reach] = (),
    ) -> Target | None:
        """The way to a place not yet seen for which steps and the view it may open are in the best proportion.

        Args:
            model: the laws.
            state: the optimistic state, in which unseen places are free.
            unseen: whether a place is one of those.
            gain: how much seeing a place may reveal.
            lookahead: under the laws that leave things where they are, if these can be followed.
            shunned: what is not to be brought about on the way, as far as it can be looked ahead for.
        """
        own = _own_places(state)
        best: tuple[float, Reached | Ahead, Fluent, str] | None = None
        gains: dict[str, int] = {}  # a place is come to in several ways
        for reached in self._walks(model, state, lookahead, shunned):
            if best is not None and reached.cost > best[0] + _PATIENCE:
                break
            if not reached.cost:
                continue
            here = next(((f, str(v)) for f in own if (v := reached.value(f)) is not None and unseen(str(v))), None)
            if here is not None:
                if here[1] not in gains:
                    gains[here[1]] = gain(here[1])
                score = reached.cost - _GAIN * gains[here[1]]
                if best is None or score < best[0]:
                    best = (score, reached, *here)
        if best is None:
            return None
        _, way, fluent, place = best
        there = Reach((), (Literal(LiftedAtom(fluent[0], (*fluent[1:], place))),))
        plan = Plan(_steps(way))
        return Target(plan, partial(_is_at, place), partial(unseen, place), there)

    def _walks(
        self, model: WorldModel, state: State, lookahead: Lookahead | None, shunned: Sequence[Reach]
    ) -> Iterator[Reached | Ahead]:
        """Where the agent can go without moving things, nearest first."""
        if lookahead is not None:
            return self._ahead(model, state, lookahead, shunned)
        task = self._ground(model, state, purpose="frontier")
        return reach(task, limit=self.config.search_states, allow=_leaves_things(task))

    def _ahead(
        self, model: WorldModel, state: State, lookahead: Lookahead, shunned: Sequence[Reach]
    ) -> Iterator[Ahead]:
        """The same by looking ahead."""
        aims = Aims.of(PlanningProblem(model, state, tuple(shunned))) if shunned else None
        return lookahead.reach(state, self.config.search_states, directly=True, shunned=aims)

    def _ground(
        self, model: WorldModel, state: State, barred: Barred = frozenset(), purpose: str = "untried"
    ) -> GroundTask:
        """What can be done from the state; nothing, if that is too much to look through.

        What was grounded for an earlier state and the same purpose serves again as long as no law or thing is new.
        """
        universe = state.universe
        known = (universe, len(universe.types), len(universe.facts))
        last = self._grounded.get(purpose)
        if last is not None and last.rules == model.rules and last.barred == barred and last.known == known:
            task = last.task.begun_from(state)
            if task is not None:
                return task
        try:
            limits = Limits(self.config.plan_cpu_seconds, self.config.plan_memory_mb)
            task = _about_things_met(ground(PlanningProblem(model, state, (), barred), Deadline(limits)))
        except PlanningStopped:
            task = GroundTask(state, (), (), (), (), ())
        self._forget_sights()  # states were told apart by what the last one knew
        self._grounded[purpose] = _Grounded(model.rules, barred, known, task)
        return task


def _steps(reached: Reached | Ahead) -> tuple[PlanStep, ...]:
    if isinstance(reached, Ahead):
        return reached.path()
    return tuple(PlanStep(operator.action, (operator.rule.name,)) for operator in reached.path())


def _things_of(change: Change, before: Readable) -> set[str]:
    """The things that a change is about: what is put or taken away, and what is otherwise than before."""
    vocabulary = before.universe.vocabulary
    where = vocabulary.placing
    found: set[object] = set()
    for fluent, value in change.items():
        found |= {before.value(fluent), value} if fluent[0] in where else set(fluent[1:])
    return {name for name in found if isinstance(name, str) and name not in vocabulary.constant_types}


def _is_at(place: str, end: Readable) -> bool:
    return any(end.value(fluent) == place for fluent in _own_places(end))


def _about_things_met(task: GroundTask) -> GroundTask:
    """The task without what would be done to constants: what is not there, say."""
    constants = task.state.universe.vocabulary.constant_types
    operators = [operator for operator in task.operators if constants.keys().isdisjoint(operator.action.args)]
    return task if len(operators) == len(task.operators) else replace(task, operators=tuple(operators))


def _about_things(effect: Effect) -> bool:
    return isinstance(effect, Literal) and len(effect.atom.args) > 1


def _own_places(state: Readable) -> list[Fluent]:
    """The fluents without arguments whose value is an object that others have as an argument: where the agent is."""
    vocabulary = state.universe.vocabulary
    own = (p for p in vocabulary.predicates if p.functional and len(p.types) == 1)
    return [(p.name,) for p in own if p.types[0] in vocabulary.places]


def _leaves_things(task: GroundTask) -> Callable[[GroundOperator], bool]:
    """Whether an operator leaves every thing where it is."""
    where = task.state.universe.vocabulary.placing
    moving = {number for number, fluent in enumerate(task.fluents) if fluent[0] in where}
    return lambda operator: not any(effect.variable in moving for effect in operator.effects)
