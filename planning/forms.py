"""Compiles rules and goals: the order in which conditions are joined, and where in a binding each term stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from worldwright.planning.facts import Facts
from worldwright.planning.joins import (
    Collect,
    Compares,
    Differs,
    Each,
    Filter,
    Gate,
    Holds,
    Join,
    Names,
    NamesGetter,
    Node,
    Reached,
    Table,
    names_getter,
)
from worldwright.world_model.goal import Reach
from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    CounterChange,
    Effect,
    Exists,
    LiftedAtom,
    Literal,
    is_variable,
)
from worldwright.world_model.vocabulary import Variable

Places = dict[str, int]  # where a variable, a constant or the name of a predicate stands in a binding
Simple = Literal | Comparison


@dataclass(frozen=True)
class AtomForm:
    """An atom whose terms stand in a binding; `ground` gives (predicate, *arguments)."""

    ground: NamesGetter
    functional: bool


@dataclass(frozen=True)
class LateForm:
    """A condition on changing things that is no positive literal: a denied atom or a comparison."""

    ground: NamesGetter
    functional: bool
    condition: Simple


@dataclass
class DeniedForm:
    """A denied `exists`: none of the bindings of `inner` may hold."""

    inner: Conjunction
    _found: list[Names]

    def bindings(self, outer: Names) -> list[Names]:
        """The reachable bindings of the inner conjunction for one of the outer."""
        self._found.clear()
        self.inner.search(outer)
        return list(self._found)


@dataclass(frozen=True)
class EffectForm:
    """An effect: an atom made true (`positive`) or false, or a counter's change."""

    ground: NamesGetter
    functional: bool
    positive: bool
    change: CounterChange | None = None


@dataclass
class Conjunction:
    """A compiled conjunction: where its chain begins, and its conditions on changing things."""

    first: Node
    start: Names
    places: Places
    atoms: list[AtomForm] = field(default_factory=list)
    late: list[LateForm] = field(default_factory=list)
    denied: list[DeniedForm] = field(default_factory=list)
    fixed: list[AtomForm] = field(default_factory=list)  # positive literals that nothing changes

    def search(self, outer: Names = ()) -> None:
        """Send the first binding, whose first names are those of the conjunction around it."""
        self.first.push(outer + self.start)


@dataclass
class Form:
    """A compiled rule or goal (`rule` is None).

    Attributes:
        order: the place among the rules of its action; earlier rules win.
        effects: those of the likeliest outcome, deletions first.
        moved: places of objects that become the value of an injective predicate: things that are moved.
        put: those of `moved` that get a new place among many, rather than into the one hand.
        parameters: the places of the rule's parameters, which with the rule make a firing.
    """

    rule: ActionRule | None
    order: int
    conjunction: Conjunction
    parameters: NamesGetter
    arguments: NamesGetter
    effects: list[EffectForm] = field(default_factory=list)
    moved: tuple[int, ...] = ()
    put: tuple[int, ...] = ()


