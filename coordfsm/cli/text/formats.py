"""The formats of pictures. Light, so that the help of the command names them without drawing anything."""

FORMATS = ("svg", "png", "dot", "mermaid")
