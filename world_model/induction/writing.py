"""From references and features to the text of a rule: each reference becomes a variable, bound by a literal."""

from __future__ import annotations

from collections.abc import Sequence

from worldwright.world_model.induction.effects import Assignment, EffectPattern
from worldwright.world_model.induction.features import Feature, Form
from worldwright.world_model.induction.references import Ref, References
from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    Effect,
    Evidence,
    LiftedAtom,
    Literal,
    Outcome,
    Relation,
)
from worldwright.world_model.vocabulary import Variable


class RuleWriter:
    """Writes one rule; variables are named after the predicate that binds them."""

    def __init__(self, references: References, action: str) -> None:
        self._references = references
        self._action = action
        self._variables: dict[Ref, Variable] = {}
        self._conditions: dict[Condition, None] = {}
        self._constants: dict[Ref, str] = {}
        self._arguments: dict[Ref, Ref] = {}  # what always is an argument of the action
        for index, type_ in enumerate(references.vocabulary.action(action).types):
            self._variables[Ref(f"?{index}")] = Variable(f"?arg{index}", type_)

    def write(
        self,
        name: str,
        outcomes: Sequence[tuple[float, EffectPattern]],
        features: Sequence[Feature],
        evidence: Evidence,
    ) -> ActionRule:
        """The rule with the given outcomes (what is missing to probability 1: nothing happens)."""
        for feature in features:
            if feature.form is Form.IS:
                self._constants[feature.ref] = feature.value
            elif feature.form is Form.SAME and feature.ref.is_argument:
                assert feature.other is not None
                if not feature.other.is_argument:
                    self._arguments.setdefault(feature.other, feature.ref)
        for pattern in (pattern for _, pattern in outcomes):
            for assignment in pattern:
                self._bind_old(assignment)
        for feature in sorted(features, key=Feature.sort_key):
            self._require(feature)
        written = tuple(Outcome(p, self._effects(pattern)) for p, pattern in outcomes)
        rest = round(1 - sum(outcome.probability for outcome in written), 6)
        if rest > 0:
            written = (*written, Outcome(rest))
        return ActionRule(
            name, self._action, tuple(self._variables.values()), tuple(self._conditions), written, evidence
        )

    def _bind_old(self, assignment: Assignment) -> None:
        if assignment.old is not None:
            self._constants.setdefault(assignment.target, assignment.old)
        if self._references.vocabulary.is_functional(assignment.head):
            self._value(assignment.target)

    def _term(self, ref: Ref) -> str:
        """The variable that stands for a reference, introduced with what binds it."""
        known = self._variables.get(ref)
        if known is not None:
            return known.name
        keys = [self._value(key) for key in ref.keys]
        taken = {variable.name for variable in self._variables.values()}
        name = f"?{ref.head}"
        number = 2
        while name in taken:
            name, number = f"?{ref.head}{number}", number + 1
        self._variables[ref] = Variable(name, self._references.type_of(ref))
        self._conditions[Literal(LiftedAtom(ref.head, (*keys, name)))] = None
        return name

    def _value(self, ref: Ref) -> str:
        """The constant or the argument that a reference is known to pick out, or its variable."""
        constant = self._constants.get(ref)
        if constant is None and ref in self._arguments:
            constant = self._term(self._arguments[ref])
        if constant is None:
            return self._term(ref)
        if ref.is_argument:
            self._conditions[Literal(LiftedAtom(EQUALS, (self._term(ref), constant)))] = None
            return constant
        keys = [self._value(key) for key in ref.keys]
        self._conditions[Literal(LiftedAtom(ref.head, (*keys, constant)))] = None
        return constant

    def _require(self, feature: Feature) -> None:
        if feature.form is Form.IS:
            self._value(feature.ref)
        elif feature.form is Form.SOME:
            self._deny(EQUALS, (self._value(feature.ref), feature.value))
        elif feature.form is Form.NOT:
            self._deny(feature.ref.head, (*(self._value(key) for key in feature.ref.keys), feature.value))
        elif feature.form is Form.SAME:
            assert feature.other is not None
            if feature.other.is_argument:
                same = LiftedAtom(EQUALS, (self._value(feature.ref), self._value(feature.other)))
                self._conditions[Literal(same)] = None
                return
            keys = [self._value(key) for key in feature.other.keys]
            self._conditions[Literal(LiftedAtom(feature.other.head, (*keys, self._value(feature.ref))))] = None
        elif feature.form is Form.DIFFERENT:
            assert feature.other is not None
            self._deny(EQUALS, (self._value(feature.ref), self._value(feature.other)))
        elif feature.form is Form.AT_LEAST:
            counter = LiftedAtom(feature.ref.head, ())
            self._conditions[Comparison(Relation.AT_LEAST, counter, feature.number)] = None
        else:
            atom = LiftedAtom(feature.ref.head, tuple(self._value(key) for key in feature.ref.keys))
            self._conditions[Literal(atom, feature.form is Form.TRUE)] = None

    def _deny(self, predicate: str, args: tuple[str, ...]) -> None:
        self._conditions[Literal(LiftedAtom(predicate, args), positive=False)] = None

    def _effects(self, pattern: EffectPattern) -> tuple[Effect, ...]:
        deleted: list[Effect] = []
        added: list[Effect] = []
        for assignment in pattern:
            keys = tuple(self._value(key) for key in assignment.keys)
            if not self._references.vocabulary.is_functional(assignment.head):
                atom = LiftedAtom(assignment.head, keys)
                (deleted if assignment.new is None else added).append(Literal(atom, assignment.new is not None))
                continue
            old = self._value(assignment.target)
            deleted.append(Literal(LiftedAtom(assignment.head, (*keys, old)), positive=False))
            if assignment.new is not None:
                new = self._value(assignment.new) if isinstance(assignment.new, Ref) else assignment.new
                added.append(Literal(LiftedAtom(assignment.head, (*keys, new))))
        return (*deleted, *added)