class Compiler:
    """Builds the chains of one problem; they share its tables.

    With `gated`, a chain goes on with a thing that its rule would put somewhere only once that thing is free.
    """

    def __init__(self, facts: Facts, reached: Reached, gated: bool = False) -> None:
        self.facts = facts
        self.reached = reached
        self.gated = gated
        self.gates: list[Gate] = []
        self.tables: dict[str, list[Table]] = {}  # of changing predicates
        self._known: dict[tuple[str, tuple[int, ...], tuple[int, ...], tuple[str, ...]], Table] = {}

    def rule(self, rule: ActionRule, order: int, take: Callable[[Form, Names], None]) -> Form:
        """The form of a rule; its instances go to `take`."""
        form = self._form(rule.parameters, rule.preconditions, take, rule, order)
        places = form.conjunction.places
        form.arguments = names_getter([places[variable.name] for variable in self._given(rule)])
        self._add_effects(form, rule)
        return form

    def _given(self, rule: ActionRule) -> Sequence[Variable]:
        """The parameters that are the action's own arguments."""
        return rule.parameters[: len(self.facts.vocabulary.action(rule.action).types)]

    def goal(self, goal: Reach, take: Callable[[Form, Names], None]) -> Form:
        """The form of a goal; the ways to reach it go to `take`."""
        return self._form(goal.parameters, goal.conditions, take, None, 0)

    def _form(
        self,
        parameters: Sequence[Variable],
        conditions: Sequence[Condition],
        take: Callable[[Form, Names], None],
        rule: ActionRule | None,
        order: int,
    ) -> Form:
        found: list[Form] = []
        atoms: list[LiftedAtom] = []
        gated: list[str] = []
        if rule is not None:
            effects = rule.likeliest().effects
            if self.gated:
                gated = [atom.args[-1] for atom in self._moves(effects) if len(atom.args) > 1]
            atoms += [effect.counter if isinstance(effect, CounterChange) else effect.atom for effect in effects]
            atoms.append(LiftedAtom(rule.action, tuple(variable.name for variable in self._given(rule))))
        ordering = _Ordering(self, parameters, conditions, {}, atoms, frozenset(gated))
        conjunction = ordering.chain(lambda names: take(found[0], names))
        getter = names_getter([conjunction.places[variable.name] for variable in parameters])
        found.append(Form(rule, order, conjunction, getter, getter))
        return found[0]

    def _add_effects(self, form: Form, rule: ActionRule) -> None:
        effects = rule.likeliest().effects
        literals = [effect for effect in effects if isinstance(effect, Literal)]
        replaced = {_key(effect.atom) for effect in literals if effect.positive and self._functional(effect.atom)}
        for effect in literals:
            overwritten = self._functional(effect.atom) and _key(effect.atom) in replaced
            if not effect.positive and not overwritten:
                form.effects.append(self._effect(form, effect.atom, False))
        for part in effects:
            if isinstance(part, CounterChange):
                form.effects.append(self._effect(form, part.counter, True, part))
            elif part.positive:
                form.effects.append(self._effect(form, part.atom, True))
        places = form.conjunction.places
        moves = self._moves(effects)
        form.moved = tuple(places[atom.args[-1]] for atom in moves)
        form.put = tuple(places[atom.args[-1]] for atom in moves if len(atom.args) > 1)

    def _moves(self, effects: Sequence[Effect]) -> list[LiftedAtom]:
        """The effects that make a thing, given by a variable, the value of an injective predicate."""
        atoms = [effect.atom for effect in effects if isinstance(effect, Literal) and effect.positive]
        predicates = self.facts.predicates
        return [atom for atom in atoms if predicates[atom.predicate].injective and is_variable(atom.args[-1])]

    def _effect(self, form: Form, atom: LiftedAtom, positive: bool, change: CounterChange | None = None) -> EffectForm:
        getter = atom_getter(atom, form.conjunction.places)
        return EffectForm(getter, change is None and self._functional(atom), positive, change)

    def _functional(self, atom: LiftedAtom) -> bool:
        return self.facts.predicates[atom.predicate].functional

    def table(self, name: str, known: Sequence[int], wanted: Sequence[int], types: Sequence[str]) -> Table:
        """The table of a predicate that answers such a question."""
        key = (name, tuple(known), tuple(wanted), tuple(types))
        table = self._known.get(key)
        if table is None:
            table = self._known[key] = Table(known, wanted, [self.facts.members(type_) for type_ in types])
            changing = name in self.facts.changing
            if changing:
                self.tables.setdefault(name, []).append(table)
            for atom in self.reached.atoms if changing else self.facts.atoms(name):
                if atom[0] == name:
                    table.add(atom)
        return table


def _key(atom: LiftedAtom) -> tuple[str, ...]:
    return (atom.predicate, *atom.args[:-1])


def atom_getter(atom: LiftedAtom, places: Places) -> NamesGetter:
    """What reads the atom (predicate, *arguments) off a binding."""
    return names_getter([places[atom.predicate], *(places[arg] for arg in atom.args)])


