"""What each feature of an SAE responds to and does.

survey      feature_statistics: one pass over text
gathering   what the pass sums, counts and keeps, batch by batch
best        the best of a stream, by group
statistics  FeatureStatistics: what came out, of all features
contexts    pieces of text, many in a few tensors
sample      tokens drawn at random with all that fires on them, to compare features
files       all of it on disk
columns     facts of all features side by side
contrast    what fires on one text and not on another
directions  where decoder rows point: cosines, matches, a map
prompt      what features do on one prompt, and on two side by side
logits      what a feature does to the next token's logits
"""
