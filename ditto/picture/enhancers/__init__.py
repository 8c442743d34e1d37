"""Enhancers: what makes a finished picture finer before it leaves, each a step of the putback stage."""
