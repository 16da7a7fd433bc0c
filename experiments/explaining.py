"""Why a step was done, and what a model says that an action would do in a recorded state.

`explain_step` says of any step of a run: which plan it belongs to and what for, which rules it rests on and what speaks
for these, what was foretold and came about, and what speaks against every other action. It tells what was believed at
that time, not what was learned later. `explain` holds any model against a recorded state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from worldwright.agent.events import Advised, GoalProgressed, Intended, Interpreted, Revised, Rewarded, plain
from worldwright.experiments.alternatives import WhyNot, grouped, other_actions, why_not
from worldwright.experiments.causal_links import Course
from worldwright.experiments.explanation import (
    Cause,
    Differences,
    Place,
    PlanExplanation,
    Reason,
    Role,
    StepExplanation,
    shown_changes,
)
from worldwright.experiments.folder import RunFolder
from worldwright.experiments.run_record import RunRecord, StepRecord, step_of
from worldwright.planning.problem import Plan, PlanStep
from worldwright.world_model.errors import WorldwrightError
from worldwright.world_model.experience import ExperienceBuffer
from worldwright.world_model.files import FileProblem
from worldwright.world_model.goal import Reach, goal_of
from worldwright.world_model.judging import judge
from worldwright.world_model.language import ActionRule
from worldwright.world_model.model import Action, Firing, WorldModel
from worldwright.world_model.objections import filled, first_failing
from worldwright.world_model.sexpr import parse_one
from worldwright.world_model.state import State, Value, atom_of
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

# -- a model and a recorded state -------------------------------------------------------------------------------------


def recorded(path: Path, model: WorldModel, episode: int, step: int) -> Transition:
    """A transition of a run folder or an experience file.

    Raises:
        NotRecorded: it has no such episode or step.
        WorldwrightError: it cannot be read, or is of another vocabulary than the model.
    """
    file = RunFolder(path).experience if path.is_dir() else path
    return step_of(ExperienceBuffer.load(file, model.vocabulary), episode, step, file)


def action_of(text: str, model: WorldModel) -> Action:
    """The action that a text names: `toggle`, `(toggle)`, `(go-to fridge1)`; raises `WorldwrightError`."""
    known = {signature.name for signature in model.vocabulary.actions}
    name, args = atom_of(parse_one(text if text.startswith("(") else f"({text})"))
    if name not in known:
        raise WorldwrightError(f"unknown action {name!r}; known: {', '.join(sorted(known))}")
    return Action(name, args)


def fluent_of(text: str) -> tuple[str, ...]:
    """The fluent that an event or an explanation writes as a PDDL term."""
    return tuple(text[1:-1].split())


def told(vocabulary: Vocabulary, values: Mapping[str, Value | None]) -> dict[str, Value | None]:
    """The values of fluents as an event tells them, where JSON does not tell 1 from true."""
    counters = {counter.name for counter in vocabulary.counters}
    return {
        text: True if value == 1 and fluent_of(text)[0] not in counters else value for text, value in values.items()
    }


def values_of(state: State, fluents: Iterable[str]) -> dict[str, Value | None]:
    """The values of such fluents."""
    return {text: state.value(fluent_of(text)) for text in fluents}


def explain(model: WorldModel, transition: Transition, action: Action) -> Iterator[str]:
    """Lines that say what the action does in the state before the transition, and why."""
    state = transition.before
    yield f"episode {transition.episode} step {transition.step}: {action}"
    for possible in model.possibilities(state, action):
        share = f" (probability {possible.probability:.3g})" if possible.probability < 1 else ""
        change = plain(possible.change)
        yield from shown_changes(f"predicted{share}", values_of(state, change), change)
    firings = list(model.firings(state, action))
    for firing in firings:
        yield f"because {firing}: {firing.rule.evidence}"
    applying = {firing.rule.name for firing in firings}
    for rule in model.rules_for(action.name):
        if rule.name not in applying:
            _, missing = first_failing(model, state, rule, action)
            yield f"not {rule.name}: {f'{missing} does not hold' if missing else 'it would change nothing'}"
    if not model.rules_for(action.name):
        yield f"the model has no rule of {action.name}"
    if action == transition.action:
        change = plain(transition.change())
        yield from shown_changes("observed", values_of(state, change), change)


# -- a step of a run --------------------------------------------------------------------------------------------------


NO_PLAN = "the log does not tell which plan it belongs to: it is of an older version"
LATER_LAWS = "the log does not tell what was believed then: the rules are those of the run's end"
NO_STATE = "what was believed of the world then is not on file (nothing was learned from it): no more can be said"
NO_OUTCOME = "what came of it is not on file"


def explain_step(run: RunRecord, episode: int, step: int, action: Action | None = None) -> StepExplanation:
    """Why a step of a run was done, and why not another action.

    Args:
        run: what is on file of the run.
        episode, step: which step.
        action: the one of which to say why it was not done; None: all others.

    Raises:
        WorldwrightError: there is no such step, the action cannot be done there, or the log cannot be read.
    """
    record = run.step(episode, step)
    if action is not None:
        _require_possible(action, record)
    with _log_of(record):
        return _explained(record, action)


def _require_possible(action: Action, record: StepRecord) -> None:
    takes = len(record.run.vocabulary.action(action.name).types)
    if len(action.args) != takes:
        raise WorldwrightError(f"{action}: {action.name} takes {takes} arguments, not {len(action.args)}")
    known = record.state.universe.types if record.state else {}
    unknown = [name for name in action.args if known and name not in known]
    if unknown:
        raise WorldwrightError(f"{action}: nothing called {unknown[0]!r} is known there")


@contextmanager
def _log_of(record: StepRecord) -> Iterator[None]:
    """What cannot be made sense of in a log is a fault of the log."""
    try:
        yield
    except (WorldwrightError, KeyError, ValueError, RecursionError) as error:
        where = f"{record.run.path / 'events.jsonl'}: episode {record.episode} step {record.step}"
        raise FileProblem(f"{where}: {error}") from None


def _explained(record: StepRecord, asked: Action | None) -> StepExplanation:
    run = record.run
    course = _course(record, record.intended, record)
    progress = record.before(GoalProgressed)
    started = record.started
    rewarded = next(iter(record.after(Rewarded)), None)
    observed = plain(record.transition.change()) if record.transition else None
    done = action_at(record)
    return StepExplanation(
        episode=record.episode,
        step=record.step,
        action=done,
        mission=started.mission if started else "",
        goal=started.goal if started else "",
        remaining=progress[-1].remaining if progress else started.goal if started else "",
        interpreted=tuple(record.before(Interpreted)),
        purpose=record.acted.purpose,
        advice=_advice(record),
        plan=_plan_of(record, course),
        reasons=tuple(_reasons(record, course)),
        links=course.links() if course else (),
        foretold=told(run.vocabulary, record.acted.predicted),
        observed=observed,
        before=values_of(record.state, [*record.acted.predicted, *(observed or ())]) if record.state else {},
        reward=rewarded.reward if rewarded else None,
        ended=rewarded is not None and rewarded.terminated,
        surprise=_differences(record),
        revisions=tuple(r for r in record.after(Revised) if r.cause.endswith(f" at {done.name}")),
        others=_others(record, course, done, asked),
        gaps=tuple(_gaps(record)),
    )


def action_at(record: StepRecord) -> Action:
    """What was done in a step."""
    return _action(record.acted.action)


def _action(text: str) -> Action:
    return Action(*atom_of(parse_one(text)))


def _differences(record: StepRecord) -> Differences:
    surprise = record.surprise()
    if surprise is None:
        return {}
    vocabulary = record.run.vocabulary
    predicted, observed = (
        told(vocabulary, {text: pair[side] for text, pair in surprise.differences.items()}) for side in (0, 1)
    )
    return {text: (predicted[text], observed[text]) for text in predicted}


def _advice(record: StepRecord) -> tuple[Advised, ...]:
    """What a language model proposed when the plan was made."""
    made = record.earlier(record.intended.step) if record.intended else record
    return tuple(made.before(Advised, own=True))


def _gaps(record: StepRecord) -> Iterator[str]:
    if not record.is_told:
        yield LATER_LAWS
    if record.intended is None:
        yield NO_PLAN
    if record.state is None:
        yield NO_STATE
    elif record.transition is None:
        yield NO_OUTCOME


# -- the plan ---------------------------------------------------------------------------------------------------------


def _course(record: StepRecord, plan: Intended | None, at: StepRecord) -> Course | None:
    """What is left of a plan at a step; None: too little is on file."""
    if plan is None or at.hoped is None:
        return None
    rest = Plan(_steps(plan)[at.step - plan.step :])
    goal = goal_of(parse_one(plan.goal)) if plan.goal else None
    state = _furnished(at.hoped, plan) if at.step == plan.step else at.hoped
    laws = _laws(record.earlier(plan.step).model, plan)
    return Course(laws, state, rest, at.step, goal if isinstance(goal, Reach) else None, plan.trial)


def _steps(plan: Intended) -> tuple[PlanStep, ...]:
    return tuple(PlanStep(_action(action), rules) for action, rules in zip(plan.plan, plan.rules, strict=True))


def _laws(model: WorldModel, plan: Intended) -> WorldModel:
    """The laws that a plan counts on, hypotheses among them if it does."""
    known = {rule.name for rule in model.rules}
    supposes = any(name not in known for names in plan.rules for name in names)
    return (model.optimist() if supposes else model).hopeful


def _furnished(state: State, plan: Intended) -> State:
    """The state with what the plan takes for so."""
    universe = state.universe.copy()
    for name, type_ in plan.things.items():
        universe.add_object(name, type_)
    hopes = told(universe.vocabulary, plan.hopes)
    return State(state.values, universe).with_change({fluent_of(text): value for text, value in hopes.items()})


def _plan_of(record: StepRecord, course: Course | None) -> PlanExplanation | None:
    plan = record.intended
    if plan is None:
        return None
    made = record.earlier(plan.step)
    before = next((p for p in reversed(made.before(Intended)) if p.step < plan.step), None)
    surprise = _differences(record.earlier(plan.step - 1)) if before else {}
    cause = _cause(plan, before, bool(surprise))
    old = _course(made, before, made) if cause is Cause.FAULT else None
    return PlanExplanation(
        plan=Plan(_steps(plan)),
        made_at=plan.step,
        cause=cause,
        before=before.step if before else None,
        surprise=surprise,
        fault=old.fault(old.state) if old else None,
        goal=plan.goal,
        trial=plan.trial,
        hopes=told(record.run.vocabulary, plan.hopes),
        chance=course.probability(made.model) if course else None,
        onward=plan.onward,
    )


def _cause(plan: Intended, before: Intended | None, surprised: bool) -> Cause:
    if before is None:
        return Cause.FIRST
    if surprised:
        return Cause.SURPRISE
    return Cause.DONE if plan.step - before.step >= len(before.plan) else Cause.FAULT


# -- the rules --------------------------------------------------------------------------------------------------------


def _reasons(record: StepRecord, course: Course | None) -> Iterator[Reason]:
    """The rules that the plan counts on in a step, or tests there, and then those that foretell more of it."""
    plan = record.intended
    counted = _steps(plan)[record.step - plan.step].rules if plan else ()
    if plan is not None:
        laws = course.model if course else _laws(record.earlier(plan.step).model, plan)
        tested = plan.trial and record.step - plan.step == len(plan.plan) - 1
        state = course.state if course else None
        yield from _named(record, laws, counted, state, Role.TESTED if tested else Role.COUNTED_ON)
    others = [name for name in record.acted.rules if name not in counted]
    yield from _named(record, record.model, others, record.state, Role.FORETELLS)


def _named(
    record: StepRecord, model: WorldModel, names: Sequence[str], state: State | None, role: Role
) -> Iterator[Reason]:
    action = action_at(record)
    firings = list(model.firings(state, action)) if state else []
    laws = {rule.name for rule in record.model.rules}
    for name in names:
        rules = [rule for rule in model.optimist().rules_for(action.name) if rule.name == name]
        applying = [firing for firing in firings if firing.rule.name == name]
        rule = applying[0].rule if applying else next(iter(rules), None)
        if rule is not None:
            hopes = _hopes(record, model, applying)
            yield Reason(rule, role, name not in laws, tuple(applying), hopes, _borne_out(record, rule))


def _hopes(record: StepRecord, model: WorldModel, firings: Sequence[Firing]) -> tuple[str, ...]:
    """The conditions under which rules apply that are not known to hold."""
    state = record.state
    return tuple(
        dict.fromkeys(
            filled(str(condition), firing.binding)
            for firing in firings
            for condition in firing.rule.preconditions
            if state and not model.query(firing.rule).test(condition, state, firing.binding)
        )
    )


def _borne_out(record: StepRecord, rule: ActionRule) -> tuple[Place, ...]:
    """The steps before in which what a rule foretells came about."""
    vocabulary = record.run.vocabulary
    own = [
        t for t in record.run.experience.of_action(rule.action) if (t.episode, t.step) < (record.episode, record.step)
    ]
    return tuple((t.episode, t.step) for t in own if judge(rule, vocabulary, [t]).support)


# -- the alternatives -------------------------------------------------------------------------------------------------


def _others(record: StepRecord, course: Course | None, done: Action, asked: Action | None) -> tuple[WhyNot, ...]:
    """What speaks against the action that is asked about, or one reason each for all others."""
    state = record.hoped
    if state is None or asked == done:
        return ()
    laws = record.model.hopeful
    if asked is not None:
        return tuple(why_not(laws, state, asked, course))
    return tuple(grouped(next(why_not(laws, state, action, course)) for action in other_actions(state, done)))
