"""Report -> pictures: the graph for graphviz, charts for plotly, and the one palette."""