class _Ordering:
    """Orders the conditions of one conjunction: tests as early as may be, then the join that multiplies least.

    What denies, counts or compares changing things comes last, when every variable is bound.
    """

    def __init__(
        self,
        compiler: Compiler,
        parameters: Sequence[Variable],
        conditions: Sequence[Condition],
        outer: Places,
        mentioned: Sequence[LiftedAtom] = (),
        gated: frozenset[str] = frozenset(),
    ) -> None:
        self._compiler = compiler
        self._facts = compiler.facts
        self._gated = gated
        self._types = {variable.name: variable.type for variable in parameters}
        self._waiting = list(conditions)
        self._inline_exists()
        self._places: Places = dict(outer)
        self._width = max(outer.values(), default=-1) + 1
        constants = dict.fromkeys(name for atom in mentioned for name in (atom.predicate, *atom.args))
        for condition in self._waiting:
            constants.update(dict.fromkeys(_terms(condition)))
        self._mentioned = frozenset(constants)
        self._start = tuple(name for name in constants if not is_variable(name) and name not in outer)
        for name in self._start:
            self._place(name)
        self._makers: list[Callable[[Node], Node]] = []
        self.result = Conjunction(Collect(lambda names: None), self._start, self._places)

    def _place(self, name: str) -> None:
        self._places[name] = self._width
        self._width += 1

    def _inline_exists(self) -> None:
        """Turn the variables of positive `exists` into further ones, under names of their own."""
        for number, condition in enumerate(self._waiting[:]):
            if isinstance(condition, Exists) and condition.positive:
                names = {variable.name: f"{variable.name}.{number}" for variable in condition.parameters}
                self._types.update({names[variable.name]: variable.type for variable in condition.parameters})
                self._waiting.remove(condition)
                self._waiting += [_renamed(part, names) for part in condition.conditions]

    def chain(self, take: Callable[[Names], None]) -> Conjunction:
        """The chain, whose complete bindings go to `take`."""
        late = []
        while self._waiting or any(name not in self._places for name in self._types):
            ready = next((each for each in self._waiting if self._is_bound(each)), None)
            if ready is None:
                self._extend()
            else:
                self._waiting.remove(ready)
                if self._is_late(ready):
                    late.append(ready)
                else:
                    self._test(ready)
        for condition in late:
            self._add_late(condition)
        node: Node = Collect(take)
        for maker in reversed(self._makers):
            node = maker(node)
        self.result.first = node
        return self.result

    def _is_bound(self, condition: Condition) -> bool:
        return all(term in self._places for term in _terms(condition) if term in self._types)

    def _is_late(self, condition: Condition) -> bool:
        changing = self._facts.changing
        if isinstance(condition, Exists):
            return any(_name(part) in changing for part in condition.conditions)
        return _name(condition) in changing and not (isinstance(condition, Literal) and condition.positive)

    # -- extending bindings -------------------------------------------------------------------------------------------

    def _extend(self) -> None:
        joins = [each for each in self._waiting if _is_join(each)]
        if joins:
            best = min(joins, key=self._fanout)
            self._waiting.remove(best)
            assert isinstance(best, Literal)
            self._join(best.atom)
        else:
            name = next(name for name in self._types if name not in self._places)
            self._place(name)
            names = tuple(self._facts.state.universe.objects(self._types[name]))
            if name not in self._mentioned:
                names = names[:1]  # there must be one, but it does not matter which
            self._makers.append(lambda following: Each(self._compiler.reached, names, following))
            self._add_gates([name])

    def _fanout(self, condition: Condition) -> float:
        assert isinstance(condition, Literal)
        known: list[tuple[int, str | None]] = []
        for place, term in enumerate(condition.atom.args, 1):
            if term in self._gated and term not in self._places:
                return 0.0  # the gate that follows lets few through
            if term in self._places:
                known.append((place, None if is_variable(term) else term))
        return self._facts.fanout(condition.atom.predicate, known)

    def _join(self, atom: LiftedAtom) -> None:
        known, key, wanted, names = [], [], [], []
        for place, term in enumerate(atom.args, 1):
            if term in self._places:
                known.append(place)
                key.append(self._places[term])
            else:
                wanted.append(place)
                names.append(term)
        types = [self._types[name] for name in names]
        twins = [(names.index(name), at) for at, name in enumerate(names) if names.index(name) != at]
        start = self._width
        for at, name in enumerate(names):
            self._place(name if names.index(name) == at else f"{name}.{start + at}")
        table = self._compiler.table(atom.predicate, known, wanted, types)
        grows = atom.predicate in self._facts.changing
        self._makers.append(lambda following: self._new_join(table, key, grows, following))
        for left, right in twins:
            self._makers.append(_same(start + left, start + right, True))
        self._add_gates(names)
        self._note(atom, grows)

    def _add_gates(self, names: Sequence[str]) -> None:
        for name in dict.fromkeys(names):
            if name in self._gated:
                self._makers.append(partial(self._new_gate, self._places[name]))

    def _new_gate(self, place: int, following: Node) -> Gate:
        gate = Gate(self._compiler.reached, place, following)
        self._compiler.gates.append(gate)
        return gate

    def _new_join(self, table: Table, key: list[int], grows: bool, following: Node) -> Join:
        join = Join(self._compiler.reached, table, key, grows, following)
        # Chains are built from their ends, so within a chain the later join comes first, as `Table.add` needs.
        table.joins.append(join)
        return join

    def _note(self, atom: LiftedAtom, grows: bool) -> None:
        form = AtomForm(atom_getter(atom, self._places), self._facts.predicates[atom.predicate].functional)
        (self.result.atoms if grows else self.result.fixed).append(form)

    # -- tests --------------------------------------------------------------------------------------------------------

    def _test(self, condition: Condition) -> None:
        """A test of a fact that never changes, or of a changing atom."""
        if isinstance(condition, Comparison):
            self._makers.append(self._fixed_comparison(condition))
        elif isinstance(condition, Exists):
            self._makers.append(self._fixed_denial(condition))
        elif condition.atom.predicate == EQUALS:
            left, right = (self._places[term] for term in condition.atom.args)
            self._makers.append(_same(left, right, condition.positive))
        elif condition.atom.predicate in self._facts.changing:
            getter = atom_getter(condition.atom, self._places)
            self._makers.append(lambda following: Holds(self._compiler.reached, getter, following))
            self._note(condition.atom, True)
        else:
            self._makers.append(self._fixed_literal(condition))
            if condition.positive:
                self._note(condition.atom, False)

    def _fixed_literal(self, literal: Literal) -> Callable[[Node], Node]:
        atoms = frozenset(self._facts.atoms(literal.atom.predicate))
        getter = atom_getter(literal.atom, self._places)
        if literal.positive:
            return lambda following: Filter(lambda names: getter(names) in atoms, following)
        return lambda following: Filter(lambda names: getter(names) not in atoms, following)

    def _fixed_comparison(self, condition: Comparison) -> Callable[[Node], Node]:
        getter = atom_getter(condition.counter, self._places)
        value = self._facts.value

        def test(names: Names) -> bool:
            return condition.accepts(int(value(getter(names)) or 0))

        return lambda following: Filter(test, following)

    def _fixed_denial(self, condition: Exists) -> Callable[[Node], Node]:
        found: list[Names] = []
        inner = self._inner(condition, found.append)

        def test(names: Names) -> bool:
            found.clear()
            inner.search(names[:width])
            return not found

        width = self._width
        return lambda following: Filter(test, following)

    def _inner(self, condition: Exists, take: Callable[[Names], None]) -> Conjunction:
        return _Ordering(self._compiler, condition.parameters, condition.conditions, self._places).chain(take)

    def _add_late(self, condition: Condition) -> None:
        reached = self._compiler.reached
        if isinstance(condition, Exists):
            # Taken to be true for reachability, and spelt out for each instance afterwards.
            found: list[Names] = []
            self.result.denied.append(DeniedForm(self._inner(condition, found.append), found))
        elif isinstance(condition, Comparison):
            getter = atom_getter(condition.counter, self._places)
            self._makers.append(lambda following: Compares(reached, condition, getter, following))
            self.result.late.append(LateForm(getter, False, condition))
        else:
            getter = atom_getter(condition.atom, self._places)
            functional = self._facts.predicates[condition.atom.predicate].functional
            self._makers.append(lambda following: Differs(reached, getter, functional, following))
            self.result.late.append(LateForm(getter, functional, condition))


