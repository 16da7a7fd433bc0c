"""ALFWorld's true laws in the agent's own words, and how near a learned model comes to them.

How they are compared: for each action, the learned rule with the most support is held against the true rule, literal
by literal. The action's arguments are matched in order, other variables by the assignment that lets most literals
agree; where the truth has alternatives (either knife slices), the nearest counts. Precision is the share of the
learned literals that are true, recall the share of the true ones that were learned. Of several outcomes the likeliest
that does something counts, for the agent plans with it; `chance` is what the model gives it.

- `(in ?o hand)` and `(holding ?o)` say the same and count once.
- An effect that deletes the old value of what it gives a new one is implied and not counted; nor is a precondition
  that only gives that old value a name. (`go` needs some `(at ?here)`, so that `(not (at ?here))` can be said: one is
  always somewhere.)
- `is-known` effects are not counted: they say what was looked at, not what was done.
- What the vocabulary has no words for (that a thing can be heated at all, what may lie where) cannot be learned. It is
  left out of the one recall, and missing in the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from rich.table import Table
from unified_planning.environment import Environment
from unified_planning.io import PDDLReader

from worldwright.envs.household.vocabulary import HAND, VOCABULARY
from worldwright.world_model.exclusive import renamed
from worldwright.world_model.language import ActionRule, Condition, Effect, LiftedAtom, Literal, Outcome, is_variable
from worldwright.world_model.model import WorldModel
from worldwright.world_model.pddl import domain_text
from worldwright.world_model.syntax import parse_rule

Parts = frozenset[Condition | Effect]


@dataclass(frozen=True)
class Truth:
    """What an action needs and does.

    Attributes:
        rules: in our words; alternatives where PDDL has an `or`, which rules have not.
        conditions, effects: what our words cannot say, as it stands in `alfred.pddl`.
    """

    rules: tuple[ActionRule, ...]
    conditions: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()


def law(action: str, parameters: str, preconditions: str, effects: str) -> ActionRule:
    """A rule that always has its effects."""
    return parse_rule(
        VOCABULARY,
        f"(:rule {action} :action {action} :parameters ({parameters}) :precondition (and {preconditions})"
        f" :outcomes ((1 (and {effects}))))",
    )


# By hand, from `envs/household/data/alfred.pddl`. All through: `(atLocation ?a ?l) (receptacleAtLocation ?r ?l)` is
# `(at ?r)`; `(holds ?a ?o)` with `(holdsAny ?a)` is `(holding ?o)`; `(not (holdsAny ?a))` is `(holding nothing)`;
# `inReceptacle` with `objectAtLocation` is `in`; `(or (not (openable ?r)) (opened ?r))` is `(not (door ?r closed))`;
# `checked` is what `is-known` tells; costs are not compared.
_USED: Final = "?o - item ?r - receptacle"
TRUTHS: Final[dict[str, Truth]] = {
    # GotoLocation: from wherever one is (the start is only named) to where the receptacle is.
    "go": Truth((law("go", "?r - receptacle ?here - place", "(at ?here)", "(not (at ?here)) (at ?r)"),)),
    # OpenObject: `openable` and `not opened` together are `closed`, which is said only of what has a door.
    "open": Truth(
        (law("open", "?r - receptacle", "(at ?r) (door ?r closed)", "(not (door ?r closed)) (door ?r open)"),)
    ),
    # CloseObject: the same with `opened`.
    "close": Truth(
        (law("close", "?r - receptacle", "(at ?r) (door ?r open)", "(not (door ?r open)) (door ?r closed)"),)
    ),
    # PickupObject.
    "take": Truth(
        (
            law(
                "take",
                _USED,
                "(at ?r) (in ?o ?r) (holding nothing) (not (door ?r closed))",
                "(not (in ?o ?r)) (in ?o hand) (not (holding nothing)) (holding ?o)",
            ),
        ),
        conditions=("(pickupable ?o)",),
    ),
    # PutObject: `objectType` and `receptacleType` only bind what `canContain` relates.
    "move": Truth(
        (
            law(
                "move",
                _USED,
                "(at ?r) (holding ?o) (in ?o hand) (not (door ?r closed))",
                "(not (in ?o hand)) (in ?o ?r) (not (holding ?o)) (holding nothing)",
            ),
        ),
        conditions=("(canContain ?rt ?ot)",),
    ),
    # HeatObject: `(receptacleType ?r MicrowaveType)` is `(sort ?r microwave)`.
    "heat": Truth(
        (law("heat", _USED, "(at ?r) (holding ?o) (sort ?r microwave)", "(is-hot ?o) (not (is-cool ?o))"),),
        conditions=("(heatable ?o)",),
    ),
    # CoolObject: likewise, in a fridge.
    "cool": Truth(
        (law("cool", _USED, "(at ?r) (holding ?o) (sort ?r fridge)", "(is-cool ?o) (not (is-hot ?o))"),),
        conditions=("(coolable ?o)",),
    ),
    # CleanObject: likewise, in the basin of a sink.
    "clean": Truth(
        (law("clean", _USED, "(at ?r) (holding ?o) (sort ?r sinkbasin)", "(is-clean ?o)"),),
        conditions=("(cleanable ?o)",),
    ),
    # ToggleObject: `isToggled` is `is-lit`, for the sentence that says "on" goes by it; `isOn` is in no sentence.
    "use": Truth(
        (law("use", _USED, "(at ?r) (in ?o ?r)", "(is-lit ?o)"),),
        conditions=("(toggleable ?o)",),
        effects=("(when (isOn ?o) (not (isOn ?o)))", "(when (not (isOn ?o)) (isOn ?o))"),
    ),
    # SliceObject: `(atLocation ?a ?l) (objectAtLocation ?co ?l)` is `(at ?r) (in ?co ?r)`; two knives, two rules.
    "slice": Truth(
        tuple(
            law(
                "slice",
                "?co - item ?ko - item ?r - receptacle",
                f"(at ?r) (in ?co ?r) (holding ?ko) (kind ?ko {knife})",
                "(is-sliced ?co)",
            )
            for knife in ("knife", "butterknife")
        ),
        conditions=("(sliceable ?co)",),
    ),
    # `look`, `inventory`, `examineReceptacle` and `examineObject` only note what was `checked`.
}


def true_model() -> WorldModel:
    """ALFWorld's laws, as far as our words go."""
    return WorldModel(VOCABULARY, tuple(rule for truth in TRUTHS.values() for rule in truth.rules))


