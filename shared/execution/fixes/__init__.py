"""One file an action. A fix turns a confirmed finding into steps, which are data; one
executor carries them out."""
