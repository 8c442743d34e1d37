"""The reference's flat keywords, and where each one lives among our settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cfg.errors import ConfigError, did_you_mean

PLACES = {
    "max_size": ("source", "max_size"),
    "template_n_frames": ("source", "template_frames"),
    "crop_scale": ("source", "crop_scale"),
    "crop_vx_ratio": ("source", "crop_vx_ratio"),
    "crop_vy_ratio": ("source", "crop_vy_ratio"),
    "crop_flag_do_rot": ("source", "crop_rotate"),
    "smo_k_s": ("source", "smoothing"),
    "emo": ("condition", "emotion"),
    "eye_f0_mode": ("condition", "eye_first_frame"),
    "ch_info": ("condition", "override"),
    "overlap_v2": ("motion", "overlap"),
    "fix_kp_cond": ("motion", "hold_identity"),
    "fix_kp_cond_dim": ("motion", "hold_dims"),
    "sampling_timesteps": ("motion", "steps"),
    "seed": ("motion", "seed"),
    "v_min_max_for_clip": ("motion", "clip"),
    "smo_k_d": ("motion", "smoothing"),
    "use_d_keys": ("stitch", "use_keys"),
    "relative_d": ("stitch", "relative"),
    "drive_eye": ("stitch", "drive_eye"),
    "delta_eye_arr": ("stitch", "eye_open"),
    "delta_eye_open_n": ("stitch", "blink_interval"),
    "fade_type": ("stitch", "fade_type"),
    "fade_out_keys": ("stitch", "fade_keys"),
    "flag_stitching": ("stitch", "stitching"),
    "overall_ctrl_info": ("stitch", "overall"),
    "ctrl_info": ("stitch", "controls"),
}
SPECIAL = ("online_mode", "N_d")
KNOWN = (*PLACES, *SPECIAL)


def nested(keywords: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`setup()` keywords as nested settings; an unknown one is refused with the nearest name."""
    groups: dict[str, dict[str, Any]] = {}
    for key, value in keywords.items():
        if key == "online_mode":
            groups.setdefault("stream", {})["mode"] = "online" if value else "offline"
        elif key in PLACES:
            group, name = PLACES[key]
            groups.setdefault(group, {})[name] = _plain(key, value)
        elif key not in SPECIAL:
            raise ConfigError(f"{key} is not an option of setup{did_you_mean(key, KNOWN)}")
    return groups


def _plain(key: str, value: Any) -> Any:
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
