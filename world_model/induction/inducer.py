"""The symbolic inducer: rules from transitions alone, relearned for the actions about which something new was seen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_

from worldwright.world_model.induction.boundaries import (
    RULE_PRICE,
    Boundary,
    Cases,
    boundaries,
    code_length,
    exception_price,
)
from worldwright.world_model.induction.effects import EffectPattern, EffectReader, choose_ways, completed, refs_of
from worldwright.world_model.induction.features import Feature, FeatureSpace, Form
from worldwright.world_model.induction.references import Frame, Ref, References
from worldwright.world_model.induction.writing import RuleWriter
from worldwright.world_model.language import ActionRule, Evidence
from worldwright.world_model.transition import Transition
from worldwright.world_model.vocabulary import Vocabulary

AUTHOR = "inducer"
_NO_COINCIDENCE = 17  # cases after which one in six would have been the same at 95%
_FAR = 1.5  # what a literal about what the effect does not touch costs besides: there are many to choose from
_UNEXPLAINED = 9.0  # what one effect without a law costs, in nats
_PRIOR_REPETITIONS = 5
_PAIR = 2.0  # what it costs besides to compare two things by kind: there are many pairs, and coincidences among them
_EFFECT_PRICE = 2.0  # of each assignment of a law, in nats
_BAD_LUCK = 0.01  # the chance of so many failures in a row from which on they are not put down to chance
_HIDDEN = 4  # times that failures are more frequent than what changes when the same is done again, if they have a cause
_OTHER_NAMES = 0.25  # the chance from which on it is worth trying what works with one name with another
_UNTESTED = 0.5  # the chance that a condition is not needed without which it was never tried
_SUPPORTED = 3  # transitions that bear a law out, before what it mentions is taken to matter


@dataclass(frozen=True)
class Learned:
    """What was learned of an action: rules to commit to (S), more general hypotheses (G), its share of chance, the
    references that matter to it, and the names that its laws single out."""

    rules: tuple[ActionRule, ...] = ()
    hypotheses: tuple[ActionRule, ...] = ()
    noise: float = 0.0
    refs: tuple[Ref, ...] = ()
    names: tuple[Feature, ...] = ()


class Inducer:
    """Learns the rules of every action from the transitions it is shown."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._learners = {a.name: ActionInducer(vocabulary, a.name) for a in vocabulary.actions}

    def add(self, transition: Transition) -> None:
        """Take in one more transition; uncertain ones are no evidence."""
        if transition.certain:
            self._learners[transition.action.name].add(transition)

    def learn(self, actions: Iterable[str], at_step: int) -> dict[str, Learned]:
        """What the evidence now says about these actions."""
        return {action: self._learners[action].learn(at_step, self._world_noise(action)) for action in actions}

    def _world_noise(self, action: str) -> float:
        """The share of chance among the outcomes of all other actions: what to expect of one seldom repeated."""
        others = [learner for name, learner in self._learners.items() if name != action]
        minority = sum(learner.repetitions[0] for learner in others)
        return minority / (sum(learner.repetitions[1] for learner in others) + 1)


@dataclass(frozen=True)
class _Law:
    """An effect, one way for it to come about, and the features that its committed rule requires.

    `denied` are names that arguments must not have: where they had, the effect never came about.
    """

    pattern: EffectPattern
    boundary: Boundary
    space: FeatureSpace
    committed: int
    support: int
    contradicted: int
    denied: tuple[Feature, ...] = ()
    unsure: int = 0  # what is denied for so few failures that chance may have made them all
    names: Mapping[int, float] = field(default_factory=dict)  # that arguments must have; the chance of any other
    untested: tuple[int, ...] = ()  # traits without which it was not tried with what it works with

    def probability(self) -> float:
        return self.support / max(1, self.support + self.contradicted)


@dataclass
class _Space:
    """A feature space with the bits of every entry in it."""

    space: FeatureSpace
    bits: list[int] = field(default_factory=list)


