"""Finding what sounds in a picture: a video looked through, and told apart by sight and sound."""
