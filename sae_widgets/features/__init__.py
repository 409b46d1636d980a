"""What each feature of an SAE responds to and does.

    statistics  FeatureStatistics: all features' numbers and texts, gathered in one pass
    gathering   the pass: sums, histograms and contexts, batch by batch
    files       the same on disk
    logits      what a feature does to the next token's logits
"""