class ActionInducer:
    """Learns the rules of one action."""

    def __init__(self, vocabulary: Vocabulary, action: str) -> None:
        self._vocabulary = vocabulary
        self._action = action
        self._references = References(vocabulary, action)
        self._reader = EffectReader(vocabulary, self._references)
        self._entries: list[tuple[Transition, Frame]] = []
        self._ways: list[list[list[EffectPattern]]] = []
        self._spaces: dict[tuple[tuple[Ref, ...], tuple[Ref, ...]], _Space] = {}
        self.repetitions = (0, 0)  # of outcomes in repeated contexts: how many were not the usual one, how many in all

    def add(self, transition: Transition) -> None:
        """Take in a transition of this action."""
        frame = Frame(transition.before, transition.action.args)
        self._entries.append((transition, frame))
        self._ways.append(self._reader.ways(transition, frame))

    def learn(self, at_step: int, world_noise: float = 0.0) -> Learned:
        """The rules that explain the transitions so far."""
        chosen = choose_ways(completed(self._ways, self._entries))
        patterns: dict[EffectPattern, int] = {}
        for found in chosen:
            for pattern in found:
                patterns[pattern] = patterns.get(pattern, 0) + 1
        if not patterns:
            return Learned()
        noise = self._noise(chosen, list(patterns), world_noise)
        order = sorted(patterns, key=lambda p: (-patterns[p], [a.sort_key() for a in p]))
        laws = [law for pattern in order for law in self._laws(pattern, chosen, noise)]
        return self._written(laws, noise, at_step)

    # -- evidence -----------------------------------------------------------------------------------------------------

    def _noise(
        self, chosen: Sequence[list[EffectPattern]], patterns: Sequence[EffectPattern], world_noise: float
    ) -> float:
        """The share of outcomes that differ although all around was the same: what no precondition can explain."""
        touched = list(dict.fromkeys(ref for pattern in patterns for ref in refs_of(pattern)))
        groups: dict[int, list[int]] = {}
        for index, context in enumerate(self._space(self._wide(touched)).bits):
            groups.setdefault(context, []).append(index)
        repeated = [group for group in groups.values() if len(group) > 1]
        total = sum(map(len, repeated))
        minority = sum(self._exceptions(group, chosen) for group in repeated)
        self.repetitions = (minority, total)
        return (minority + _PRIOR_REPETITIONS * world_noise + 0.001) / (total + _PRIOR_REPETITIONS + 1)

    def _exceptions(self, group: Sequence[int], chosen: Sequence[list[EffectPattern]]) -> int:
        """How many transitions of a context disagree with its usual outcome, as far as they were in view."""

        def disagrees(index: int, usual: tuple[EffectPattern, ...]) -> bool:
            transition, frame = self._entries[index]
            found = chosen[index]
            missed = any(p not in found and _was_missed(p, transition, frame) for p in usual)
            return missed or any(pattern not in usual for pattern in found)

        outcomes = dict.fromkeys(tuple(chosen[index]) for index in group)
        return min(sum(disagrees(index, usual) for index in group) for usual in outcomes) if len(outcomes) > 1 else 0

    def _near(self, touched: Sequence[Ref]) -> list[Ref]:
        """What an effect touches, the agent's own references, and what can be said of all these."""
        return self._references.closure([*self._references.roots, *touched])

    def _wide(self, touched: Sequence[Ref]) -> list[Ref]:
        """The same with everything one step further."""
        near = self._near(touched)
        return self._references.closure([*near, *self._references.neighbours(near)])

    def _space(self, refs: Sequence[Ref], around: Sequence[Ref] = ()) -> _Space:
        """The contexts of all entries over some references; of those around it is also said what they are not."""
        key = (tuple(refs), tuple(around))
        known = self._spaces.get(key)
        if known is None:
            known = self._spaces[key] = _Space(FeatureSpace(self._references, refs, around))
        for transition, frame in self._entries[len(known.bits) :]:
            known.bits.append(known.space.bits(frame, transition.before))
        return known

    def _cases(self, pattern: EffectPattern, chosen: Sequence[list[EffectPattern]], bits: Sequence[int]) -> Cases:
        seen: dict[int, int] = {}
        missed: dict[int, int] = {}
        for (transition, frame), found, context in zip(self._entries, chosen, bits, strict=True):
            if pattern in found:
                seen[context] = seen.get(context, 0) + 1
            elif _was_missed(pattern, transition, frame):
                missed[context] = missed.get(context, 0) + 1
        return Cases(list(seen.items()), list(missed.items()))

    # -- laws ---------------------------------------------------------------------------------------------------------

    def _laws(self, pattern: EffectPattern, chosen: Sequence[list[EffectPattern]], noise: float) -> list[_Law]:
        """The laws of one effect, over what it touches, or if that does not explain it over what lies around too."""
        touched = refs_of(pattern)
        cost = exception_price(noise)
        near = self._laws_over(self._near(touched), pattern, chosen, noise)
        if not any(law.boundary.negatives for law in near):
            return near
        wide = self._laws_over(self._wide(touched), pattern, chosen, noise)
        return min(near, wide, key=lambda laws: self._length(laws, cost))

    def _length(self, laws: Sequence[_Law], cost: float) -> float:
        """The description length of laws and of the exceptions to them, in nats."""
        return sum(
            RULE_PRICE
            + law.boundary.negatives * cost
            + sum(self._price(feature) for feature in law.space.unpack(law.boundary.general))
            for law in laws
        )

    def _laws_over(
        self, refs: Sequence[Ref], pattern: EffectPattern, chosen: Sequence[list[EffectPattern]], noise: float
    ) -> list[_Law]:
        near = set(self._near(refs_of(pattern)))
        contexts = self._space(refs, [ref for ref in refs if ref not in near])
        space, cases = contexts.space, self._cases(pattern, chosen, contexts.bits)
        nominal = self._vocabulary.nominal
        grouping = sum(
            1 << index
            for index, feature in enumerate(space.features)
            if feature.form is Form.IS and self._references.type_of(feature.ref) not in nominal
        )
        found = boundaries(cases, self._pricing(space, near), noise, lambda bits: bits & grouping, self._called(space))
        return [self._law(pattern, boundary, space, cases, noise) for boundary in found]

    def _called(self, space: FeatureSpace) -> list[int]:
        """For each name that an argument has, the features that say which it is, as bits."""
        called: dict[Ref, int] = {}
        for feature in filter(self._names_argument, space.features):
            called[feature.ref] = called.get(feature.ref, 0) | space.bit(feature)
        return list(called.values())

    def _pricing(self, space: FeatureSpace, near: Collection[Ref]) -> Callable[[int, int], float]:
        """What each feature costs; the first about a thing that the effect does not touch costs more than the next."""
        prices = [self._price(feature) for feature in space.features]
        far = [{self._thing(ref) for ref in f.refs() if ref not in near} for f in space.features]

        def price(index: int, chosen: int) -> float:
            return prices[index] + _FAR * any(not known(thing, chosen) for thing in far[index])

        def known(thing: Ref, chosen: int) -> bool:
            return any(chosen >> index & 1 and thing in things for index, things in enumerate(far))

        return price

    def _thing(self, ref: Ref) -> Ref:
        """What a reference is about: the thing that a kind is the kind of."""
        return ref.keys[-1] if self._references.is_value(ref) and ref.keys else ref

    def _law(self, pattern: EffectPattern, boundary: Boundary, space: FeatureSpace, cases: Cases, noise: float) -> _Law:
        committed = boundary.general | self._commitments(pattern, boundary, space)
        denied = self._denied_names(committed, space, cases)
        barred = sum(space.bit(replace(feature, form=Form.IS)) for feature in denied)
        support = sum(number for bits, number in cases.seen if bits & committed == committed)
        missed = [(bits, number) for bits, number in cases.missed if bits & committed == committed]
        contradicted = sum(number for bits, number in missed if not bits & barred)
        rate = contradicted / max(1, support + contradicted)
        others = [(bits, number) for bits, number in cases.missed if not bits & barred]
        unsure = self._unsure(boundary, space, others, rate, often=rate < _HIDDEN * noise)
        names = self._names_tried(boundary, space, cases)
        untested = self._untested(boundary.general, space, cases)
        return _Law(pattern, boundary, space, committed, support, contradicted, denied, unsure, names, untested)

    def _untested(self, general: int, space: FeatureSpace, cases: Cases) -> tuple[int, ...]:
        """The traits that G asks for, if what failed without one has names that never worked.

        It may have failed for what it is: dirty sponges are not cooled, and clean apples are.
        """
        named = reduce(or_, self._called(space), 0)
        worked = {bits & named for bits, _ in cases.seen if bits & general == general}
        found = []
        for feature in space.unpack(general):
            own = space.bit(feature)
            rest = general & ~own
            failed = {bits & named for bits, _ in cases.missed if bits & rest == rest and not bits & own}
            if named and feature.form is Form.TRUE and failed.isdisjoint(worked):
                found.append(own)
        return tuple(found)

    def _names_tried(self, boundary: Boundary, space: FeatureSpace, cases: Cases) -> dict[int, float]:
        """The names in G that arguments must have, and with which share of names it works in the place of each.

        What was done with one name tells little of another: each counts once (and is shrunk by Laplace's rule).
        """
        found = {}
        for feature in filter(self._names_argument, space.unpack(boundary.general)):
            rest = boundary.general & ~space.bit(feature)
            alike = sum(space.bit(f) for f in space.features if f.form is Form.IS and f.ref == feature.ref)
            worked, failed = (
                {bits & alike for bits, _ in part if bits & rest == rest} for part in (cases.seen, cases.missed)
            )
            found[space.bit(feature)] = (len(worked) + 1) / (len(worked | failed) + 2)
        return found

    def _unsure(
        self, boundary: Boundary, space: FeatureSpace, missed: Sequence[tuple[int, int]], rate: float, often: bool
    ) -> int:
        """The denials in G that rule out so few failures that, at the rate of those left, these may be bad luck.

        Where the same done again comes out otherwise (`often`) each failure is one of its own; else it fails for a
        cause that is not seen, and says no more the second time.
        """
        unsure = 0
        for feature in space.unpack(boundary.general):
            if feature.form in (Form.NOT, Form.FALSE):
                own = space.bit(feature)
                rest = boundary.general & ~own
                ruled_out = sum(n if often else 1 for bits, n in missed if bits & rest == rest and not bits & own)
                unsure |= own if rate**ruled_out > _BAD_LUCK else 0
        return unsure

    def _denied_names(self, committed: int, space: FeatureSpace, cases: Cases) -> tuple[Feature, ...]:
        """What the arguments must not be called: names with which the effect always failed, more than by chance.

        To deny a name is worth its price if it saves as much on telling which cases are exceptions; what was done again
        in the same context counts once.
        """
        seen = [bits for bits, _ in cases.seen if bits & committed == committed]
        missed = [bits for bits, _ in cases.missed if bits & committed == committed]
        worked = reduce(or_, seen, 0)
        names = [
            (index, feature)
            for index, feature in enumerate(space.features)
            if not worked >> index & 1 and self._names_argument(feature)
        ]
        denied = []
        while names:
            with_name = [sum(bits >> index & 1 for bits in missed) for index, _ in names]
            now = code_length(len(missed), len(seen))
            saved = [
                now - code_length(len(missed) - number, len(seen)) - self._price(feature)
                for number, (_, feature) in zip(with_name, names, strict=True)
            ]
            best = max(range(len(names)), key=lambda number: saved[number])
            if saved[best] <= 0:
                break
            index, feature = names.pop(best)
            denied.append(replace(feature, form=Form.NOT))
            missed = [bits for bits in missed if not bits >> index & 1]
        return tuple(sorted(denied, key=Feature.sort_key))

    def _commitments(self, pattern: EffectPattern, boundary: Boundary, space: FeatureSpace) -> int:
        """The part of S that is committed to beyond G: what kind of things are referred to, and what they share."""
        referred = _referred(pattern)
        for feature in space.unpack(boundary.general):
            referred |= {part for ref in feature.refs() for part in ref.parts()}
        given = {assignment.new for assignment in pattern if isinstance(assignment.new, Ref)}
        bits = 0
        for feature in space.unpack(boundary.specific):
            nominal = self._references.is_name(feature.ref)
            of_referred = all(ref.keys and ref.keys[-1] in referred for ref in feature.refs())
            # of what is empty or absent only what the effect leads to: the place that is entered
            telling = self._references.is_value(feature.ref) or not given.isdisjoint(feature.ref.keys)
            kind = feature.form is Form.IS and telling and not nominal
            shared = feature.form is Form.SAME and nominal and not self._is_one_thing(feature, boundary, space)
            # that two names differ is the rule; only if they never were the same may it be the law
            parted = feature.form is Form.DIFFERENT and nominal and boundary.positives >= _NO_COINCIDENCE
            if self._is_bond(feature, referred) or (of_referred and (kind or shared or parted)):
                bits |= space.bit(feature)
        return bits

    def _bonds(self, law: _Law) -> int:
        """The part of what a law commits to that ties its arguments to the agent."""
        referred = _referred(law.pattern)
        features = law.space.unpack(law.committed)
        return sum(law.space.bit(feature) for feature in features if self._is_bond(feature, referred))

    def _is_bond(self, feature: Feature, referred: Collection[Ref]) -> bool:
        """Whether it says that an argument, or what it is in, is the agent's own, or else is what the law speaks of."""
        if feature.form is not Form.SAME or feature.other is None or self._references.is_value(feature.ref):
            return False
        return feature.other in referred or any(ref in self._references.roots for ref in (feature.ref, feature.other))

    def _is_one_thing(self, feature: Feature, boundary: Boundary, space: FeatureSpace) -> bool:
        """Whether what two references share they share because they are always about the same thing."""
        keys = {ref.keys for ref in feature.refs()}
        same = [f for f in space.unpack(boundary.specific) if f.form is Form.SAME]
        return any(keys == {(ref,) for ref in f.refs()} for f in same)

    def _price(self, feature: Feature) -> float:
        """What a literal costs, in nats: names more than kinds, far things more than near ones."""
        nominal = self._references.is_name(feature.ref)
        base = {Form.IS: 3.0 if nominal else 1.0, Form.SAME: 1.1, Form.DIFFERENT: 1.3, Form.SOME: 1.2}
        depth = max(sum(1 for _ in ref.parts()) for ref in feature.refs())
        paired = feature.other is not None and not nominal
        return base.get(feature.form, 1.5) + 0.1 * depth + _PAIR * paired

    # -- rules --------------------------------------------------------------------------------------------------------

    def _written(self, laws: Sequence[_Law], noise: float, at_step: int) -> Learned:
        names: dict[str, int] = {}
        kept = [law for law in laws if self._is_worth_it(law)]
        rules = [self._rule(group, group[0].committed, names, at_step) for group in _alternatives(kept)]
        hypotheses = [
            self._rule([law], general, names, at_step, "-maybe")
            for law in laws
            for general in [law.boundary.general & ~law.unsure | self._bonds(law)]
            if law not in kept or law.committed != general or law.denied
        ]
        hypotheses += [
            self._rule([law], other | self._bonds(law), names, at_step, "-maybe")
            for law in laws
            for other in law.boundary.others
            if any(self._is_name(feature) for feature in law.space.unpack(law.boundary.general & ~other))
        ]
        hypotheses += [
            self._rule([law], law.boundary.general & ~name | self._bonds(law), names, at_step, "-maybe", chance)
            for law in laws
            for name, chance in [*law.names.items(), *((trait, _UNTESTED) for trait in law.untested)]
            if chance >= _OTHER_NAMES
        ]
        sure = [law for law in kept if law.support >= _SUPPORTED]
        around = (
            list if self._references.takes_arguments else self._near
        )  # arguments are told apart by their names besides
        refs = dict.fromkeys(ref for law in sure for ref in around(self._mentioned(law)))
        needed = dict.fromkeys(f for law in sure for f in law.space.unpack(law.boundary.general) if self._is_name(f))
        return Learned(tuple(rules), tuple(hypotheses), noise, tuple(refs), tuple(needed))

    def _is_name(self, feature: Feature) -> bool:
        return feature.form is Form.IS and self._references.type_of(feature.ref) in self._vocabulary.nominal

    def _names_argument(self, feature: Feature) -> bool:
        return self._is_name(feature) and any(key.is_argument for key in feature.ref.keys)

    def _is_worth_it(self, law: _Law) -> bool:
        """Whether the effects that a law explains would cost more to list than the law costs to state."""
        return law.support * _UNEXPLAINED >= self._length([law], 0.0) + _EFFECT_PRICE * len(law.pattern)

    def _mentioned(self, law: _Law) -> list[Ref]:
        features = law.space.unpack(law.boundary.general)
        return [*refs_of(law.pattern), *(part for f in features for ref in f.refs() for part in ref.parts())]

    def _rule(
        self,
        laws: Sequence[_Law],
        bits: int,
        names: dict[str, int],
        at_step: int,
        suffix: str = "",
        chance: float = 1.0,
    ) -> ActionRule:
        """One rule of laws that differ in their effects only; `chance` is that it holds at all."""
        total = sum(law.support for law in laws)
        missed = max(0, min(law.contradicted - (total - law.support) for law in laws))
        outcomes = [(round(chance * law.support / max(1, total + missed), 6), law.pattern) for law in laws]
        features = laws[0].space.unpack(bits)
        if not suffix:
            features += laws[0].denied
        evidence = Evidence(total, missed, AUTHOR, at_step)
        name = self._name(laws[0].pattern) + suffix
        names[name] = names.get(name, 0) + 1
        numbered = name if names[name] == 1 else f"{name}-{names[name]}"
        return RuleWriter(self._references, self._action).write(numbered, outcomes, features, evidence)

    def _name(self, pattern: EffectPattern) -> str:
        words = [self._action]
        for assignment in pattern:
            words.append(assignment.head)
            if isinstance(assignment.new, str) and assignment.new in self._vocabulary.constant_types:
                words.append(assignment.new)
        return "-".join(words)[:48]


