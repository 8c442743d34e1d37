"""How fast this machine runs each network and stage, beside a plain execution of the same."""
