"""Terms and the normal form of means and priors."""

import pytest
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.problem import affine
from recon.dsl.model.terms import (
    Apply,
    Compose,
    Constant,
    Leaf,
    Measured,
    Plus,
    Pointwise,
    Scaled,
    SumOf,
    Times,
    Unknown,
    ValueTerm,
    everything,
    inside,
    unknowns_in,
)
from recon.dsl.model.units import LENGTH, Quantity
from recon.dsl.vocabulary.functions import Exp
from recon.dsl.vocabulary.operators.basic import Identity
from recon.dsl.vocabulary.operators.fourier import Cosine

A, B, x, z = Leaf(Cosine()), Leaf(Identity()), Unknown("x"), Unknown("z")


def test_operators_gather_in_front_of_the_unknown() -> None:
    mean = affine(Apply(A, Apply(B, x)))
    assert mean.blocks == {"x": Compose((A, B))}
    assert (mean.offset, mean.link, mean.factor) == (0.0, None, 1.0)


def test_factors_and_constants() -> None:
    mean = affine(Plus((Times(2.0, Apply(A, x)), Constant(3.0), Times(-1.0, Constant(1.0)))))
    assert mean.blocks == {"x": Scaled(2.0, A)}
    assert mean.offset == 2.0
    assert affine(Times(3.0, Times(2.0, Apply(A, x)))).blocks == {"x": Scaled(6.0, A)}


def test_sums_over_several_unknowns() -> None:
    mean = affine(Plus((Apply(A, Plus((x, z))), x)))
    assert mean.blocks == {"x": SumOf((A, Leaf(Identity()))), "z": A}


def test_one_function_may_stand_outermost() -> None:
    mean = affine(Times(100.0, Pointwise(Exp(), Times(-1.0, Apply(A, x)))))
    assert (mean.link, mean.factor) == ("exp", 100.0)
    assert mean.blocks == {"x": Scaled(-1.0, A)}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (Apply(A, Constant(3.0)), "RC020"),
        (Apply(A, Pointwise(Exp(), x)), "RC021"),
        (Plus((Pointwise(Exp(), x), Constant(1.0))), "RC021"),
        (Measured("y"), "RC022"),
        (Times(Quantity(1.0, LENGTH), x), "RC024"),
        (Plus((x, Constant(Quantity(1.0, LENGTH)))), "RC024"),
    ],
)
def test_what_is_not_of_that_form_is_refused(value: ValueTerm, code: str) -> None:
    with pytest.raises(SpecError) as e:
        affine(value)
    assert [d.code for d in e.value.diagnostics] == [code]


def test_everything_inside_a_term_is_found_in_order() -> None:
    value = Plus((Apply(A, x), Times(2.0, z), x))
    assert inside(value) == [Apply(A, x), Times(2.0, z), x]
    assert everything(value)[1:4] == [Apply(A, x), A, A.word]
    assert unknowns_in(value) == ["x", "z"]
