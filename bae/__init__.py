"""Binary Autoencoders for the hidden states of language models: train, index, measure, explore.

Implements Cho et al., "Binary Autoencoder for Mechanistic Interpretability of Large Language Models" (arXiv:2509.20997).
"""