def components(goal: Reach) -> list[Reach]:
    """The parts of a goal that share no variable: each can be matched on its own."""
    groups: list[tuple[set[str], list[Condition]]] = [({variable.name}, []) for variable in goal.parameters]
    for condition in goal.conditions:
        names = {term for term in _terms(condition) if is_variable(term)}
        touched = [group for group in groups if group[0] & names]
        groups = [group for group in groups if not group[0] & names]
        groups.append((names.union(*(group[0] for group in touched)), [condition, *(c for g in touched for c in g[1])]))
    return [
        Reach(
            tuple(variable for variable in goal.parameters if variable.name in names),
            tuple(condition for condition in goal.conditions if condition in conditions),
        )
        for names, conditions in groups
    ]


def _same(left: int, right: int, wanted: bool) -> Callable[[Node], Node]:
    return lambda following: Filter(lambda names: (names[left] == names[right]) is wanted, following)


def _is_join(condition: Condition) -> bool:
    return isinstance(condition, Literal) and condition.positive and condition.atom.predicate != EQUALS


def _name(condition: Simple) -> str:
    return condition.counter.predicate if isinstance(condition, Comparison) else condition.atom.predicate


def _terms(condition: Condition) -> tuple[str, ...]:
    """The names in a condition, predicates and constants included; not the variables of an `exists`."""
    if isinstance(condition, Exists):
        inner = {variable.name for variable in condition.parameters}
        return tuple(term for part in condition.conditions for term in _terms(part) if term not in inner)
    atom = condition.counter if isinstance(condition, Comparison) else condition.atom
    return (atom.predicate, *atom.args)


def _renamed(condition: Simple, names: dict[str, str]) -> Simple:
    if isinstance(condition, Comparison):
        return Comparison(condition.relation, _renamed_atom(condition.counter, names), condition.number)
    return Literal(_renamed_atom(condition.atom, names), condition.positive)


def _renamed_atom(atom: LiftedAtom, names: dict[str, str]) -> LiftedAtom:
    return LiftedAtom(atom.predicate, tuple(names.get(arg, arg) for arg in atom.args))
