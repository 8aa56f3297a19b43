"""All runs of this machine: found, compared, taken away."""

from explorer.ui import library

library.show()
