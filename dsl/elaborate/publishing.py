"""`publish "hf://owner/name" { license = "apache-2.0" }`: where a page that has run is shared."""

from __future__ import annotations

from ..diagnostics import SpecError, error
from ..model.experiment import Publish
from ..model.files import shortened
from ..model.hub import parsed_address
from ..model.options import PublishOptions
from ..syntax.tree import Expr, Statement
from .context import Context, value_of
from .scope import Scope


def publishing(s: Statement, context: Context) -> Publish | None:
    """The model that a page publishes itself to; None where its options are wrong. Raises SpecError."""
    scope = Scope(context.names, context.folder, "publish")
    options = context.attempt(lambda s: context.validated(PublishOptions, s, scope), s)
    repository = _repository(value_of(s), scope, context)
    return Publish(repository, options, s.span) if options is not None else None


def _repository(value: Expr, scope: Scope, context: Context) -> str:
    text = context.reader.constant(value, scope)
    if not isinstance(text, str):
        raise SpecError(error("RS111", "a page is published to an address such as `hf://owner/name`", value.span))
    try:
        address = parsed_address(text, "model")
    except ValueError:
        hint = 'it is written `publish "hf://owner/name"`'
        message = f"`{shortened(text)}` is no model of the Hub"
        raise SpecError(error("RS111", message, value.span, help=hint)) from None
    if address.commit or address.path:
        hint = f'write `publish "hf://{address.repository}"`'
        raise SpecError(error("RS111", "publishing makes a new commit of a whole model", value.span, help=hint))
    return address.repository
