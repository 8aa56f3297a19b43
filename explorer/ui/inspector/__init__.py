"""The views of the Inspect page: their data, and the component that draws them with one selection for all."""
