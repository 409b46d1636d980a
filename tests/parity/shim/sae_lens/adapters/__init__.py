"""SAELens' functions whose counterpart here is called otherwise: each only turns arguments and results around."""
