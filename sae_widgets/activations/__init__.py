"""From text to shuffled batches of activations.

documents    text, chats and token rows, wherever they are
token_rows   documents -> rows of `context_size` tokens
hook_reader  one forward of the model, up to the last hook that is read
store        ActivationsStore: rows -> activations -> mixing buffer -> batches
"""
