"""How products of matrices are computed, and that they are as exact as fp32."""

import pytest
import torch

from ganvas.core.device import EXACT, quicken


@pytest.mark.parametrize("steady", [True, False])
def test_products_are_those_of_fp32(steady):
    quicken(torch.device("cpu"), steady)
    a, b = torch.randn(2, 300, 300, generator=torch.Generator().manual_seed(1)).unbind()
    exact = a.double() @ b.double()
    assert (a @ b - exact).norm() / exact.norm() < EXACT


def test_what_is_less_exact_is_not_taken(monkeypatch):
    monkeypatch.setattr("ganvas.core.device._error", lambda: 2e-3)
    quicken(torch.device("cpu"))
    assert torch.get_float32_matmul_precision() == "highest"


def test_shapes_that_do_not_come_again_have_the_plain_product():
    torch.set_float32_matmul_precision("medium")
    quicken(torch.device("cpu"), steady=False)
    assert torch.get_float32_matmul_precision() == "highest"
