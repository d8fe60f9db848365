"""Operators: words joined by the algebra of operators."""

from __future__ import annotations

from ..diagnostics import SpecError, error
from ..model import terms as t
from ..model.word import Operator, Word
from ..syntax.tree import Binary, Call, Dot, Expr, Name, Negative
from .absent import no_member
from .reader import Reader, parts
from .scope import Scope

DEEPEST = 5
"""How deep operators may stand in the arguments of others."""


class Operators(Reader):
    """Reads operators."""

    def operator(self, node: Expr, scope: Scope) -> t.OperatorTerm:
        """An operator: words, `@`, `+`, `-`, `*` and `/` by numbers, `.H`. Raises SpecError."""
        self.tick(node.span)
        match node:
            case Binary(op="@"):
                left, right = self.operator(node.left, scope), self.operator(node.right, scope)
                return t.Compose(parts(t.Compose, left) + parts(t.Compose, right), span=node.span)
            case Binary(op="+" | "-"):
                left, right = self.operator(node.left, scope), self.operator(node.right, scope)
                if node.op == "-":
                    right = t.Scaled(-1.0, right, span=node.right.span)
                return t.SumOf(parts(t.SumOf, left) + parts(t.SumOf, right), span=node.span)
            case Binary(op="*") if self.is_constant(node.left, scope):
                factor = self.plain(node.left, scope, "the factor of an operator")
                return t.Scaled(factor, self.operator(node.right, scope), span=node.span)
            case Binary(op="*" | "/") if self.is_constant(node.right, scope):
                factor = self.plain(node.right, scope, "the factor of an operator")
                if node.op == "/":
                    if factor == 0:
                        raise SpecError(error("RT004", "division by zero", node.op_span))
                    factor = 1 / factor
                return t.Scaled(factor, self.operator(node.left, scope), span=node.span)
            case Binary():
                hint = f"write `{_one_line(node.left)} @ {_one_line(node.right)}`" if node.op == "*" else ""
                message = f"`{node.op}` needs a number on one side; operators are composed by `@`"
                raise SpecError(error("RK003", message, node.op_span, help=hint))
            case Negative(operand=operand):
                return t.Scaled(-1.0, self.operator(operand, scope), span=node.span)
            case Dot(base=base, member="H"):
                of = self.operator(base, scope)
                return of.of if isinstance(of, t.Adjoint) else t.Adjoint(of, span=node.span)
            case Name() | Dot():
                found = self.named(node, scope, "operator", self.operator)
                if found is not None:
                    return found
                if isinstance(node, Dot):
                    raise SpecError(no_member(self, node, scope))
                return self._leaf(node, scope)
            case Call():
                return self._leaf(node, scope)
        raise SpecError(error("RK002", "expected an operator", node.span))

    def _leaf(self, node: Expr, scope: Scope) -> t.Leaf:
        if self.nested >= DEEPEST:
            message = f"operators stand more than {DEEPEST} deep in the brackets of others here"
            raise SpecError(error("RN024", message, node.span, help="`stack` takes any number side by side"))
        self.nested += 1
        try:
            word = self.word(node, "operator", scope)
        finally:
            self.nested -= 1
        assert isinstance(word, Operator)
        return t.Leaf(word, scope.word_place(word.word) if _draws(word) else "", span=node.span)


def _draws(word: Operator) -> bool:
    """Whether the word, or one in its arguments, draws from a seed of its own place. Others are equal anywhere."""
    words = [w for w in t.everything(word) if isinstance(w, Word)]
    return any(w.random and getattr(w, "seed", "auto") == "auto" for w in words)


def _one_line(node: Expr) -> str:
    text = " ".join(node.span.text.split())
    return text if len(text) <= 40 else "..."
