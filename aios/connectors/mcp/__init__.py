"""Any MCP server as a connector: its tools, mapped to capabilities in YAML.

The client is our own. The official SDK brings thirty packages, an event loop and half a second of import; it reads a
line of a server without any bound, and its errors do not tell whether a call had been sent, which is what the executor
has to know. What is needed of the protocol is small: a handshake, a list, a call.
"""
