"""Options of a render, in one table: what is parsed, set, told of and described in docs/options.md."""
