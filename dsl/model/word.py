"""Words: what a spec can say.

A word's first half is a frozen pydantic model: its parameters with units and bounds, and its facts. Its second half,
its meaning, is registered by the runtime. A word states facts and never solves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from .facts import Facts
from .space import Space
from .units import NONE, Dimension

if TYPE_CHECKING:
    from pathlib import Path

    from .fields import FilePath
    from .place import Placed
    from .problem import Affine, FunctionFacts
    from .terms import OperatorTerm


def snake(name: str) -> str:
    """The name of a word whose class is called so: `PoissonDisc` is `poisson_disc`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Word(BaseModel):
    """The base of all words. The class docstring is the word's one-line description, then its formula and source.

    expression_kind: the kind of expression the word is, such as "operator".
    word: its name in a spec; by default the class name in lower case with underscores.
    formula: what it computes, in LaTeX.
    reference: where it is from.
    variadic: the name of the parameter that takes all positional arguments, if any.
    random: whether it draws at random, from a seed of its own.
    exclusive: parameters that say the same thing, of which one may be given.
    keyed: the name of the parameter that takes options called like unknowns of the page, each a solver.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, arbitrary_types_allowed=True)

    expression_kind: ClassVar[str] = ""
    word: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    reference: ClassVar[str] = ""
    example: ClassVar[str] = ""
    variadic: ClassVar[str | None] = None
    random: ClassVar[bool] = False
    exclusive: ClassVar[tuple[str, ...] | None] = None
    keyed: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "word" not in cls.__dict__:
            cls.word = snake(cls.__name__)


class Operator(Word):
    """A linear operator.

    `codomain` raises SpaceError where the domain does not fit. `needs` says whether the operator lives on complex
    numbers only: a real domain is then embedded first.
    """

    expression_kind: ClassVar[str] = "operator"
    needs: ClassVar[str] = "any"
    uneven: ClassVar[bool] = False
    """Whether A^H A sees some directions far better than others and is cheaper than A and A^H: gradient steps on
    |A x - y|^2 are slow then, and a few conjugate gradients are not."""
    linear_in: ClassVar[tuple[str, ...]] = ()
    """The parameters in which A x is linear too, for fixed x: a kernel, sensitivity maps."""

    def codomain(self, domain: Space) -> Space:
        """The space of A x for x in `domain`."""
        raise NotImplementedError

    def preimage(self, codomain: Space) -> Space:
        """A domain whose codomain is `codomain`, for adjoints written out; the same space unless overridden."""
        return codomain

    def facts(self, domain: Space) -> Facts:
        """What is known of the operator on this domain."""
        return Facts()

    def stored(self, domain: Space) -> int:
        """How many numbers a dense matrix holds that is drawn for this domain; zero of all other operators."""
        return 0


class Kernel(Word):
    """The kernel of a convolution; its centre is the middle of its array, index `size // 2` along each axis."""

    expression_kind: ClassVar[str] = "kernel"

    @property
    def averages(self) -> bool:
        """Whether no entry is negative and they sum to one (each kernel of a stack)."""
        return False

    @property
    def symmetric(self) -> bool:
        """Whether mirroring along any one axis leaves it as it is."""
        return False

    @property
    def complex_valued(self) -> bool:
        return False

    def extents(self, dimensions: int) -> tuple[int, ...]:
        """The extents of its array over that many axes."""
        raise NotImplementedError

    def stack(self, dimensions: int) -> int | None:
        """How many kernels it holds, one for each entry of the axis in front; None: one for all."""
        return None


class Array(Word):
    """A fixed array of numbers."""

    expression_kind: ClassVar[str] = "array"

    @property
    def complex_valued(self) -> bool:
        return False

    @property
    def nonnegative(self) -> bool:
        """Whether no entry can be negative."""
        return False

    def shape(self, domain: Space) -> tuple[int, ...] | None:
        """Its extents, for use on `domain`; None where they follow the domain."""
        return None


class Draw(Word):
    """Numbers drawn at random, as many as their place needs; all of one `dimension`."""

    expression_kind: ClassVar[str] = "draw"
    random: ClassVar[bool] = True

    @property
    def least(self) -> float:
        """The smallest number that it may draw, in base units."""
        raise NotImplementedError

    @property
    def dimension(self) -> Dimension:
        raise NotImplementedError


class Maps(Word):
    """Coil sensitivity maps. `normalised`: their squared moduli add up to one at each pixel; `cropped`: or to zero."""

    expression_kind: ClassVar[str] = "maps"
    normalised: ClassVar[bool] = False
    cropped: ClassVar[bool] = False

    def count(self) -> int | None:
        """The number of coils, where it is known before data are read."""
        return None


class Density(Word):
    """Where the points of a mask lie."""

    expression_kind: ClassVar[str] = "density"


class Trajectory(Word):
    """Where k-space is sampled: `axes` names and counts the lines and the samples on each."""

    expression_kind: ClassVar[str] = "trajectory"
    dimensions: ClassVar[int] = 2

    def axes(self) -> tuple[tuple[str, int], ...]:
        raise NotImplementedError


class Compensation(Word):
    """How much of k-space each sample of a trajectory stands for."""

    expression_kind: ClassVar[str] = "compensation"
    needs_lines: ClassVar[bool] = False
    """Whether it holds for straight lines only."""


class Function(Word):
    """A pointwise function of a value."""

    expression_kind: ClassVar[str] = "function"


class Law(Word):
    """A law of noise, with the mean in its field `mean`; the noise line is minus its log-density."""

    expression_kind: ClassVar[str] = "law"
    counts: ClassVar[bool] = False
    """Whether it counts events, so that the mean may not be negative."""
    nonnegative: ClassVar[bool] = False
    """Whether a measurement cannot be negative."""

    mean: Any

    def inner(self) -> OperatorTerm | None:
        """What acts on the measurement and on its mean before they are compared, such as a whitening."""
        return None

    def function(self, mean: Affine, space: Space) -> FunctionFacts:
        """Facts of the data term as a function of the linear argument of the mean."""
        raise NotImplementedError

    @property
    def samples(self) -> bool:
        """Whether measurements can be drawn from the law."""
        raise NotImplementedError

    def require_link(self, mean: Affine, link: str | None) -> None:
        """Raise ValueError unless the mean has this pointwise function around it (None: it is linear)."""
        if mean.link != link:
            wanted = f"`{link}(...)`" if link else "linear in the unknown"
            raise ValueError(f"the mean of `{self.word}` must be {wanted}, not `{mean.link}(...)`")
        if mean.power != 1:
            raise ValueError(f"the mean of `{self.word}` must not be a power of `{mean.link}(...)`")

    def require_real(self, space: Space) -> None:
        """Raise ValueError unless the mean is real."""
        if space.field != "real":
            raise ValueError(f"`{self.word}` measures real numbers, and this mean is {space}")


class ImageLaw(Word):
    """A law of unknowns that is known by what it makes of noisy ones: it stands in priors, `x ~ denoiser(w)`."""

    expression_kind: ClassVar[str] = "law"

    def function(self, weight: float, space: Space, range: tuple[float, float] | None) -> FunctionFacts:
        """Facts of weight times minus its log-density on `space`, for values in `range` where that is known.

        Raises ValueError where it is no law of that space.
        """
        raise NotImplementedError


class EnergyWord(Word):
    """An energy g(K v) of its argument `of`, with K from `inner`."""

    expression_kind: ClassVar[str] = "energy"

    if TYPE_CHECKING:
        of: Any

    def inner(self) -> OperatorTerm | None:
        """The operator between the argument and the function, such as the gradient of total variation."""
        return None

    def function(self, weight: float, space: Space) -> FunctionFacts:
        """Facts of weight * g as a function on `space`."""
        raise NotImplementedError


class Set(Word):
    """A closed set with a projection."""

    expression_kind: ClassVar[str] = "set"
    real_only: ClassVar[bool] = True
    """Whether it orders numbers, so that complex ones cannot lie in it."""

    def function(self, space: Space) -> FunctionFacts:
        """Facts of the set's indicator. Raises ValueError where the set does not fit the space."""
        from .problem import FunctionFacts

        return FunctionFacts(constraint=True)


