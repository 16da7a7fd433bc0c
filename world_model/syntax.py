"""Reading and printing rules. `parse_rule(vocabulary, show_rule(rule)) == rule` for every well-formed rule.

What is read is checked against the vocabulary: names, arities, types, sizes, and that it has a meaning at all
(every variable bound, an effect that replaces the value it overwrites).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from worldwright.world_model.errors import SyntaxProblem, VocabularyProblem
from worldwright.world_model.language import (
    EQUALS,
    MAX_LITERALS,
    MAX_OUTCOMES,
    MAX_PARAMETERS,
    ActionRule,
    Comparison,
    Condition,
    CounterChange,
    CounterOp,
    Effect,
    Evidence,
    Exists,
    LiftedAtom,
    Literal,
    Outcome,
    Relation,
    is_variable,
    show_all,
    show_parameters,
)
from worldwright.world_model.sexpr import SExpr, parse_one
from worldwright.world_model.vocabulary import (
    MAX_ARITY,
    MAX_COUNT,
    ROOT_TYPE,
    Variable,
    Vocabulary,
    check_name,
)

Scope = dict[str, str]  # variable -> type

_VARIABLE = re.compile(r"\?[a-z][a-z0-9_-]{0,31}")


def show_rule(rule: ActionRule) -> str:
    """The rule as it stands in a model file and on screen."""
    outcomes = " ".join(map(str, rule.outcomes))
    lines = [
        f"(:rule {rule.name}",
        f"  :action {rule.action}",
        f"  :parameters ({show_parameters(rule.parameters)})",
        f"  :precondition {show_all(rule.preconditions)}",
        f"  :outcomes ({outcomes})",
        f"  :evidence {rule.evidence})",
    ]
    return "\n".join(lines)


def parse_rule(vocabulary: Vocabulary, text: str) -> ActionRule:
    """The rule that `text` shows.

    Raises:
        SyntaxProblem: it is not the text of a rule, or too large.
        VocabularyProblem: it mentions what the vocabulary does not have, or mistypes it.
    """
    return rule_of(vocabulary, parse_one(text))


def rule_of(vocabulary: Vocabulary, expression: SExpr) -> ActionRule:
    """The rule that an expression is; errors as `parse_rule`."""
    parts = _list(expression, "a rule")
    if len(parts) < 2 or parts[0] != ":rule" or not isinstance(parts[1], str):
        raise SyntaxProblem("a rule begins with (:rule NAME")
    name = check_name(parts[1])
    fields = keyword_fields(parts[2:], {":action", ":parameters", ":precondition", ":outcomes", ":evidence"})
    try:
        rule = _rule(vocabulary, name, fields)
        check_rule(vocabulary, rule)
    except KeyError as error:
        raise SyntaxProblem(f"rule {name}: {error.args[0]} is missing") from None
    except (SyntaxProblem, VocabularyProblem) as error:
        raise type(error)(f"rule {name}: {error}") from None
    return rule


def _rule(vocabulary: Vocabulary, name: str, fields: dict[str, SExpr]) -> ActionRule:
    action = _symbol(fields[":action"], "an action")
    return ActionRule(
        name=name,
        action=vocabulary.action(action).name,
        parameters=parameters_of(fields[":parameters"]),
        preconditions=tuple(condition_of(part) for part in conjuncts(fields[":precondition"])),
        outcomes=tuple(_outcome(part) for part in _list(fields[":outcomes"], "outcomes")),
        evidence=_evidence(fields[":evidence"]) if ":evidence" in fields else Evidence(),
    )


def keyword_fields(parts: Sequence[SExpr], known: set[str]) -> dict[str, SExpr]:
    """`[":a", x, ":b", y]` as `{":a": x, ":b": y}`; raises `SyntaxProblem` on unknown, double or odd ones."""
    fields: dict[str, SExpr] = {}
    for key, value in zip(parts[::2], parts[1::2], strict=False):
        if not isinstance(key, str) or key not in known or key in fields:
            raise SyntaxProblem(f"{key!r} is no field here, or stands twice; known: {', '.join(sorted(known))}")
        fields[key] = value
    if len(parts) % 2:
        raise SyntaxProblem("a field without a value")
    return fields


def conjuncts(expression: SExpr) -> list[SExpr]:
    """The parts of `(and ...)`."""
    parts = _list(expression, "(and ...)")
    if not parts or parts[0] != "and":
        raise SyntaxProblem("expected (and ...)")
    if len(parts) > MAX_LITERALS + 1:
        raise SyntaxProblem(f"more than {MAX_LITERALS} literals")
    return parts[1:]


def parameters_of(expression: SExpr) -> tuple[Variable, ...]:
    """The typed variables of `(?x ?y - thing ?c - color)`; without a type they are objects. Not checked."""
    found: list[Variable] = []
    waiting: list[str] = []
    parts = iter(_list(expression, "parameters"))
    for part in parts:
        symbol = _symbol(part, "a parameter")
        if symbol == "-" and waiting:
            type_ = _symbol(next(parts, ""), "a type")
            found += [Variable(name, type_) for name in waiting]
            waiting = []
        elif not _VARIABLE.fullmatch(symbol):
            raise SyntaxProblem(f"{symbol!r} is no variable")
        else:
            waiting.append(symbol)
    return (*found, *(Variable(name) for name in waiting))


def condition_of(expression: SExpr) -> Condition:
    """A literal, a comparison or an (un)quantified exists."""
    head, parts = _head(expression)
    if head == "not":
        return _denied(condition_of(_only(parts)))
    if head == "exists":
        if len(parts) != 2:
            raise SyntaxProblem("expected (exists (PARAMETERS) (and ...))")
        inside = [condition_of(part) for part in conjuncts(parts[1])]
        simple = tuple(part for part in inside if not isinstance(part, Exists))
        if len(simple) < len(inside):
            raise SyntaxProblem("exists inside exists")
        return Exists(parameters_of(parts[0]), simple)
    if head in tuple(Relation) and len(parts) == 2 and isinstance(parts[0], list):
        return Comparison(Relation(head), _lifted(parts[0]), _number(parts[1]))
    return Literal(_lifted(_list(expression, "a literal")))


def _denied(condition: Condition) -> Condition:
    if isinstance(condition, Comparison) or not condition.positive:
        raise SyntaxProblem("only an atom or an exists can be denied, once")
    if isinstance(condition, Literal):
        return Literal(condition.atom, positive=False)
    return Exists(condition.parameters, condition.conditions, positive=False)


def _outcome(expression: SExpr) -> Outcome:
    parts = _list(expression, "an outcome")
    if len(parts) != 2:
        raise SyntaxProblem("expected (PROBABILITY (and ...))")
    text = _symbol(parts[0], "a probability")
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,8})?(e-[0-9]{1,2})?", text) or not 0 <= float(text) <= 1:
        raise SyntaxProblem(f"{text!r} is no probability")
    return Outcome(float(text), tuple(_effect(part) for part in conjuncts(parts[1])))


def _effect(expression: SExpr) -> Effect:
    head, parts = _head(expression)
    if head in tuple(CounterOp):
        if len(parts) != 2:
            raise SyntaxProblem(f"expected ({head} (COUNTER) NUMBER)")
        return CounterChange(CounterOp(head), _lifted(_list(parts[0], "a counter")), _number(parts[1]))
    condition = condition_of(expression)
    if not isinstance(condition, Literal) or condition.atom.predicate == EQUALS:
        raise SyntaxProblem("an effect is a literal or a counter change")
    return condition


def _evidence(expression: SExpr) -> Evidence:
    fields = keyword_fields(_list(expression, "evidence"), {"support", "contradicted", "author", "learned-at"})
    try:
        numbers = [natural_of(fields[key]) for key in ("support", "contradicted", "learned-at")]
        author = check_name(_symbol(fields["author"], "an author"))
    except KeyError as error:
        raise SyntaxProblem(f"evidence without {error.args[0]}") from None
    return Evidence(numbers[0], numbers[1], author, numbers[2])


def _list(expression: SExpr, what: str) -> list[SExpr]:
    if isinstance(expression, str):
        raise SyntaxProblem(f"expected {what} in brackets, found {expression!r}")
    return expression


def _symbol(expression: SExpr, what: str) -> str:
    if not isinstance(expression, str) or not expression:
        raise SyntaxProblem(f"expected {what}, found a list or nothing")
    return expression


def _number(expression: SExpr) -> int:
    text = _symbol(expression, "a number")
    if not re.fullmatch(r"-?[0-9]{1,7}", text) or abs(int(text)) > MAX_COUNT:
        raise SyntaxProblem(f"{text!r} is no whole number up to {MAX_COUNT}")
    return int(text)


def natural_of(expression: SExpr) -> int:
    """A number of things seen or of steps made: not negative, at most 12 digits."""
    text = _symbol(expression, "a number")
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise SyntaxProblem(f"{text!r} is no number of at most 12 digits")
    return int(text)


def _head(expression: SExpr) -> tuple[str, list[SExpr]]:
    parts = _list(expression, "a literal")
    if not parts:
        raise SyntaxProblem("an empty literal")
    return _symbol(parts[0], "a predicate"), parts[1:]


def _only(parts: list[SExpr]) -> SExpr:
    if len(parts) != 1:
        raise SyntaxProblem("'not' takes one part")
    return parts[0]


def _lifted(parts: list[SExpr]) -> LiftedAtom:
    if not 1 <= len(parts) <= MAX_ARITY + 1:
        raise SyntaxProblem(f"an atom has a name and up to {MAX_ARITY} arguments, this has {len(parts)} parts")
    names = [_symbol(part, "a name") for part in parts]
    return LiftedAtom(names[0], tuple(names[1:]))


# -- meaning ---------------------------------------------------------------------------------------------


def check_rule(vocabulary: Vocabulary, rule: ActionRule) -> None:
    """Raise `SyntaxProblem` or `VocabularyProblem` unless the rule is well-formed over the vocabulary."""
    check_name(rule.name)
    check_name(rule.evidence.author)
    signature = vocabulary.action(rule.action)
    scope = check_parameters(vocabulary, rule.parameters)
    given = [variable.type for variable in rule.parameters[: len(signature.types)]]
    if given != list(signature.types):
        raise VocabularyProblem(f"the first parameters are not those of {rule.action}: {signature.types}")
    check_conditions(vocabulary, rule.preconditions, scope)
    _check_outcomes(vocabulary, rule, scope)


def count_literals(conditions: Iterable[Condition]) -> int:
    """How many literals and comparisons there are, those inside an exists counted too."""
    return sum(
        1 + count_literals(condition.conditions) if isinstance(condition, Exists) else 1 for condition in conditions
    )


def check_parameters(vocabulary: Vocabulary, parameters: Iterable[Variable]) -> Scope:
    """The types of the parameters; raises if one is unknown or stands twice, or if they are too many."""
    scope: Scope = {}
    for variable in parameters:
        if not _VARIABLE.fullmatch(variable.name) or variable.name in scope:
            raise SyntaxProblem(f"{variable.name[:40]!r} is no variable, or stands twice")
        vocabulary.supertypes(variable.type)
        scope[variable.name] = variable.type
    if len(scope) > MAX_PARAMETERS:
        raise SyntaxProblem(f"{len(scope)} parameters are over the limit of {MAX_PARAMETERS}")
    return scope


def check_conditions(vocabulary: Vocabulary, conditions: Sequence[Condition], scope: Scope) -> None:
    """Names, arities and types of the conditions; raises `VocabularyProblem` or `SyntaxProblem`."""
    if count_literals(conditions) > MAX_LITERALS:
        raise SyntaxProblem(f"more than {MAX_LITERALS} literals")
    for condition in conditions:
        if isinstance(condition, Exists):
            inner = check_parameters(vocabulary, condition.parameters)
            if set(inner) & set(scope):
                raise SyntaxProblem("exists uses the name of an outer variable")
            check_conditions(vocabulary, condition.conditions, scope | inner)
        elif isinstance(condition, Comparison):
            _check_args(vocabulary, condition.counter, vocabulary.counter(condition.counter.predicate).types, scope)
            _check_number(condition.number)
        else:
            _check_atom(vocabulary, condition.atom, scope)


def _check_atom(vocabulary: Vocabulary, atom: LiftedAtom, scope: Scope) -> None:
    if atom.predicate == EQUALS:
        types: tuple[str, ...] = (ROOT_TYPE, ROOT_TYPE)
    else:
        types = vocabulary.predicate(atom.predicate).types
    _check_args(vocabulary, atom, types, scope)


def _check_args(
    vocabulary: Vocabulary, atom: LiftedAtom, types: tuple[str, ...], scope: Scope, exact: bool = False
) -> None:
    """A condition may ask of a thing what only some things of its type can be; an effect (`exact`) may not do it."""
    if len(atom.args) != len(types):
        raise VocabularyProblem(f"{atom} has {len(atom.args)} arguments, {atom.predicate!r} takes {len(types)}")
    for term, wanted in zip(atom.args, types, strict=True):
        actual = scope.get(term) if is_variable(term) else vocabulary.constant_types.get(term)
        if actual is None:
            raise VocabularyProblem(f"{atom}: {term!r} is not declared")
        if not (vocabulary.is_a(actual, wanted) or (not exact and vocabulary.is_a(wanted, actual))):
            raise VocabularyProblem(f"{atom}: {term!r} is a {actual}, not a {wanted}")


def _narrowed(vocabulary: Vocabulary, rule: ActionRule, scope: Scope) -> Scope:
    """The types that the parameters have where the preconditions hold."""
    found = dict(scope)
    for condition in rule.preconditions:
        if isinstance(condition, Literal) and condition.positive and condition.atom.predicate != EQUALS:
            types = vocabulary.predicate(condition.atom.predicate).types
            for term, wanted in zip(condition.atom.args, types, strict=True):
                if term in found and vocabulary.is_a(wanted, found[term]):
                    found[term] = wanted
    return found


def _check_outcomes(vocabulary: Vocabulary, rule: ActionRule, scope: Scope) -> None:
    if not 1 <= len(rule.outcomes) <= MAX_OUTCOMES:
        raise SyntaxProblem(f"a rule has 1 to {MAX_OUTCOMES} outcomes")
    if not all(0 <= outcome.probability <= 1 for outcome in rule.outcomes):
        raise SyntaxProblem("a probability lies between 0 and 1")
    total = sum(outcome.probability for outcome in rule.outcomes)
    if not math.isclose(total, 1.0, abs_tol=1e-4):
        raise SyntaxProblem(f"the probabilities add up to {total:.6g}, not to 1")
    for outcome in rule.outcomes:
        if len(outcome.effects) > MAX_LITERALS:
            raise SyntaxProblem(f"more than {MAX_LITERALS} effects")
        _check_effects(vocabulary, rule, outcome, _narrowed(vocabulary, rule, scope))


def _check_number(number: int) -> None:
    if abs(number) > MAX_COUNT:
        raise SyntaxProblem(f"a number is over the limit of {MAX_COUNT}")


def _check_effects(vocabulary: Vocabulary, rule: ActionRule, outcome: Outcome, scope: Scope) -> None:
    changed: list[tuple[str, ...]] = []
    required = {
        condition.atom for condition in rule.preconditions if isinstance(condition, Literal) and condition.positive
    }
    deleted = {part.atom for part in outcome.effects if isinstance(part, Literal) and not part.positive}
    for effect in outcome.effects:
        if isinstance(effect, CounterChange):
            counter = vocabulary.counter(effect.counter.predicate)
            _check_args(vocabulary, effect.counter, counter.types, scope, exact=True)
            _check_number(effect.number)
            changed.append((effect.counter.predicate, *effect.counter.args))
            continue
        predicate = vocabulary.predicate(effect.atom.predicate)
        _check_args(vocabulary, effect.atom, predicate.types, scope, exact=effect.positive)
        if predicate.static:
            raise VocabularyProblem(f"{effect}: {predicate.name!r} never changes")
        if effect.positive and effect.atom in deleted:
            raise SyntaxProblem(f"an outcome both adds and deletes {effect}")
        key = effect.atom.args[:-1] if predicate.functional else effect.atom.args
        if effect.positive:
            changed.append((predicate.name, *key))
        if predicate.functional and effect.positive:
            replaced = [
                atom for atom in deleted & required if (atom.predicate, atom.args[:-1]) == (predicate.name, key)
            ]
            if not replaced:
                raise SyntaxProblem(f"{effect} does not delete the value that it replaces, bound by a precondition")
        if not predicate.functional and not effect.positive:
            changed.append((predicate.name, *key))
    if len(set(changed)) < len(changed):
        raise SyntaxProblem("an outcome changes the same thing twice")
