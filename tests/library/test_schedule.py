import pytest
import torch
from template3d.runtime.errors import InputError
from template3d.training.stage import Schedule


def test_compiled_steps_without_a_compiler_are_an_error_that_says_what_to_do(monkeypatch):
    settings = {"epochs": 1, "halve_learning_rate_every": 1, "precision": "32", "compile": True}
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"no-such-compiler is not on the PATH; install g\+\+"):
        Schedule.of(settings, seed=0, gpus=0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("CC", "no-such-c")
    with pytest.raises(InputError, match="no-such-c is not on the PATH; install gcc"):
        Schedule.of(settings, seed=0, gpus=1)
    assert not Schedule.of(settings | {"compile": False}, seed=0, gpus=0).compile


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({}, "32"),  # not x86
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "32"),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "AMD EPYC 9004"}, "bf16"),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "Intel Xeon"}, "32"),
        ({"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
    ],
)
def test_auto_is_bf16_only_where_the_processor_is_faster_in_it(monkeypatch, capabilities, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    settings = {"epochs": 1, "halve_learning_rate_every": 1, "precision": "auto", "compile": False}
    assert Schedule.of(settings, seed=0, gpus=0).precision == precision
    assert Schedule.of(settings | {"precision": "bf16"}, seed=0, gpus=0).precision == "bf16"


@pytest.mark.parametrize("supported", [True, False])
def test_auto_is_bf16_only_where_the_gpu_has_it(monkeypatch, supported):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported or including_emulation)
    settings = {"epochs": 1, "halve_learning_rate_every": 1, "precision": "auto", "compile": False}
    assert Schedule.of(settings, seed=0, gpus=1).precision == ("bf16" if supported else "32")
