"""Hidden states on disk, and as an autoencoder sees them."""
