"""What is known of single features: how loud they are, what they point at, what they fire with, what they mean."""
