"""A REST service without code: what it offers, and how that is asked for, stands in its YAML."""
