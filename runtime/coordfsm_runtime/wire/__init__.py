"""What travels between processes: datagrams, their seal, pieces of large messages, and the socket."""
