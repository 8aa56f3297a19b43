"""A network on a picture: what each block makes of it, recorded by hooks on the built module alone."""
