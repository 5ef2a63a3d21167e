"""The operator's doors to a running node: the admin socket, HTTP, the live page, metrics."""
