"""Names that the original implementation has for settings, and where each one lives among ours."""

from __future__ import annotations

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
