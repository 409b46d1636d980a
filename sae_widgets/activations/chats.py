"""Conversations as text, by the tokenizer's chat template."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

# Names of speakers in data sets of ShareGPT's form, {"from": "human", "value": "..."}.
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def chat_text(tokenizer: Any, chat: Any, name: str) -> str:
    """The conversation as the model was trained to see one.

    Args:
        tokenizer: The model's; it has the template.
        chat: Messages {"role", "content"} or {"from", "value"}, the same as JSON, or one text that the user says.
        name: What the data is called in messages.

    Raises:
        ValueError: If the tokenizer has no chat template, or this is no conversation.
    """
    if getattr(tokenizer, "chat_template", None) is None:
        raise ValueError(
            f"{name} holds conversations, and this model's tokenizer has no chat template to make text of them. Use an "
            "instruction-tuned model, or set tokenizer.chat_template."
        )
    return tokenizer.apply_chat_template(messages(chat, name), tokenize=False)


def messages(chat: Any, name: str) -> list[dict[str, Any]]:
    """The conversation as messages {"role", "content"}.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(chat, str):
        chat = _read_json(chat)
    if isinstance(chat, str):
        return [{"role": "user", "content": chat}]
    if isinstance(chat, Sequence) and all(isinstance(each, Mapping) for each in chat):
        found = [_message(each) for each in chat]
        if all(each is not None for each in found):
            return [each for each in found if each is not None]
    raise ValueError(
        f"{name} holds a conversation that cannot be read: {str(chat)[:100]!r}. A message is "
        "{'role': 'user', 'content': '...'} or {'from': 'human', 'value': '...'}."
    )


def _read_json(text: str) -> Any:
    if not text.lstrip().startswith("[{"):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _message(each: Mapping[str, Any]) -> dict[str, Any] | None:
    if "role" in each and "content" in each:
        return dict(each)
    if "from" in each and "value" in each:
        return {"role": _ROLES.get(str(each["from"]), str(each["from"])), "content": each["value"]}
    return None
