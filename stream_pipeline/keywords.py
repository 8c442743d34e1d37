"""Keywords of the reference as nested settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cfg.errors import ConfigError, did_you_mean
from cfg.keywords import PLACES

SPECIAL_KEYWORDS = ("online_mode", "N_d")
KNOWN_KEYWORDS = (*PLACES, *SPECIAL_KEYWORDS)

__all__ = ["KNOWN_KEYWORDS", "PLACES", "nested"]


def nested(keywords: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`setup()` keywords as nested settings; an unknown one is refused with the nearest name."""
    groups: dict[str, dict[str, Any]] = {}
    for key, value in keywords.items():
        if key == "online_mode":
            groups.setdefault("stream", {})["mode"] = "online" if value else "offline"
        elif key in PLACES:
            group, name = PLACES[key]
            groups.setdefault(group, {})[name] = _plain(key, value)
        elif key not in SPECIAL_KEYWORDS:
            raise ConfigError(f"{key} is not an option of setup{did_you_mean(key, KNOWN_KEYWORDS)}")
    return groups


def _plain(key: str, value: object) -> object:
    """The value without numpy's types, which settings do not take."""
    if key == "v_min_max_for_clip" and value is not None:
        try:
            with np.errstate(over="ignore"):
                limits = np.asarray(value, np.float32).reshape(2, -1)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{key} must be two rows of numbers ({error})") from error
        if not np.isfinite(limits).all():
            raise ConfigError(f"{key} holds values that are not finite numbers")
        return limits.tolist()
    return value.item() if isinstance(value, np.generic) else value