class Source(Word):
    """Where data come from. `columns` is None where only the file tells."""

    expression_kind: ClassVar[str] = "source"
    fitted: ClassVar[bool] = False
    """Whether rows are drawn at, or brought to, the unknown's extents."""

    def columns(self) -> tuple[str, ...] | None:
        return None

    def dimension(self, column: str) -> Dimension:
        """The dimension of a column, whose numbers are in base units: an angle's in radians, a length's in metres."""
        return NONE

    def splits(self) -> tuple[str, ...]:
        """The values of `split` that it knows; none where it has no parts."""
        return ()

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        """Files that it finds by itself, beside those that its parameters name; digests cover their content.

        Raises FileError where the parameters cannot name any.
        """
        return ()


class Schedule(Word):
    """A number for each iteration."""

    expression_kind: ClassVar[str] = "schedule"

    def extremes(self, iterations: int) -> tuple[float, float]:
        """The smallest and the largest number over so many iterations."""
        raise NotImplementedError


class Loss(Word):
    """How networks are trained: what a `train` line names, with the options of its body."""

    expression_kind: ClassVar[str] = "loss"


class Distance(Word):
    """How far a network's answer is from what it should be."""

    expression_kind: ClassVar[str] = "distance"


class Optimizer(Word):
    """How weights move along the gradient of a loss."""

    expression_kind: ClassVar[str] = "optimizer"


