"""What the rules of a model imply between things: what an action needs, makes and uses up, and what that enables.

A *concept* is a fact without the particular things that it is about: that a thing is a door (`kind=door`), that a
door is locked (`state=locked of kind=door`), that a key is held (`holding kind=key`). Things are told apart by the
constants that rules demand of them in facts that never change (a door's state may, its kind does not).

Beside what the rules imply stands what somebody said of actions and things, with what experience makes of it: nothing
yet, that it is so, or that it is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import networkx as nx

from worldwright.world_model.edges import FOUND_IN, PRODUCES, REQUIRES, Edge
from worldwright.world_model.errors import SyntaxProblem
from worldwright.world_model.language import (
    EQUALS,
    ActionRule,
    Comparison,
    Condition,
    CounterChange,
    CounterOp,
    Exists,
    LiftedAtom,
    Literal,
    Relation,
    is_variable,
)
from worldwright.world_model.model import WorldModel

CONSUMES, ENABLES = "consumes", "enables"
_RELATIONS = (REQUIRES, PRODUCES, CONSUMES, ENABLES, FOUND_IN)
SAID, OBSERVED, REFUTED = "not observed yet", "observed", "refuted"
_ENOUGH = 5  # transitions that bear out rules which do not say so, after which a word of rules is refuted

Description = tuple[tuple[str, str], ...]  # (functional predicate, constant), sorted


class Concept(NamedTuple):
    """A fact as rules speak of it.

    Attributes:
        predicate: of the fact, or the counter.
        terms: for each argument the constant, or None where the rule has a variable.
        about: for each argument what the rule says of it by constants: that its kind is `key`.
        number: for a counter that is compared with a number, the comparison.
    """

    predicate: str
    terms: tuple[str | None, ...]
    about: tuple[Description, ...]
    number: str = ""

    def __str__(self) -> str:
        constants = [term for term in self.terms if term is not None]
        named = "=".join([self.predicate, ",".join(constants)]) if constants else self.predicate
        said = [" ".join("=".join(part) for part in description) for description in self.about if description]
        joint = " of " if constants and said else " "
        return joint.join([named, ", ".join(said)]).strip() + (f" {self.number}" if self.number else "")

    def says_more(self) -> bool:
        """Whether it says more than that some things are so related."""
        return not self.terms or bool(self.number) or any(self.terms)

    def named(self) -> bool:
        """Whether it says anything constant, be it of the things."""
        return self.says_more() or any(self.about)


class Standing(NamedTuple):
    """What experience makes of somebody's word.

    Attributes:
        verdict: not observed yet, observed or refuted.
        support: how many transitions, or things found, speak for it.
        contradicted: how many speak against it.
    """

    verdict: str
    support: int
    contradicted: int

    def __str__(self) -> str:
        return self.verdict + (f" (support {self.support} contradicted {self.contradicted})" if any(self[1:]) else "")


_MARKS = (("verdict", str), ("support", int), ("contradicted", int))


class _Need(NamedTuple):
    concept: Concept
    relation: Relation | None  # of a comparison
    positive: bool


class _Change(NamedTuple):
    concept: Concept
    op: CounterOp | None
    positive: bool


@dataclass(frozen=True)
class KnowledgeGraph:
    """A `networkx` graph of concepts, actions and rules.

    Nodes are texts, with `type` concept, action or rule. Edges have a `relation`: a rule requires its action and
    concepts, produces and consumes concepts, and enables rules that require what it produces (or that something is
    not the case which it consumes). `denied=True` marks what is required not to be; `via` the concepts that enable.
    Edges with an `author` are somebody's word: `verdict`, `support` and `contradicted` say what experience makes of it.
    """

    graph: nx.MultiDiGraph

    @staticmethod
    def of(model: WorldModel) -> KnowledgeGraph:
        """What the rules of the model imply (its hypotheses are left out), and what was said beside."""
        graph = nx.MultiDiGraph()
        for rule in model.rules:
            graph.add_node(f"action {rule.action}", type="action")
        changing, lasting = _changing(model), _lasting(model)
        told = [(rule, *_concepts_of(rule, lasting)) for rule in model.rules]
        for rule, needs, changes in told:
            node = f"rule {rule.name}"
            graph.add_node(node, type="rule", support=rule.evidence.support, contradicted=rule.evidence.contradicted)
            _link(graph, node, f"action {rule.action}", REQUIRES)
            for need in needs:
                if need.concept.says_more() or need.concept.predicate in changing:
                    _link(graph, node, _concept(graph, need.concept), REQUIRES, denied=not need.positive)
            for change in changes:
                _link(graph, node, _concept(graph, change.concept), PRODUCES if change.positive else CONSUMES)
        for maker, _, changes in told:
            for user, needs, _ in told:
                via = sorted({str(need.concept) for need in needs if any(_serves(made, need) for made in changes)})
                if via:
                    _link(graph, f"rule {maker.name}", f"rule {user.name}", ENABLES, via=via)
        for edge in model.edges:
            _add_said(graph, model, edge, told)
        return KnowledgeGraph(graph)

    def concepts(self) -> list[str]:
        """The concepts, in the order in which the rules mention them."""
        return [node for node, type_ in self.graph.nodes(data="type") if type_ == "concept"]

    def related(self, rule: str, relation: str) -> list[str]:
        """What the rule of that name requires, produces, consumes or enables."""
        edges = self.graph.out_edges(f"rule {rule}", data=True)
        return [
            f"not {target}" if data.get("denied") else target
            for _, target, data in edges
            if data["relation"] == relation
        ]

    def enabling(self, rule: str) -> list[str]:
        """The names of the rules that enable this one."""
        edges = self.graph.in_edges(f"rule {rule}", data="relation")
        return [source.removeprefix("rule ") for source, _, relation in edges if relation == ENABLES]

    def said(self) -> list[tuple[str, str, str, Standing]]:
        """Somebody's words: subject, relation, object, and what experience makes of them."""
        edges = ((source, target, data) for source, target, data in self.graph.edges(data=True) if "author" in data)
        return [
            (source, data["relation"], target, Standing(*(data[mark] for mark in Standing._fields)))
            for source, target, data in edges
        ]

    def to_data(self) -> dict[str, Any]:
        """JSON-able node-link data, always the same for the same rules."""
        data: dict[str, Any] = nx.node_link_data(self.graph, edges="edges")
        return data

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> KnowledgeGraph:
        """The graph of which `to_data` made the data; raises `SyntaxProblem` if it is none."""
        try:
            graph = nx.node_link_graph(dict(data), directed=True, multigraph=True, edges="edges")
        except (KeyError, TypeError, ValueError, AttributeError, nx.NetworkXError) as error:
            raise SyntaxProblem(f"no knowledge graph: {error!r}") from None
        kinds = set(nx.get_node_attributes(graph, "type").values()) - {"concept", "action", "rule"}
        untyped = len(nx.get_node_attributes(graph, "type")) < len(graph)
        relations = {relation for _, _, relation in graph.edges(data="relation")} - set(_RELATIONS)
        said = [data for _, _, data in graph.edges(data=True) if "author" in data]
        untold = any(not isinstance(data.get(mark), kind) for data in said for mark, kind in _MARKS)
        if kinds or untyped or relations or untold:
            raise SyntaxProblem("no knowledge graph: a node or an edge is of no known kind")
        return KnowledgeGraph(graph)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for node, type_ in self.graph.nodes(data="type"):
            if type_ == "rule":
                yield node
                for relation in _RELATIONS:
                    found = self.related(node.removeprefix("rule "), relation)
                    if found:
                        yield f"  {relation} {', '.join(found)}"
        for subject, relation, object_, standing in self.said():
            yield f"said: {subject} {relation} {object_}: {standing}"


