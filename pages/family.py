"""A network varied over a grid, trained as one group."""

from explorer.ui import families

families.show()
