"""Numbers as a person reads them."""


def percent(share: float) -> str:
    """A share in [0, 1], two digits that count: 0.0123 is 1.2 %."""
    if share == 0:
        return "0 %"
    shown = share * 100
    return f"{shown:.0f} %" if shown >= 10 else f"{shown:.1f} %" if shown >= 1 else f"{shown:.2g} %" if shown >= 0.001 else f"{shown:.0e} %"


def duration(seconds: float) -> str:
    """Time left: 95 is 1 min 35 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
