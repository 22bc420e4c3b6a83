"""A language model of half a megabyte with random weights: a real one to whoever serves it, though it talks nonsense.

It is made on the spot. Letters, bytes and a few words are its tokens. Two dimensions of its embeddings are kept clear
of noise: one is the same for every token and carries how likely each token is, so that what it says looks a little
like JSON; the other tells a line's end, behind which an answer begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 128
CONTEXT = 16_384  # tokens
RARE, BRIEF = -30.0, 12.0
WORDS = ("the", "and", "plan", "note", "output", "title", "true", "false", "null", "data", "memory", "state")
LIKELY = {'"': 10.0, "}": 4.0, "]": 5.0, ",": 1.0, ":": 2.0, "{": 1.0, "▁": -1.0, "\\": -8.0}
TEMPLATE = """\
{%- if tools %}<|im_start|>system
Tools:
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
To use one, write <tool_call>{"name": <name>, "arguments": <arguments>}</tool_call><|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% else %}<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for each in message.tool_calls or [] %}
<tool_call>{"name": "{{ each.function.name }}", "arguments": {{ each.function.arguments | tojson }}}</tool_call>
{%- endfor %}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


@dataclass
class _Tokens:
    """The vocabulary, and how likely each token is."""

    texts: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    types: list[int] = field(default_factory=list)
    likely: list[float] = field(default_factory=list)

    def add(self, text: str, kind: int, *, score: float = 0.0, likely: float = 0.0) -> int:
        self.texts.append(text)
        self.scores.append(score)
        self.types.append(int(kind))
        self.likely.append(likely)
        return len(self.texts) - 1


def write(path: Path, *, tools: bool, brief: bool) -> None:
    """Write the model as GGUF. With `tools` it reaches for a tool wherever one is offered; `brief` ones soon end."""
    import gguf
    import numpy as np

    random = np.random.default_rng(7)
    kind = gguf.TokenType
    tokens = _Tokens()
    unknown, begin, _ = (tokens.add(text, kind.CONTROL, likely=RARE) for text in ("<unk>", "<s>", "</s>"))
    newline, *_ = (tokens.add(f"<0x{byte:02X}>", kind.BYTE, likely=-12.0) for byte in (10, *range(10), *range(11, 256)))
    tokens.add("<|im_start|>", kind.CONTROL, likely=RARE)
    end = tokens.add("<|im_end|>", kind.CONTROL, likely=BRIEF if brief else 1.5)
    call, _ = (tokens.add(text, kind.USER_DEFINED, likely=RARE) for text in ("<tool_call>", "</tool_call>"))
    for letter in ["▁", *map(chr, range(33, 127))]:
        tokens.add(letter, kind.NORMAL, score=-1.0, likely=LIKELY.get(letter, float(random.normal(0, 0.5))))
    for part in sorted({word[:length] for word in WORDS for length in range(2, len(word) + 1)}):
        tokens.add(part, kind.NORMAL, score=float(len(part)), likely=0.0 if part in WORDS else RARE)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens.texts))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens.texts)
    writer.add_token_scores(tokens.scores)
    writer.add_token_types(tokens.types)
    writer.add_unk_token_id(unknown)
    writer.add_bos_token_id(begin)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    weights = _weights(random, tokens.likely)
    weights["token_embd.weight"][newline, 1] = 1.0
    weights["output.weight"][call, 1] = 20.0 if tools else 0.0
    for name, each in weights.items():
        writer.add_tensor(name, each)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _weights(random: Any, likely: list[float]) -> dict[str, Any]:
    """Random matrices. Nothing writes into dimensions 0 and 1: they reach the output as they were."""
    import numpy as np

    def matrix(rows: int, columns: int, spread: float = 0.05) -> Any:
        return random.normal(0, spread, (rows, columns)).astype(np.float32)

    embedding, output = matrix(len(likely), WIDTH, 0.1), matrix(len(likely), WIDTH, 0.3)
    embedding[:, :2] = (1.0, 0.0)
    output[:, 0] = np.array(likely) * np.sqrt((1 + (WIDTH - 1) * 0.01) / WIDTH)  # undoes the final norm
    found = {"token_embd.weight": embedding, "output_norm.weight": np.ones(WIDTH, np.float32), "output.weight": output}
    for layer in range(LAYERS):
        into, down = matrix(WIDTH, WIDTH), matrix(WIDTH, INNER)
        into[:2, :] = down[:2, :] = 0
        found |= {
            f"blk.{layer}.attn_norm.weight": np.ones(WIDTH, np.float32),
            f"blk.{layer}.ffn_norm.weight": np.ones(WIDTH, np.float32),
            **{f"blk.{layer}.attn_{name}.weight": matrix(WIDTH, WIDTH) for name in "qkv"},
            f"blk.{layer}.attn_output.weight": into,
            f"blk.{layer}.ffn_gate.weight": matrix(INNER, WIDTH),
            f"blk.{layer}.ffn_up.weight": matrix(INNER, WIDTH),
            f"blk.{layer}.ffn_down.weight": down,
        }
    return found