def _referred(pattern: EffectPattern) -> set[Ref]:
    """Every reference that an effect mentions, and what it changes."""
    return {*refs_of(pattern), *(part for assignment in pattern for part in assignment.target.parts())}


def _was_missed(pattern: EffectPattern, transition: Transition, frame: Frame) -> bool:
    """Whether the effect could have come about here, and something else was seen in its place."""
    missed = False
    for assignment in pattern:
        keys = [frame.resolve(key) for key in assignment.keys]
        new = frame.resolve(assignment.new) if isinstance(assignment.new, Ref) else assignment.new
        if None in keys or (new is None and assignment.new is not None):
            return False
        fluent = (assignment.head, *[str(key) for key in keys])
        if assignment.old is not None and transition.before.value(fluent) != assignment.old:
            return False
        after = transition.after.value(fluent)
        missed |= transition.is_observed(fluent) and new != ("true" if after is True else after)
    return missed


def _alternatives(laws: Sequence[_Law]) -> list[list[_Law]]:
    """Laws that require the same and of which at most one can be what happens: the outcomes of one rule."""
    groups: dict[tuple[object, ...], list[_Law]] = {}
    for law in laws:
        targets = tuple(sorted((assignment.target for assignment in law.pattern), key=str))
        requires = tuple(sorted((f for f in law.space.unpack(law.committed)), key=Feature.sort_key))
        olds = tuple(assignment.old for assignment in law.pattern)
        groups.setdefault((targets, requires, law.denied, olds), []).append(law)
    return list(groups.values())
