"""The processor's name, as bundles and `model verify` tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.cpu_name import cpu_name

if TYPE_CHECKING:
    from pathlib import Path


def test_the_processor_is_named_with_what_decides_speed(tmp_path: Path) -> None:
    """Name, family, model and the instruction sets that matter are told; others are not."""
    info = tmp_path / "cpuinfo"
    info.write_text(
        "processor\t: 0\nmodel name\t: AMD EPYC\ncpu family\t: 25\nmodel\t\t: 17\n"
        "flags\t\t: fpu avx2 avx512f avx512_vnni\n\n"
    )
    assert cpu_name(info) == "AMD EPYC, family/model 25/17, avx2 avx512f avx512_vnni"


def test_an_unknown_processor_has_a_name_too(tmp_path: Path) -> None:
    """Without /proc/cpuinfo the machine's type is told."""
    assert cpu_name(tmp_path / "none")
