"""The official networks and stages, each beside a plain execution of the same."""