def _changing(model: WorldModel) -> set[str]:
    """The predicates of which facts change."""
    return {atom.predicate for rule in model.rules for atom, _, _ in _changed_atoms(rule)}


def _lasting(model: WorldModel) -> set[str]:
    return {p.name for p in model.vocabulary.predicates if p.functional} - _changing(model)


def _link(graph: nx.MultiDiGraph, source: str, target: str, relation: str, **data: object) -> None:
    # The key makes a second edge of the same kind replace the first.
    marks = {key: value for key, value in data.items() if value}
    graph.add_edge(source, target, key=f"{relation}{' not' if 'denied' in marks else ''}", relation=relation, **marks)


def _concept(graph: nx.MultiDiGraph, concept: Concept) -> str:
    constants = [term for term in concept.terms if term is not None]
    graph.add_node(str(concept), type="concept", predicate=concept.predicate, constants=constants)
    return str(concept)


# -- concepts ---------------------------------------------------------------------------------------------


def _concepts_of(rule: ActionRule, lasting: Collection[str]) -> tuple[list[_Need], list[_Change]]:
    """What a rule requires and what any of its possible outcomes changes, each once."""
    about = _descriptions(rule.preconditions, lasting)
    needs = list(dict.fromkeys(_needs(rule.preconditions, about, lasting)))
    changes = [_Change(_concept_of(atom, about), op, positive) for atom, op, positive in _changed_atoms(rule)]
    return needs, list(dict.fromkeys(changes))


def _changed_atoms(rule: ActionRule) -> Iterator[tuple[LiftedAtom, CounterOp | None, bool]]:
    for outcome in rule.outcomes:
        for effect in outcome.effects if outcome.probability > 0 else ():
            if isinstance(effect, CounterChange):
                up = (effect.op is CounterOp.DECREASE) == (effect.number < 0)
                yield effect.counter, effect.op, up
            else:
                yield effect.atom, None, effect.positive


