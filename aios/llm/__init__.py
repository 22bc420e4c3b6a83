"""Language models behind one Protocol: services that speak OpenAI's chat completions, and wrappers around them."""