class Rates(Word):
    """The learning rate of each step, as a share of the optimizer's."""

    expression_kind: ClassVar[str] = "rates"


class Augmentation(Word):
    """One way that patches are changed while a network is trained on them."""

    expression_kind: ClassVar[str] = "augmentation"


class Metric(Word):
    """A measure of an estimate against the truth. `title`: what it is called in print, where not by its name."""

    expression_kind: ClassVar[str] = "metric"
    title: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = True
    of_run: ClassVar[bool] = False
    """Whether it measures how a problem was solved, not the estimate: it needs no truth."""
    dimension: ClassVar[Dimension] = NONE
    undefined: ClassVar[str] = ""
    """Where it has no value, so that a row gets none: a truth of zero, say."""


class ImageMetric(Metric):
    """A measure of real images, which are the last axes of what it compares; it needs a data range."""

    @property
    def spans(self) -> int:
        """How many axes an image has."""
        return 2

    @property
    def least(self) -> int:
        """The smallest extent of an image that it can compare."""
        raise NotImplementedError

    def advice(self, smallest: int) -> str:
        """What to write instead for images whose smallest extent is less than `least`."""
        return f"leave `{self.word}` out for images this small"


class WeightRule(Word):
    """How the weight of a prior is found: `auto(discrepancy)` in the place of a number.

    The class itself stands for `auto` without a rule until the noise lines are known, which say which one it is.
    """

    expression_kind: ClassVar[str] = "rule"
    needs: ClassVar[str] = ""
    """What it must know of the noise: "level", "gaussian" with its level, or "value" of the data term."""


class View(Word):
    """Something a report shows: a table, a figure, curves."""

    expression_kind: ClassVar[str] = "view"


class Network(Word):
    """A network, whose output is a function of its weights.

    fitted: whether it can be applied as it stands, since it has weights, is about to get them, or needs none.
    """

    expression_kind: ClassVar[str] = "network"
    fitted: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    """Whether it takes an image and gives one of the same extents."""
    conditional: ClassVar[bool] = False
    """Whether it is told the noise level too."""
    residual: ClassVar[bool] = False
    """Whether its layers find what is wrong with the image, which is taken off it."""
    normalises: ClassVar[bool] = False
    """Whether layers normalise by means over the whole image, on which a pixel depends beside its receptive field."""

    @property
    def multiple(self) -> int:
        """What the extents of an image have to be a multiple of."""
        return 1

    @property
    def receptive_field(self) -> int | None:
        """How many pixels wide the part of the input is that a pixel of the output depends on; None: all of it."""
        return None

    def parameters(self, planes: int) -> int | None:
        """How many numbers are trained, for images of so many planes; None: only who builds it knows."""
        raise NotImplementedError

    def misfit(self, output: Space) -> tuple[str, str] | None:
        """Why its output cannot lie in that space, and what would help; None where it can."""
        return None


class Weights(Word):
    """Where the weights of a network come from: a folder of the zoo, in the package, on disk or on the Hub."""

    expression_kind: ClassVar[str] = "weights"

    def place(self, folder: Path) -> Path | None:
        """The folder on this machine that holds them, for a page in `folder`; None: they are to be fetched first.

        Raises FileError where it can be nowhere.
        """
        raise NotImplementedError

    def card(self, folder: Path) -> Path | None:
        """The folder on this machine that holds at least their contract; None: there is none yet. Raises FileError."""
        return self.place(folder)

    def files(self, folder: Path) -> tuple[FilePath, ...]:
        """The files whose content the digest covers; none where the address is pinned. Raises FileError."""
        return ()


class TrackerWord(Word):
    """What a `log` line names: where a run can be watched and found again beside its own folder.

    remote: whether it can send something away from this machine.
    """

    expression_kind: ClassVar[str] = "tracker"
    remote: ClassVar[bool] = False


class Analysis(Word):
    """Something an `analyze` line computes of operators or methods."""

    expression_kind: ClassVar[str] = "analysis"
    yields: ClassVar[tuple[str, ...]] = ()
    """Names of the numbers it adds to each row's metrics."""

    @property
    def once(self) -> Literal["page", "method", "row"]:
        """What it is found once for: the page, each method (at the estimate of its first row), or each row."""
        return "page"

    def misfit(self, operators: Sequence[Placed], unknown: Space) -> tuple[str, str] | None:
        """Why it cannot be computed, and what would help; None where it can.

        operators: those that it names, placed. unknown: the space of the page's first unknown.
        """
        return None