def _descriptions(conditions: Iterable[Condition], lasting: Collection[str]) -> dict[str, Description]:
    """What is said of each variable by lasting functional predicates with constants: `(kind ?x door)`."""
    found: dict[str, set[tuple[str, str]]] = {}
    for condition in conditions:
        if isinstance(condition, Exists):
            for name, description in _descriptions(condition.conditions, lasting).items():
                found.setdefault(name, set()).update(description)
        elif isinstance(condition, Literal) and condition.positive and len(condition.atom.args) == 2:
            predicate, (thing, value) = condition.atom.predicate, condition.atom.args
            if is_variable(thing) and not is_variable(value) and predicate in lasting:
                found.setdefault(thing, set()).add((predicate, value))
    return {name: tuple(sorted(said)) for name, said in found.items()}


def _needs(conditions: Iterable[Condition], about: dict[str, Description], lasting: Collection[str]) -> Iterator[_Need]:
    for condition in conditions:
        if isinstance(condition, Exists):
            for need in _needs(condition.conditions, about, lasting):
                # Of what must not exist each part is denied, save those that only tell which things are meant.
                if condition.positive or need.concept.predicate not in lasting:
                    yield need._replace(positive=need.positive == condition.positive)
        elif isinstance(condition, Comparison):
            number = f"{condition.relation}{condition.number}"
            yield _Need(_concept_of(condition.counter, about)._replace(number=number), condition.relation, True)
        elif condition.atom.predicate != EQUALS:
            yield _Need(_concept_of(condition.atom, about), None, condition.positive)


def _concept_of(atom: LiftedAtom, about: dict[str, Description]) -> Concept:
    """The atom's concept; a thing is not described by the very fact that it is about."""
    described = [tuple(said for said in about.get(arg, ()) if said[0] != atom.predicate) for arg in atom.args]
    return Concept(atom.predicate, tuple(None if is_variable(arg) else arg for arg in atom.args), tuple(described))


# -- what was said ------------------------------------------------------------------------------------------

_Told = tuple[ActionRule, list[_Need], list[_Change]]


def _standing(model: WorldModel, edge: Edge, told: Iterable[_Told]) -> Standing:
    if edge.relation == FOUND_IN:
        here = model.findings.found.get((edge.subject, edge.object), 0)
        refuted = model.findings.refutes(edge.subject, edge.object)
        return Standing(_verdict(here, refuted), here, model.findings.seen(edge.subject) - here)
    support = contradicted = 0
    for rule, needs, changes in told:
        required = {name for need in needs if need.positive for name in _names(need.concept)}
        made = {name for change in changes if change.positive for name in _names(change.concept)}
        causes, results = (made, required) if edge.relation == REQUIRES else (required, made)
        if edge.subject in {rule.action, *causes}:
            says = edge.object in results
            support += says * max(rule.evidence.support, 1)
            contradicted += (not says) * rule.evidence.support
    return Standing(_verdict(support, not support and contradicted >= _ENOUGH), support, contradicted)


def _verdict(support: int, refuted: bool) -> str:
    return REFUTED if refuted else OBSERVED if support else SAID


def _names(concept: Concept) -> set[str]:
    """The constants that a concept speaks of."""
    return {term for term in concept.terms if term} | {value for said in concept.about for _, value in said}


def _add_said(graph: nx.MultiDiGraph, model: WorldModel, edge: Edge, told: Iterable[_Told]) -> None:
    subject, object_ = (_said_node(graph, model, word) for word in (edge.subject, edge.object))
    found = _standing(model, edge, told)
    graph.add_edge(
        subject,
        object_,
        key=f"{edge.relation} says {edge.author}",
        relation=edge.relation,
        author=edge.author,
        **found._asdict(),
    )


def _said_node(graph: nx.MultiDiGraph, model: WorldModel, word: str) -> str:
    """The node of an action, or of the concept that a constant makes if only one predicate takes it for its value."""
    if any(action.name == word for action in model.vocabulary.actions):
        graph.add_node(f"action {word}", type="action")
        return f"action {word}"
    type_ = model.vocabulary.constant_types[word]
    taking = [p for p in model.vocabulary.predicates if p.functional and not p.static and p.types[-1] == type_]
    if len(taking) != 1:
        return _concept(graph, Concept(word, (), ()))
    before = len(taking[0].types) - 1
    return _concept(graph, Concept(taking[0].name, (*(None,) * before, word), ((),) * (before + 1)))


# -- enabling ---------------------------------------------------------------------------------------------


def _serves(change: _Change, need: _Need) -> bool:
    """Whether a change can bring about what is needed.

    Where neither side names anything constant too little is said. A constant (`nothing`) is taken not to be a thing
    of which something is demanded.
    """
    made, wanted = change.concept, need.concept
    if made.predicate != wanted.predicate or not (made.named() or wanted.named()):
        return False
    for one, other, said, asked in zip(made.terms, wanted.terms, made.about, wanted.about, strict=True):
        if (one and other and one != other) or (one and asked) or (other and said):
            return False
        if any(value != demanded for p, value in said for q, demanded in asked if p == q):
            return False
    if change.op is None:
        return change.positive == need.positive
    if change.op is CounterOp.ASSIGN or need.relation is Relation.EQUAL:
        return True
    return change.positive == ((need.relation is Relation.AT_LEAST) == need.positive)
