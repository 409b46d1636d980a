"""How good an SAE is, in the model it was trained on, and what its features are worth.

evaluation   run_evals: one pass over tokens, every metric with n and an interval
"""

from sae_widgets.evals.evaluation import kl_divergence, next_token_loss, run_evals

__all__ = ["kl_divergence", "next_token_loss", "run_evals"]
