//! What policies mean: the evaluator.
