// Hears clicks in plotly's own drawing of the volumes, which Streamlit does not report from three dimensions. The
// drawing is made anew with every selection, so it is looked for again and again.

class Webgl extends View {
  constructor(root) {
    super(root, "webgl");
    this.root.hidden = true;
    const timer = setInterval(() => (this.root.isConnected ? this.look() : clearInterval(timer)), 300);
  }

  look() {
    const plot = document.querySelector(".st-key-inspect-webgl .js-plotly-plot");
    if (!plot?.on || plot === this.plot) return;
    this.plot = plot;
    plot.on("plotly_click", ({ points }) => {
      const card = points[0]?.customdata;
      if (Number.isInteger(card) && card >= 0) this.select(card);
    });
  }
}
