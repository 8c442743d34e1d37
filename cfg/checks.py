"""Checks of single settings, whose errors name the setting, its value and what it must be."""

from __future__ import annotations

from cfg.errors import ConfigError


def check(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigError(message)


def between(name: str, value: float, low: float, high: float) -> None:
    check(low <= value <= high, f"{name} is {value}, but must be from {low} to {high}")


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    check(value in choices, f"{name} is '{value}', but must be one of: {', '.join(choices)}")