# ---------------------------------------------------------------------- what counts


@dataclass(frozen=True)
class Agreement:
    """Of the literals of a learned part of a rule and of the true one.

    Attributes:
        right: in both; missing: only in the true one; wrong: only in the learned one; unsayable: in no words of ours.
    """

    right: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    unsayable: tuple[str, ...] = ()

    @classmethod
    def of(cls, learned: Parts, true: Parts, unsayable: tuple[str, ...]) -> Agreement:
        """How two sets of literals agree."""
        both, only_true, only_learned = (
            tuple(sorted(map(str, parts))) for parts in (learned & true, true - learned, learned - true)
        )
        return cls(both, only_true, only_learned, unsayable)

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(
            self.right + other.right,
            self.missing + other.missing,
            self.wrong + other.wrong,
            self.unsayable + other.unsayable,
        )

    @property
    def precision(self) -> float | None:
        """Which share of what was learned is true; None where nothing was."""
        return _share(len(self.right), len(self.right) + len(self.wrong))

    @property
    def recall(self) -> float | None:
        """Which share of what is true, and can be said, was learned; None where nothing can be said."""
        return _share(len(self.right), len(self.right) + len(self.missing))

    @property
    def full_recall(self) -> float | None:
        """Which share of what is true was learned, sayable or not."""
        return _share(len(self.right), len(self.right) + len(self.missing) + len(self.unsayable))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class Compared:
    """How the rules of an action compare with the truth.

    Attributes:
        rules: how many were learned.
        support: of the one that was compared.
        chance: that it gives what it says is done.
    """

    action: str
    rules: int
    support: int
    chance: float
    preconditions: Agreement
    effects: Agreement


def counted(rule: ActionRule) -> tuple[Parts, Parts]:
    """The preconditions and effects of a rule that count, each in one way of saying it."""
    effects = [effect for effect in _outcome(rule).effects if not _is_note(effect)]
    replaced = _replaced(effects)
    kept = [effect for effect in effects if effect not in replaced]
    named = {gone.atom for gone in replaced if _only_names(rule, gone.atom, kept)}
    needed = [
        condition
        for condition in rule.preconditions
        if not (isinstance(condition, Literal) and condition.positive and condition.atom in named)
    ]
    return frozenset(map(_alike, needed)), frozenset(map(_alike, kept))


def _outcome(rule: ActionRule) -> Outcome:
    """The likeliest outcome that does something."""
    return max(rule.outcomes, key=lambda outcome: (bool(outcome.effects), outcome.probability))


def _is_note(effect: Effect) -> bool:
    return isinstance(effect, Literal) and effect.atom.predicate == "is-known"


def _replaced(effects: Sequence[Effect]) -> set[Literal]:
    """The deletions of values in whose place others come."""
    literals = [e for e in effects if isinstance(e, Literal) and VOCABULARY.is_functional(e.atom.predicate)]
    new = {_fluent(literal.atom) for literal in literals if literal.positive}
    return {literal for literal in literals if not literal.positive and _fluent(literal.atom) in new}


