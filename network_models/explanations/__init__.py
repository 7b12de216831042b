"""What a trained Keras model looks at: maps, features, embeddings."""
