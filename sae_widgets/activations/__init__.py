"""From text to shuffled batches of activations.

documents     text, chats and token rows, wherever they are
chats         conversations as text
held_out     documents kept out of training, for evaluation
token_rows    documents -> rows of `context_size` tokens
token_files   rows of tokens on the disk
hook_reader   one forward of the model, up to the last hook that is read
settings      StoreSettings: what is read, and how it is batched
sources       rows -> activations
soundness     activations that are no numbers, and the text that made them
ahead         a source read ahead by a thread
cache         activations on the disk; arrow_rows: in SAELens' layout; cache_source: as a source
buffer        the mixing buffer
store         ActivationsStore: all of these -> batches
"""