def _fluent(atom: LiftedAtom) -> tuple[str, ...]:
    return (atom.predicate, *atom.args[:-1])


def _only_names(rule: ActionRule, atom: LiftedAtom, effects: Sequence[Effect]) -> bool:
    """Whether the value in a precondition is a variable that stands nowhere else and is no argument of the action."""
    value = atom.args[-1]
    arguments = [variable.name for variable in rule.parameters[: _arity(rule.action)]]
    if not is_variable(value) or value in arguments:
        return False
    uses = sum(value in re.split(r"[()\s]+", str(part)) for part in (*rule.preconditions, *effects))
    return uses == 1


def _alike(part: Condition | Effect) -> Condition | Effect:
    """`(holding ?o)` for `(in ?o hand)`."""
    if isinstance(part, Literal) and part.atom.predicate == "in" and part.atom.args[1] == HAND:
        return Literal(LiftedAtom("holding", part.atom.args[:1]), part.positive)
    return part


def _arity(action: str) -> int:
    return len(VOCABULARY.action(action).types)


# ---------------------------------------------------------------------- comparing


def compare(model: WorldModel) -> list[Compared]:
    """Each action of the truth with the learned rule of it that has the most support."""
    return [compare_action(action, truth, model.rules_for(action)) for action, truth in TRUTHS.items()]


def compare_action(action: str, truth: Truth, rules: Sequence[ActionRule]) -> Compared:
    """The rule of an action that has the most support, held against the truth where it is nearest."""
    best = max(rules, key=lambda rule: rule.evidence.support, default=None)
    pairs = []
    for true in truth.rules:
        conditions, effects = counted(true)
        for needed, done in _readings(best, true) if best is not None else [(Parts(), Parts())]:
            pairs.append(
                (
                    Agreement.of(needed, conditions, truth.conditions),
                    Agreement.of(done, effects, truth.effects),
                )
            )
    nearest = max(pairs, key=lambda pair: sum(len(agreement.right) for agreement in pair))
    if best is None:
        return Compared(action, 0, 0, 0.0, *nearest)
    return Compared(action, len(rules), best.evidence.support, _outcome(best).probability, *nearest)


def _readings(rule: ActionRule, true: ActionRule) -> Iterator[tuple[Parts, Parts]]:
    """What a learned rule says, in each way to match its variables with those of the true one."""
    arity = _arity(rule.action)
    names = {own.name: f"?own-{own.name[1:]}" for own in rule.parameters[arity:]}
    arguments = {a.name: b.name for a, b in zip(rule.parameters[:arity], true.parameters[:arity], strict=True)}
    others = [variable.name for variable in true.parameters[arity:]]
    for chosen in permutations([*names, *[""] * len(others)], len(others)):
        matched = {own: other for own, other in zip(chosen, others, strict=True) if own}
        yield counted(renamed(rule, names | arguments | matched))


def comparison_table(compared: Sequence[Compared]) -> Table:
    """A row for each action, and one for all their literals together."""
    table = Table("action", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    parts = [
        f"{part} {figure}" for part in ("pre", "effect") for figure in ("prec.", "recall", "recall incl. inexpressible")
    ]
    for title in ("rules", "support", "chance", *parts):
        table.add_column(title, justify="right")
    preconditions = sum((row.preconditions for row in compared), Agreement())
    effects = sum((row.effects for row in compared), Agreement())
    total = Compared("all", sum(row.rules for row in compared), 0, 0.0, preconditions, effects)
    for row in (*compared, total):
        figures = [
            "-" if share is None else f"{share:.0%}"
            for agreement in (row.preconditions, row.effects)
            for share in (agreement.precision, agreement.recall, agreement.full_recall)
        ]
        tried = [str(row.support), f"{row.chance:.2f}"] if row.chance else ["", ""]
        table.add_row(row.action, str(row.rules), *tried, *figures)
    return table


def differences(compared: Sequence[Compared]) -> Iterator[str]:
    """A line for each action that says which literals differ and which cannot be said."""
    for row in compared:
        both = (("precondition", row.preconditions), ("effect", row.effects))
        found = [
            f"{what} {kind}: {' '.join(literals)}"
            for what, agreement in both
            for kind, literals in (
                ("missing", agreement.missing),
                ("wrong", agreement.wrong),
                ("not expressible", agreement.unsayable),
            )
            if literals
        ]
        if found:
            yield f"{row.action}: {'; '.join(found)}"


def reread(model: WorldModel) -> int:
    """How many actions unified-planning reads in the model's export.

    Raises:
        Inexpressible: the model has no such export.
        Exception: unified-planning cannot read it, in whatever way it says so.
    """
    return len(PDDLReader(Environment()).parse_problem_string(domain_text(model), None).actions)
