"""Values: unknowns, measurements and columns of data, with operators and functions applied to them."""

from __future__ import annotations

from dataclasses import replace

from .. import vocabulary
from ..diagnostics import Diagnostic, Label, SpecError, error
from ..diagnostics.nearest import nearest
from ..model import terms as t
from ..model.word import Function
from ..syntax.tree import Argument, Binary, Call, Dot, Expr, Name, Negative, Number
from . import constants
from .absent import no_member, unknown_name
from .names import RESERVED
from .phrases import listed, misplaced, stage_word
from .reader import Reader, parts
from .scope import Scope
from .statements import UNKNOWNS


class Values(Reader):
    """Reads values."""

    def value(self, node: Expr, scope: Scope) -> t.ValueTerm:
        """A value: unknowns, measurements, columns, and operators and functions applied to them. Raises SpecError."""
        self.tick(node.span)
        stage = stage_word(node)
        if stage is not None and not scope.results and scope.find(stage) is None and not _is_column(stage, scope):
            raise misplaced(stage, node.span)
        if self.is_constant(node, scope):
            return t.Constant(self.number(node, scope), span=node.span)
        match node:
            case Name():
                return self._value_name(node, scope)
            case Binary(op="@"):
                return t.Apply(self.operator(node.left, scope), self.value(node.right, scope), span=node.span)
            case Binary(op="+" | "-"):
                left, right = self.value(node.left, scope), self.value(node.right, scope)
                if node.op == "-":
                    right = t.Times(-1.0, right, span=node.right.span)
                return t.Plus(parts(t.Plus, left) + parts(t.Plus, right), span=node.span)
            case Binary(op="/", right=Name(id=unit)) if constants.is_unit(node) and scope.find(unit) is None:
                return t.Times(constants.per(unit), self.value(node.left, scope), span=node.span)
            case Binary(op="*") if self.is_constant(node.left, scope):
                return t.Times(self.number(node.left, scope), self.value(node.right, scope), span=node.span)
            case Binary(op="*") if self.is_constant(node.right, scope):
                return t.Times(self.number(node.right, scope), self.value(node.left, scope), span=node.span)
            case Binary(op="/") if self.is_constant(node.right, scope):
                one = Number(1.0, "1", node.op_span)
                inverse = Binary("/", one, node.right, node.right.span, node.op_span)
                return t.Times(self.number(inverse, scope), self.value(node.left, scope), span=node.span)
            case Binary(op="*") if not self._is_operator(node.left, scope):
                return t.Product(self.value(node.left, scope), self.value(node.right, scope), span=node.span)
            case Binary(op="^") if self.is_constant(node.right, scope):
                exponent = self.plain(node.right, scope, "an exponent")
                return t.Power(self.value(node.left, scope), exponent, span=node.span)
            case Binary():
                raise SpecError(self._of_two_values(node, scope))
            case Negative(operand=operand):
                return t.Times(-1.0, self.value(operand, scope), span=node.span)
            case Dot():
                return self._value_member(node, scope)
            case Call(function=Name() as function, arguments=arguments):
                return self._called(node, function, arguments, scope)
        hint = "such as `x`, `A @ x` or `exp(-A @ x)`"
        raise SpecError(error("RK002", "expected a value", node.span, help=hint))

    def _is_operator(self, node: Expr, scope: Scope) -> bool:
        """Whether an expression is an operator by its name or by the word that it calls."""
        head = node.function if isinstance(node, Call) else node
        d = scope.find(head.id) if isinstance(head, Name) else None
        if d is not None:
            return d.kind == "forward"
        return isinstance(head, Name) and vocabulary.find("operator", head.id) is not None

    def _of_two_values(self, node: Binary, scope: Scope) -> Diagnostic:
        if node.op == "*":
            hint = f"write `{node.left.span.text} @ {node.right.span.text}`"
            return error("RK003", "an operator is applied by `@`, and `*` scales by a number", node.op_span, help=hint)
        return error(
            "RK003",
            f"this version of recon has no `{node.op}` of two values",
            node.op_span,
            help="`*` scales by a number, `@` applies an operator",
        )

    def _value_name(self, node: Name, scope: Scope) -> t.ValueTerm:
        name = node.id
        if _is_column(name, scope):
            return t.Column(name, span=node.span)
        d = scope.find(name)
        if scope.results and name in RESERVED and d is None:
            return t.Reserved(name, None, span=node.span)
        if scope.columns != () and (d is None or d.kind in (*UNKNOWNS, "measured")):
            raise SpecError(_no_column(node, scope.columns))
        if d is not None and (d.kind in UNKNOWNS or name in scope.derived):
            self.read_names.add((d.name, d.span))
            return t.Unknown(name, span=node.span)
        if d is not None and d.kind == "measured":
            return t.Measured(name, span=node.span)
        if d is not None and d.kind == "known":
            self.read_names.add((d.name, d.span))
            return t.Known(name, span=node.span)
        if d is not None and d.kind == "method" and scope.results:
            hint = f"write `{name}.estimate`"
            raise SpecError(error("RK001", f"`{name}` is a method, not a value", node.span, help=hint))
        found = self.named(node, scope, "value", self.value)
        if found is not None:
            return found
        raise SpecError(unknown_name(self, node, scope, "value", scope.columns or ()))

    def _value_member(self, node: Dot, scope: Scope) -> t.ValueTerm:
        if isinstance(node.base, Name) and node.member in RESERVED and scope.results:
            method = node.base.id
            d = scope.names.get(method)
            if d is None or d.kind != "method":
                raise SpecError(no_method(node.base, scope))
            return t.Reserved(node.member, method, span=node.span)
        found = self.named(node, scope, "value", self.value)
        if found is not None:
            return found
        raise SpecError(no_member(self, node, scope))

    def _called(self, node: Call, function: Name, arguments: tuple[Argument, ...], scope: Scope) -> t.ValueTerm:
        word = vocabulary.find("function", function.id)
        if word is not None and issubclass(word, Function):
            rest = arguments[1:]
            if not arguments or arguments[0].name is not None or (rest and not word.model_fields):
                raise SpecError(error("RV003", f"`{function.id}` takes one value", node.span))
            made = self.word(replace(node, arguments=rest), "function", scope) if word.model_fields else word()
            return t.Pointwise(made, self.value(arguments[0].value, scope), span=node.span)
        d = scope.find(function.id)
        if d is not None or vocabulary.find("operator", function.id):
            inner = ", ".join(a.span.text for a in arguments)
            head = function.id if d is not None else f"{function.id}()"
            message = f"`{function.id}` is applied by `@`, not by brackets"
            hint = f"write `{head} @ {inner}`" if len(arguments) == 1 else f"write `{head} @ ...`"
            raise SpecError(error("RK006", message, function.span, help=hint))
        if function.id == "slices" and "slice" in (scope.columns or ()):
            hint = "bind `slice`, and give `axis` and `every` in the brackets of the source"
            raise SpecError(error("RV001", "the slices of a volume are rows of its source", function.span, help=hint))
        raise SpecError(unknown_name(self, function, scope, "function"))


def _is_column(name: str, scope: Scope) -> bool:
    """Whether a name stands for a column: one the source has, or any free name where only the file tells."""
    if scope.columns is not None:
        return name in scope.columns
    d = scope.find(name)
    return d is None or d.kind not in ("param", "binding", "forward")


def _no_column(node: Name, columns: tuple[str, ...] | None) -> Diagnostic:
    known = list(columns or ())
    close = nearest(node.id, known)
    what = "its column is" if len(known) == 1 else "its columns are"
    hint = f"did you mean `{close}`?" if close else f"{what} {listed(known, 'and')}"
    return error("RN018", f"the source has no column `{node.id}`", node.span, help=hint)


def no_method(node: Name, scope: Scope) -> Diagnostic:
    """The diagnostic for a name in the place of a method's."""
    methods = [n for n, d in scope.names.items() if d.kind == "method"]
    close = nearest(node.id, methods)
    hint = f"did you mean `{close}`?" if close else f"its methods are {listed(methods, 'and')}" if methods else ""
    d = scope.names.get(node.id)
    named = Label(d.span, "named here") if d is not None else None
    return error("RK005", f"`{node.id}` is no method of this page", Label(node.span), named, help=hint)
